//! What SQLite reports, as the library's own errors. Neither SQL nor values get into them.

use rusqlite::ErrorCode as Sqlite;

use crate::error::{Error, ErrorCode};

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Error {
        use rusqlite::Error as E;
        match &error {
            E::SqliteFailure(failure, _) => from_sqlite(failure),
            E::SqlInputError { error, .. } => from_sqlite(error),
            E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..) => damaged("a column holds another type than the schema says"),
            _ => Error::new(ErrorCode::Internal, "the store made a query it should not"),
        }
    }
}

fn from_sqlite(failure: &rusqlite::ffi::Error) -> Error {
    let unavailable = |why: &str| {
        Error::new(
            ErrorCode::StoreUnavailable,
            format!("the store {why} (SQLite {})", failure.extended_code),
        )
    };
    match failure.code {
        Sqlite::DatabaseBusy | Sqlite::DatabaseLocked | Sqlite::FileLockingProtocolFailed => {
            unavailable("is in use; try again")
        }
        Sqlite::DiskFull => unavailable("cannot grow: the disk is full"),
        Sqlite::ReadOnly => unavailable("cannot be written: the file is read-only"),
        Sqlite::CannotOpen | Sqlite::PermissionDenied | Sqlite::AuthorizationForStatementDenied => {
            unavailable("cannot be opened; check the folder and its permissions")
        }
        Sqlite::SystemIoFailure | Sqlite::OutOfMemory | Sqlite::NoLargeFileSupport => {
            unavailable("cannot be read or written")
        }
        Sqlite::DatabaseCorrupt | Sqlite::NotADatabase => damaged("SQLite found it malformed"),
        // Every statement is a constant that fits the schema of its version: what does not fit is the schema in the file.
        Sqlite::Unknown if failure.extended_code == rusqlite::ffi::SQLITE_ERROR => {
            damaged("its tables are not those of its version")
        }
        _ => Error::new(
            ErrorCode::Internal,
            format!("the store failed (SQLite {})", failure.extended_code),
        ),
    }
}

/// The file does not hold what this library writes. `what` is a text of ours.
pub(super) fn damaged(what: &str) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!("the store is damaged: {what}"),
    )
}

/// A failure of the machine that no input can cause.
pub(super) fn internal(what: &str) -> Error {
    Error::new(ErrorCode::Internal, what)
}

pub(super) fn unknown_enrollment() -> Error {
    Error::new(
        ErrorCode::UnknownEnrollment,
        "there is no such enrollment on this device",
    )
}

pub(super) fn unknown_challenge() -> Error {
    Error::new(
        ErrorCode::UnknownChallenge,
        "there is no such challenge on this device",
    )
}

pub(super) fn challenge_expired() -> Error {
    Error::new(
        ErrorCode::ChallengeExpired,
        "the challenge expired before it was decided",
    )
}
