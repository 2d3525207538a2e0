//! Was a person verified? An approval key, which the phone's platform guards with a prompt, signed what was shown.
//! The key of a device is pinned at first use; another one later is told apart from it.

use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::jose::DeviceKey;
use crate::text::unb64;

/// Octets of an ES256 signature, `r‖s` (RFC 7518 §3.4).
const SIGNATURE: usize = 64;

/// Whether an answer carries the signature of an approval key, and whether that is the key pinned for its device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonCheck {
    /// What was found.
    pub verified: Verified,
    /// RFC 7638 thumbprint of the key that signed, where the signature holds.
    pub key: Option<String>,
}

/// Whether a person was verified, as far as a server can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verified {
    /// The pinned key signed what was shown, or the first key of this device did.
    Yes,
    /// A key signed, but not the pinned one: the person made a new one, or somebody else did.
    ChangedKey,
    /// The answer carries no such signature.
    No,
    /// It carries one that does not hold.
    Invalid,
}

impl Verified {
    /// The check in words, as the console prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verified::Yes => "yes",
            Verified::ChangedKey => "changed key",
            Verified::No => "no",
            Verified::Invalid => "invalid",
        }
    }
}

/// The members of the claim that matter here.
#[derive(Deserialize)]
struct Claim {
    v: u64,
    reviewed: bool,
    shown: Option<String>,
    #[serde(default)]
    uv_key: Option<Value>,
    #[serde(default)]
    uv_sig: Option<Value>,
}

impl PersonCheck {
    /// Checks the claim of an answer (JSON text) against the thumbprint pinned for its device, if one is.
    pub fn of(claim: Option<&str>, pinned: Option<&str>) -> PersonCheck {
        let Some(claim) = claim.and_then(|text| serde_json::from_str::<Claim>(text).ok()) else {
            return PersonCheck::without_key(Verified::No);
        };
        if claim.uv_key.is_none() && claim.uv_sig.is_none() {
            return PersonCheck::without_key(Verified::No);
        }
        let Some(key) = signer(&claim) else {
            return PersonCheck::without_key(Verified::Invalid);
        };
        let verified = match pinned {
            Some(pinned) if pinned != key => Verified::ChangedKey,
            _ => Verified::Yes,
        };
        PersonCheck {
            verified,
            key: Some(key),
        }
    }

    fn without_key(verified: Verified) -> PersonCheck {
        PersonCheck {
            verified,
            key: None,
        }
    }
}

/// Thumbprint of the key that signed the ASCII text of `shown`.
fn signer(claim: &Claim) -> Option<String> {
    let shown = claim.shown.as_ref()?;
    if claim.v != 1 || !claim.reviewed {
        return None;
    }
    let key = DeviceKey::from_jwk(claim.uv_key.as_ref()?, true)?;
    let DeviceKey::Ec { x, y } = &key else {
        return None;
    };
    let signature = claim.uv_sig.as_ref()?.as_str()?;
    if unb64(signature)?.len() != SIGNATURE {
        return None;
    }
    let public = DecodingKey::from_ec_components(x, y).ok()?;
    let holds = crypto::verify(signature, shown.as_bytes(), &public, Algorithm::ES256);
    (holds == Ok(true)).then(|| key.thumbprint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Deserialize)]
    struct Vectors {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        input: Input,
        expected: PersonCheck,
    }

    #[derive(Deserialize)]
    struct Input {
        claim: Value,
        pinned: Option<String>,
    }

    #[test]
    fn each_vector_of_user_verification_is_judged_as_written() {
        let text = include_str!("../../../vectors/user_verification.json");
        let vectors: Vectors = serde_json::from_str(text).expect("vectors");
        assert!(!vectors.cases.is_empty());
        for case in vectors.cases {
            let claim = case.input.claim.to_string();
            let check = PersonCheck::of(Some(&claim), case.input.pinned.as_deref());
            assert_eq!(check, case.expected, "{}", case.name);
        }
    }

    #[test]
    fn an_answer_without_a_claim_verifies_nobody() {
        for claim in [
            None,
            Some(""),
            Some("[]"),
            Some(r#"{"v":1,"reviewed":false}"#),
        ] {
            let check = PersonCheck::of(claim, Some("pinned"));
            assert_eq!(check, PersonCheck::without_key(Verified::No), "{claim:?}");
        }
    }

    proptest! {
        #[test]
        fn no_made_up_evidence_holds(shown in ".{0,50}", x in "[A-Za-z0-9_-]{43}", signature in "[A-Za-z0-9_-]{0,90}") {
            let claim = serde_json::json!({
                "v": 1, "reviewed": true, "shown": shown, "uv_sig": signature,
                "uv_key": { "kty": "EC", "crv": "P-256", "x": x, "y": x },
            });
            let check = PersonCheck::of(Some(&claim.to_string()), None);
            prop_assert_eq!(check, PersonCheck::without_key(Verified::Invalid));
        }
    }
}
