//! The secrets of a run, as the phone and whoever listens to it have seen them.

use std::collections::BTreeMap;
use std::path::Path;

use authenticator_core::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde_json::Value;

use super::story::Network;

/// A shorter text turns up by chance.
const SHORTEST: usize = 6;

/// What a leak would mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Who has it can do something: tokens, seeds, keys.
    Credential,
    /// Who reads it learns something: what was asked, shown, said.
    Content,
}

/// One secret, under a name that gives nothing away.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    /// What it is.
    pub(crate) name: String,
    /// What it means.
    pub(crate) kind: Kind,
    /// The secret itself.
    pub(crate) bytes: Vec<u8>,
}

/// All secrets, each once.
#[derive(Default)]
pub(crate) struct Secrets(BTreeMap<Vec<u8>, Secret>);

impl Secrets {
    /// Adds one, unless it is too short to be told from chance.
    pub(crate) fn add(&mut self, kind: Kind, name: &str, secret: impl AsRef<[u8]>) {
        let bytes = secret.as_ref().to_vec();
        if bytes.len() < SHORTEST {
            return;
        }
        let name = name.to_owned();
        self.0
            .entry(bytes.clone())
            .or_insert(Secret { name, kind, bytes });
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<&Secret> {
        self.0.values().collect()
    }

    fn count(&self, name: &str) -> usize {
        self.0
            .values()
            .filter(|secret| secret.name.starts_with(name))
            .count()
    }

    /// A search for nothing finds nothing: every kind of secret that there is must have been collected.
    pub(crate) fn are_enough(&self, network: Network) {
        let mut names = vec![
            "ticket",
            "push token",
            "transaction token",
            "private key",
            "data key",
            "wrapping key",
            "answer",
            "consent text",
            "binding message",
            "reason",
            "access token",
            "request id",
            "client secret",
            "user",
            "one-time code",
        ];
        if network == Network::Recorded {
            names.extend([
                "device token",
                "seed",
                "device signature",
                "proof",
                "recorded",
            ]);
        }
        for name in names {
            assert!(self.count(name) > 0, "no {name} was collected");
        }
    }

    /// What stands in requests and answers between phone and server.
    pub(crate) fn add_exchange(&mut self, request: &HttpRequest, answer: Option<&HttpResponse>) {
        for header in &request.headers {
            let name = header.name.to_ascii_lowercase();
            if name == "authorization" {
                let credential = header.value.split_once(' ').map_or("", |(_, value)| value);
                let ticket = credential.split('"').nth(1);
                self.add_token("device signature", ticket.unwrap_or(credential));
            } else if name.contains("dpop") {
                self.add_token("proof", &header.value);
            }
        }
        let enrols = request.url.ends_with("/api/enroll");
        self.add_body(request.body.as_deref().unwrap_or_default(), false);
        self.add_body(answer.map_or(&[], |answer| &answer.body), enrols);
    }

    /// A token, and where it is a JWT its signature alone.
    fn add_token(&mut self, name: &str, token: &str) {
        self.add(Kind::Credential, name, token);
        if let Some((_, signature)) = token.rsplit_once('.') {
            self.add(Kind::Credential, name, signature);
        }
    }

    fn add_body(&mut self, body: &[u8], answers_enrolment: bool) {
        let Ok(value) = serde_json::from_slice(body) else {
            return;
        };
        let mut leaves = Vec::new();
        texts(&value, "", &mut leaves);
        for (member, text) in leaves {
            match member {
                "token" if answers_enrolment => self.add(Kind::Credential, "device token", text),
                "secret" => self.add_seed(text),
                "challenge_response" => self.add_token("answer", text),
                "token" => self.add(Kind::Credential, "push token", text),
                "recovery_code" => self.add(Kind::Credential, "recovery code", text),
                // Public by design, or in the store for finding rows.
                "id" | "errorCode" | "error" | "message" | "service" | "url" | "issuer"
                | "algorithm" | "kty" | "alg" | "use" | "n" | "e" | "created_at" | "expires_at" => {
                }
                member => self.add(Kind::Content, &format!("recorded {member}"), text),
            }
        }
    }

    /// As the server wrote it and as the bytes that the codes are made of.
    fn add_seed(&mut self, base32: &str) {
        self.add(Kind::Credential, "seed", base32);
        let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
        for character in base32.bytes() {
            let digit = match character {
                b'A'..=b'Z' => character - b'A',
                b'2'..=b'7' => character - b'2' + 26,
                _ => continue,
            };
            bits = bits << 5 | u32::from(digit);
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
            }
        }
        self.add(Kind::Credential, "seed", bytes);
    }

    /// Every text below the details that a client asked about.
    pub(crate) fn add_details(&mut self, details: &Value) {
        let mut leaves = Vec::new();
        texts(details, "", &mut leaves);
        for (member, text) in leaves {
            if member != "type" {
                self.add(Kind::Content, &format!("consent text {member}"), text);
            }
        }
    }

    /// The private keys of a key file, and the data key of the store beside it.
    pub(crate) fn add_keys(&mut self, folder: &Path, file_key: [u8; 32]) {
        let text = std::fs::read_to_string(folder.join("keys")).expect("the key file");
        let (_, json) = text.split_once('\n').expect("its first line");
        let file: Value = serde_json::from_str(json).expect("JSON");
        let octets = |value: &Value| {
            URL_SAFE_NO_PAD
                .decode(value.as_str().expect("text"))
                .expect("base64url")
        };
        self.add(Kind::Credential, "file key", file_key);
        for (alias, key) in file["keys"].as_object().expect("keys") {
            let algorithm = key["algorithm"].as_str().expect("text");
            let place = format!("key {algorithm} {alias}");
            let pkcs8 = open(&file_key, place.as_bytes(), &octets(&key["sealed"]));
            self.add(Kind::Credential, "private key", &pkcs8);
            for part in private_parts(&pkcs8) {
                self.add(Kind::Credential, "private key part", part);
            }
        }
        let wrapping = open(&file_key, b"wrapping key", &octets(&file["wrapping_key"]));
        let store = rusqlite::Connection::open(folder.join("store.db")).expect("the store");
        let wrapped: Vec<u8> = store
            .query_row(
                "SELECT value FROM meta WHERE name = 'data_key'",
                [],
                |row| row.get(0),
            )
            .expect("the wrapped data key");
        let wrapping: [u8; 32] = wrapping.try_into().expect("32 bytes");
        self.add(
            Kind::Credential,
            "data key",
            open(&wrapping, b"data key", &wrapped[8..]),
        );
        self.add(Kind::Credential, "wrapping key", wrapping);
    }
}

/// Each text with the name of the member it is in.
fn texts<'a>(value: &'a Value, member: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => found.push((member, text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, member, found)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, value)| texts(value, name, found)),
        _ => {}
    }
}

fn open(key: &[u8; 32], context: &[u8], sealed: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a key"));
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().expect("a nonce");
    let mut plain = sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let length = key
        .open_in_place(nonce, Aad::from(context), &mut plain)
        .expect("the key of the file")
        .len();
    plain.truncate(length);
    plain
}

/// The numbers inside an encoded private key that are 24 bytes or longer, but for the modulus and the public point, which
/// everybody may know.
fn private_parts(pkcs8: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    integers(pkcs8, &mut found);
    let modulus = found.iter().position(|number| number.len() >= 256);
    if let Some(modulus) = modulus {
        let _public = found.remove(modulus);
        assert!(found.len() >= 6, "exponent, primes and the rest");
    }
    found
}

/// DER: every INTEGER and primitive OCTET STRING, wherever it is nested.
fn integers(mut der: &[u8], found: &mut Vec<Vec<u8>>) {
    while let [tag, rest @ ..] = der {
        let (length, rest) = match rest {
            [short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
            [0x81, one, rest @ ..] => (usize::from(*one), rest),
            [0x82, high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
            _ => return,
        };
        let Some((content, after)) = rest.split_at_checked(length) else {
            return;
        };
        match tag {
            0x30 => integers(content, found),
            // An OCTET STRING holds another encoding, or the number itself.
            0x04 if content.first() == Some(&0x30) => integers(content, found),
            0x04 | 0x02 if content.len() >= 24 => {
                found.push(content.strip_prefix(&[0]).unwrap_or(content).to_vec());
            }
            _ => {}
        }
        der = after;
    }
}
