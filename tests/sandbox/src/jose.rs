//! JSON Web Signatures as the server side needs them: parse, verify with an enrolled or
//! registered key, sign with the tenant's key. The arithmetic is that of `jsonwebtoken`.

use anyhow::Context as _;
use jsonwebtoken::crypto;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use rsa::pkcs1::{DecodeRsaPrivateKey as _, EncodeRsaPrivateKey as _};
use rsa::traits::PublicKeyParts as _;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::text::{b64, sha256_b64, unb64};

/// Signature algorithms any part of the sandbox accepts.
const KNOWN: [(&str, Algorithm); 4] = [
    ("RS256", Algorithm::RS256),
    ("RS384", Algorithm::RS384),
    ("PS256", Algorithm::PS256),
    ("ES256", Algorithm::ES256),
];

/// A compact JWS (RFC 7515 §3.1), parsed but not verified.
pub(crate) struct Compact<'a> {
    pub(crate) header: JoseHeader,
    payload: Vec<u8>,
    signing_input: &'a str,
    signature: &'a str,
}

/// The header members the sandbox looks at.
#[derive(Deserialize)]
pub(crate) struct JoseHeader {
    pub(crate) alg: String,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
    pub(crate) jwk: Option<Value>,
    crit: Option<Value>,
}

impl<'a> Compact<'a> {
    /// `None` unless there are three base64url parts, a JSON header and no `crit`.
    pub(crate) fn parse(token: &'a str) -> Option<Self> {
        let (signing_input, signature) = token.rsplit_once('.')?;
        let (header, payload) = signing_input.split_once('.')?;
        let header: JoseHeader = serde_json::from_slice(&unb64(header)?).ok()?;
        if header.crit.is_some() || payload.contains('.') {
            return None;
        }
        unb64(signature)?;
        Some(Compact {
            header,
            payload: unb64(payload)?,
            signing_input,
            signature,
        })
    }

    /// The claims, still unverified.
    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.payload).ok()
    }

    /// Whether the signature is by `key` with exactly the algorithm the header names.
    pub(crate) fn signed_by(&self, key: &DecodingKey) -> bool {
        let known = KNOWN.iter().find(|(name, _)| *name == self.header.alg);
        known.is_some_and(|(_, alg)| {
            crypto::verify(self.signature, self.signing_input.as_bytes(), key, *alg) == Ok(true)
        })
    }
}

/// A device's public key in normal form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub(crate) enum DeviceKey {
    /// RSA; `n` without leading zero octets.
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    /// P-256.
    #[serde(rename = "EC")]
    Ec { x: String, y: String },
}

impl DeviceKey {
    /// Reads a JWK as devices send it. The modulus may have a leading zero octet, as both
    /// published SDKs send it although RFC 7518 §6.3.1.1 forbids it.
    pub(crate) fn from_jwk(jwk: &Value, allow_es256: bool) -> Option<Self> {
        let member = |name: &str| jwk.get(name).and_then(Value::as_str);
        if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]
            .iter()
            .any(|m| jwk.get(m).is_some())
        {
            return None;
        }
        if jwk.get("use").is_some_and(|u| u != "sig") {
            return None;
        }
        let alg = jwk.get("alg").map(|a| a.as_str().unwrap_or_default());
        match member("kty")? {
            "RSA" if alg.is_none_or(|a| a == "RS256") => {
                let n = strip_zeros(unb64(member("n")?)?);
                let e = strip_zeros(unb64(member("e")?)?);
                let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
                let odd = e.last()? % 2 == 1;
                if !(2048..=4096).contains(&bits) || !odd || e == [1] || e.len() > 4 {
                    return None;
                }
                Some(DeviceKey::Rsa {
                    n: b64(&n),
                    e: b64(&e),
                })
            }
            "EC" if allow_es256
                && member("crv") == Some("P-256")
                && alg.is_none_or(|a| a == "ES256") =>
            {
                let (x, y) = (unb64(member("x")?)?, unb64(member("y")?)?);
                (x.len() == 32 && y.len() == 32).then(|| DeviceKey::Ec {
                    x: b64(&x),
                    y: b64(&y),
                })
            }
            _ => None,
        }
    }

    /// The key as a JWK (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        match self {
            DeviceKey::Rsa { n, e } => json!({ "kty": "RSA", "alg": "RS256", "n": n, "e": e }),
            DeviceKey::Ec { x, y } => {
                json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": x, "y": y })
            }
        }
    }

    /// RFC 7638 thumbprint, SHA-256.
    pub(crate) fn thumbprint(&self) -> String {
        match self {
            DeviceKey::Rsa { n, e } => {
                sha256_b64(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
            }
            DeviceKey::Ec { x, y } => sha256_b64(&format!(
                r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#
            )),
        }
    }

    /// Whether this key signed the token, with the one algorithm it was enrolled for.
    pub(crate) fn signed(&self, jws: &Compact<'_>) -> bool {
        let (alg, key) = match self {
            DeviceKey::Rsa { n, e } => ("RS256", DecodingKey::from_rsa_components(n, e)),
            DeviceKey::Ec { x, y } => ("ES256", DecodingKey::from_ec_components(x, y)),
        };
        jws.header.alg == alg && key.is_ok_and(|key| jws.signed_by(&key))
    }
}

fn strip_zeros(bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes[zeros..].to_vec()
}

/// A client's registered public key: a JWK or PEM text.
pub(crate) fn client_key(registered: &Value) -> Option<DecodingKey> {
    if let Some(pem) = registered.get("pem").and_then(Value::as_str) {
        return DecodingKey::from_rsa_pem(pem.as_bytes()).ok();
    }
    let member = |name: &str| registered.get(name).and_then(Value::as_str);
    if member("kty")? != "RSA" {
        return None;
    }
    let (n, e) = (
        strip_zeros(unb64(member("n")?)?),
        strip_zeros(unb64(member("e")?)?),
    );
    Some(DecodingKey::from_rsa_raw_components(&n, &e))
}

/// The tenant's RS256 key.
pub(crate) struct SigningKey {
    key: EncodingKey,
    public: DecodingKey,
    n: String,
    e: String,
    kid: String,
}

impl SigningKey {
    /// A fresh key as PKCS #1 DER, to be kept.
    pub(crate) fn generate_der() -> anyhow::Result<Vec<u8>> {
        let key =
            rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).context("signing key")?;
        Ok(key
            .to_pkcs1_der()
            .context("signing key")?
            .as_bytes()
            .to_vec())
    }

    /// The key from what [`SigningKey::generate_der`] gave.
    pub(crate) fn from_der(der: &[u8]) -> anyhow::Result<Self> {
        let private = rsa::RsaPrivateKey::from_pkcs1_der(der).context("stored signing key")?;
        let (n, e) = (
            b64(&private.n().to_bytes_be()),
            b64(&private.e().to_bytes_be()),
        );
        let kid = DeviceKey::Rsa {
            n: n.clone(),
            e: e.clone(),
        }
        .thumbprint();
        let public = DecodingKey::from_rsa_components(&n, &e).context("signing key")?;
        Ok(SigningKey {
            key: EncodingKey::from_rsa_der(der),
            public,
            n,
            e,
            kid,
        })
    }

    /// A compact JWS over `payload`, which is signed byte for byte as given.
    pub(crate) fn sign(&self, typ: &str, payload: &str) -> anyhow::Result<String> {
        let header = json!({ "alg": "RS256", "typ": typ, "kid": self.kid });
        let input = format!(
            "{}.{}",
            b64(header.to_string().as_bytes()),
            b64(payload.as_bytes())
        );
        let signature =
            crypto::sign(input.as_bytes(), &self.key, Algorithm::RS256).context("sign")?;
        Ok(format!("{input}.{signature}"))
    }

    /// The claims of a token this key signed.
    pub(crate) fn open<T: DeserializeOwned>(&self, token: &str) -> Option<T> {
        let jws = Compact::parse(token)?;
        if jws.header.alg != "RS256" || !jws.signed_by(&self.public) {
            return None;
        }
        jws.claims()
    }

    /// The public half as a JWK set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> Value {
        json!({ "keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": self.n, "e": self.e,
        }] })
    }
}

/// `at_hash` and `rt_hash`: left half of SHA-256 (OpenID Connect Core §3.1.3.6).
pub(crate) fn half_hash(token: &str) -> String {
    use sha2::{Digest as _, Sha256};
    b64(&Sha256::digest(token.as_bytes())[..16])
}

/// NumericDate (RFC 7519 §2) in milliseconds; SDKs send integers and fractions.
pub(crate) fn numeric_date_ms(seconds: f64) -> Option<i64> {
    let in_range = seconds.is_finite() && (0.0..1e11).contains(&seconds);
    #[allow(clippy::cast_possible_truncation, reason = "checked to be in range")]
    in_range.then_some((seconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: &str = "qaVhmQRH5CnWOKZJeCBA05XrXYMpeSqJDkgs0yP55O2FzgDqlNBEfKFNCQjGJUCdBX-JZNDhtu8sJa21Bqj3Xd6KGffcFbW7S-W9EoRsPZD3c2Ewx8530a7yIwXpX4vJCynXtJz-9-K4FR8ZTM4xKO57bp6dzqPbYDtuET9w-9Y0yVf3ZgzzfViFAZvs40IYIPaRqST7HhcqHjtaN7x4q6cqBmazN1f5XnWuoJxecPhnem3rMF-9TZUnvs_4ceqKWUvoRDsv0k6olS3eQcYZi2eSYUAV_DBej4yF6Tmclyz0Hl04Wvqc2fgaQOZtbWTFRQSLA-vHILO5J0WyZmSchQ";
    const APPROVAL: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiI5Nzc0ZDU2ZDY4MmU1NDljIiwic3ViIjoiUTJoaGJHeGxibWRsTFRBd01RIiwiYXVkIjoiaHR0cHM6Ly9iYW5rLWRldi5ldS5hdXRoMC5jb20vYXBwbGlhbmNlLW1mYS9hcGkvcmVzb2x2ZS10cmFuc2FjdGlvbiIsImlhdCI6MTc2ODQ3MzAwMCwiZXhwIjoxNzY4NDczMDMwLCJhdXRoMF9ndWFyZGlhbl9tZXRob2QiOiJwdXNoIiwiYXV0aDBfZ3VhcmRpYW5fYWNjZXB0ZWQiOnRydWV9.iuaNK-OloNXY2yNBDu_X7RclrIQUKNVC1HozgInd1XlJo7GHmXbW89F--cKRZ5ar6cCsftL6IjDQxEoSwqqGyAbEO6pF83QRW2jQMqeHRNQYqvLZCNCxoUfdrdoLNDjhh1YrYwt5FRAUvDfR52X8NjFJF_N7Evg0ENYBJ1kea0uFsqdB-Glls4jCHR5K_QQn6l0CxFK3orkhbgx7uCIAO_se6xp_Z14sf9X1JoAuO5sl6bjZ-5m_QIYAQX437x9iDKaPqjibhybO_lsStqkPoKMMobqt_DbwjY0XZox-FmiL4zaG22Lihsz93BdOxng-UWr5easuYFF1sA-HFv4cHg";

    fn jwk(n: &str, e: &str) -> Value {
        json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "e": e, "n": n })
    }

    #[test]
    fn the_leading_zero_of_the_sdks_gives_the_same_key_and_the_published_thumbprint() {
        let plain = DeviceKey::from_jwk(&jwk(N, "AQAB"), false).expect("canonical");
        let mut zero = vec![0];
        zero.extend(unb64(N).expect("base64url"));
        let sdk = DeviceKey::from_jwk(&jwk(&b64(&zero), "AQAB"), false).expect("SDK form");
        assert_eq!(plain, sdk);
        assert_eq!(
            plain.thumbprint(),
            "sQ76jzgiHJ4FEcCUF4hnlIiDKiTTl1R9XmqlZjGY0nw"
        );
    }

    #[test]
    fn short_moduli_even_exponents_and_private_members_are_refused() {
        assert!(DeviceKey::from_jwk(&jwk(&b64(&[0xff; 128]), "AQAB"), false).is_none());
        assert!(DeviceKey::from_jwk(&jwk(N, "Ag"), false).is_none());
        assert!(DeviceKey::from_jwk(&jwk(N, "AQ"), false).is_none());
        assert!(DeviceKey::from_jwk(&jwk("", "AQAB"), false).is_none());
        let mut private = jwk(N, "AQAB");
        private["d"] = json!("AQAB");
        assert!(DeviceKey::from_jwk(&private, false).is_none());
    }

    #[test]
    fn an_ec_key_is_accepted_only_when_switched_on() {
        let ec = json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": b64(&[1; 32]), "y": b64(&[2; 32]) });
        assert!(DeviceKey::from_jwk(&ec, false).is_none());
        assert!(DeviceKey::from_jwk(&ec, true).is_some());
    }

    #[test]
    fn an_es256_answer_verifies_with_the_ec_key_only() {
        let pair = rcgen::KeyPair::generate().expect("P-256 key");
        let (x, y) = pair.public_key_raw()[1..].split_at(32);
        let jwk = json!({ "kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y) });
        let input = format!("{}.{}", b64(br#"{"alg":"ES256"}"#), b64(b"{}"));
        let signer = EncodingKey::from_ec_der(&pair.serialize_der());
        let signature =
            crypto::sign(input.as_bytes(), &signer, Algorithm::ES256).expect("signature");
        let token = format!("{input}.{signature}");
        let jws = Compact::parse(&token).expect("token");
        assert!(DeviceKey::from_jwk(&jwk, true).expect("key").signed(&jws));
        let rsa = json!({ "kty": "RSA", "n": N, "e": "AQAB" });
        assert!(!DeviceKey::from_jwk(&rsa, true).expect("key").signed(&jws));
    }

    #[test]
    fn the_published_answer_verifies_and_a_changed_one_does_not() {
        let key = DeviceKey::from_jwk(&jwk(N, "AQAB"), false).expect("key");
        assert!(key.signed(&Compact::parse(APPROVAL).expect("token")));
        let changed = APPROVAL.replacen("eyJpc3Mi", "eyJpc3Mj", 1);
        assert!(!Compact::parse(&changed).is_some_and(|jws| key.signed(&jws)));
    }

    #[test]
    fn a_signed_payload_is_kept_byte_for_byte() {
        let key = SigningKey::from_der(&SigningKey::generate_der().expect("key")).expect("key");
        let payload = r#"{"b":1.10,"a":249.00}"#;
        let token = key.sign("JWT", payload).expect("token");
        let kept = token.split('.').nth(1).and_then(unb64).expect("payload");
        assert_eq!(kept, payload.as_bytes());
        assert!(key.open::<Value>(&token).is_some());
        assert!(key.open::<Value>(&format!("{token}A")).is_none());
    }

    #[test]
    fn numeric_dates_may_have_a_fraction() {
        assert_eq!(numeric_date_ms(1_768_473_000.5), Some(1_768_473_000_500));
        assert_eq!(numeric_date_ms(f64::NAN), None);
        assert_eq!(numeric_date_ms(-1.0), None);
    }
}
