//! The words that stand for enum values in the file. They never change: old files hold them.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::authenticator::DialectName;
use crate::challenge::{Alert, ChallengeState};
use crate::decision::{Decision, Delivery};
use crate::error::ErrorCode;
use crate::keys::{KeyAlgorithm, ProtectionLevel};
use crate::otp::Hash;
use crate::protocol::PushService;

/// A value stored as a word.
pub(super) trait Name: Copy {
    fn name(self) -> &'static str;
    fn from_name(name: &str) -> Option<Self>;
}

macro_rules! names {
    ($type:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl Name for $type {
            fn name(self) -> &'static str {
                match self { $($type::$variant => $word,)* }
            }
            fn from_name(name: &str) -> Option<Self> {
                match name { $($word => Some($type::$variant),)* _ => None }
            }
        }
    };
}

names!(ChallengeState { Open = "open", Decided = "decided", Expired = "expired" });
names!(Alert { Normal = "normal", Silent = "silent" });
names!(Decision { Approve = "approve", Deny = "deny" });
names!(Delivery {
    Queued = "queued",
    Delivered = "delivered",
    Unconfirmed = "unconfirmed",
    Undelivered = "undelivered",
    Refused = "refused",
});
names!(DialectName { Guardian = "guardian" });
names!(PushService { Apns = "apns", Fcm = "fcm" });
names!(KeyAlgorithm { Rsa2048 = "rsa-2048", P256 = "p-256" });
names!(ProtectionLevel {
    Software = "software",
    TrustedEnvironment = "trusted_environment",
    SecureElement = "secure_element",
    Unknown = "unknown",
});
names!(Hash { Sha1 = "sha-1", Sha256 = "sha-256", Sha512 = "sha-512" });

impl Name for ErrorCode {
    fn name(self) -> &'static str {
        self.as_str()
    }
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|c| c.as_str() == name)
    }
}

/// A named value as a column.
pub(super) struct Named<T>(pub(super) T);

impl<T: Name> ToSql for Named<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.name()))
    }
}

impl<T: Name> FromSql for Named<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        T::from_name(value.as_str()?)
            .map(Named)
            .ok_or(FromSqlError::InvalidType)
    }
}
