//! Seeds of every fuzz target, made of the shared vectors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::folder;

/// Inputs of one target, the same on every run. Empty for a name that is no target.
pub(crate) fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "json" => texts("jcs.json", bytes_of)
            .into_iter()
            .chain(texts("consent_body.json", as_json))
            .chain(texts("push_apns.json", as_json))
            .collect(),
        "text" => texts("hardening.json", repeated)
            .into_iter()
            .chain([b"not \xff UTF-8".to_vec()])
            .collect(),
        "invitation" => texts("invitation.json", as_text)
            .into_iter()
            .chain(texts("base_url.json", naming_a_server))
            .collect(),
        "push" => texts("push_apns.json", as_json)
            .into_iter()
            .chain(texts("push_fcm.json", as_json))
            .collect(),
        "consent" => texts("consent_body.json", as_json)
            .into_iter()
            .chain(bodies())
            .collect(),
        "details" => details(),
        "errors" => texts("error_bodies.json", answer)
            .into_iter()
            .chain(texts("enroll_answer.json", answer))
            .collect(),
        "jwk" => texts("jwk.json", key),
        "jws" => texts("jws.json", token),
        "signature" => signatures(),
        "stored_rows" => scripts(),
        "stored_file" => edits(),
        _ => Vec::new(),
    }
}

/// What `seed` makes of the input of each case, where it makes something.
fn texts(file: &str, seed: fn(&Value) -> Option<Vec<u8>>) -> Vec<Vec<u8>> {
    cases(file)
        .iter()
        .filter_map(|case| seed(&case["input"]))
        .collect()
}

fn cases(file: &str) -> Vec<Value> {
    let path = folder("../tests/vectors").join(file);
    let text = std::fs::read_to_string(&path).expect("a vector");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    file["cases"].as_array().expect("cases").clone()
}

fn as_text(input: &Value) -> Option<Vec<u8>> {
    Some(input.as_str()?.as_bytes().to_vec())
}

fn as_json(input: &Value) -> Option<Vec<u8>> {
    Some(input.to_string().into_bytes())
}

/// JSON text, or bytes that no text can hold.
fn bytes_of(input: &Value) -> Option<Vec<u8>> {
    match input["hex"].as_str() {
        None => as_text(input),
        Some(hex) => (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok())
            .collect(),
    }
}

fn repeated(input: &Value) -> Option<Vec<u8>> {
    let times = input["times"].as_u64().unwrap_or(1) as usize;
    Some(input["text"].as_str()?.repeat(times).into_bytes())
}

fn naming_a_server(input: &Value) -> Option<Vec<u8>> {
    let address = input["address"].as_str()?;
    let link = format!("otpauth://totp/Bank:ana?enrollment_tx_id=abc&base_url={address}");
    Some(link.into_bytes())
}

/// Bodies of the display vectors.
fn bodies() -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(folder("../tests/vectors/display"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    files.sort();
    let body = |input: &Value| as_text(&input["body"]);
    files
        .iter()
        .flat_map(|file| texts(&format!("display/{}", file.to_string_lossy()), body))
        .chain(texts("consent_digest.json", body))
        .collect()
}

/// Their authorization details, in one language after the other.
fn details() -> Vec<Vec<u8>> {
    let details = bodies().into_iter().filter_map(|body| {
        let body: Value = serde_json::from_slice(&body).ok()?;
        let details = body.pointer("/requested_details/authorization_details")?;
        Some(details.to_string())
    });
    // Every format of the template that the target adds, and something that is not JSON.
    let parcel = json!([{
        "type": "parcel", "what": "Books", "note": "as agreed", "weight": 1.5,
        "price": { "amount": "12.5", "currency": "EUR" }, "day": "2026-01-20",
        "from": { "account": { "iban": "DE89370400440532013000" } }, "track": "https://post.example/1",
        "express": true, "stops": ["A", "B"], "papers": [{ "hash": "sTOgwOm+474gFj0q0x1iSNspKqbcse4IeiqlDg/HWuI=", "label": "Bill" }],
        "properties": { "a": { "display": false, "name": "A", "display_order": 2, "value": "x", "description": "help" } },
        "box": { "size": [1, 2] }, "trace": { "id": "t" }, "a/b": { "c~d": 1 }, "more": null
    }]);
    details
        .chain([parcel.to_string(), "[{".to_owned()])
        .enumerate()
        .map(|(number, text)| [&[number as u8], text.as_bytes()].concat())
        .collect()
}

/// Status, `Retry-After`, `Date`, body.
fn answer(input: &Value) -> Option<Vec<u8>> {
    let status = u16::try_from(input["status"].as_u64()?).ok()? - 100;
    let header = |name: &str| {
        let headers = input["headers"].as_object();
        let found = headers.and_then(|headers| {
            let mut headers = headers.iter();
            headers.find(|(other, _)| other.eq_ignore_ascii_case(name))
        });
        found.and_then(|(_, value)| value.as_str()).unwrap_or("")
    };
    let body = match &input["body"] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        body => body.to_string(),
    };
    let lines = format!("{}\n{}\n{body}", header("retry-after"), header("date"));
    Some([&status.to_le_bytes(), lines.as_bytes()].concat())
}

fn key(input: &Value) -> Option<Vec<u8>> {
    if let Some(jwk) = input.get("jwk") {
        return Some([&[0], jwk.to_string().as_bytes()].concat());
    }
    let choice = match (input["algorithm"].as_str()?, input["format"].as_str()?) {
        ("RS256", "spki") => 1,
        ("RS256", "pkcs1") => 2,
        ("ES256", "spki") => 3,
        ("ES256", "x963") => 4,
        _ => return None,
    };
    let bytes = URL_SAFE_NO_PAD.decode(input["bytes"].as_str()?).ok()?;
    Some([&[choice], &*bytes].concat())
}

/// A token as it is; header and claims that the target's key signs, under the name of its algorithm.
fn token(input: &Value) -> Option<Vec<u8>> {
    if let Some(token) = input["token"].as_str() {
        return Some(token.as_bytes().to_vec());
    }
    let header = input["header"].as_str()?.replace("RS256", "ES256");
    let claims = input["claims"].as_str()?;
    Some([header.as_bytes(), &[0], claims.as_bytes()].concat())
}

fn signatures() -> Vec<Vec<u8>> {
    let integer = |bytes: &[u8]| [&[2, bytes.len() as u8], bytes].concat();
    let pair = |r: &[u8], s: &[u8]| {
        let body = [integer(r), integer(s)].concat();
        [&[0x30, body.len() as u8], &*body].concat()
    };
    let full = [&[0], &[0xff; 32][..]].concat();
    vec![
        pair(&[1], &[0x7f]),
        pair(&full, &full),
        pair(&[0, 0x80], &[0x12; 32]),
        pair(&[0], &[1]),
        pair(&[0, 1], &[1]),
        vec![1; 64],
    ]
}

/// Columns of the store; a number beyond them begins again.
const CELLS: u8 = 56;

/// One change to each column of a few rows; documents for each sealed one.
fn scripts() -> Vec<Vec<u8>> {
    let mut scripts = Vec::new();
    for cell in 0..CELLS {
        for row in 0..3 {
            scripts.push(vec![0, cell, row, 1, 20, 1]);
        }
        scripts.push(vec![0, cell, 0, 0, 4, b'a', b'b', b'c', b'd']);
        scripts.push(vec![0, cell, 1, 2, 3]);
        scripts.push(vec![0, cell, 0, 3, cell, 1]);
        scripts.push(vec![0, cell, 1, 4]);
        scripts.push(vec![0, cell, 2, 5]);
    }
    let documents = [
        r#"{"name":"bank","base_url":"https://a.example","dialect":"guardian"}"#,
        r#"{"user":"u","identifier":"i","base_url":"https://a.example","server":"s","dialect":"guardian","issuer":"b","label":"l","device_name":"p","key_alias":"k","algorithm":"p-256","protection":"software","jwk":{}}"#,
        "token",
        "seed",
        r#"{"enrollment":"dev_ana","challenge":"c","requested_at":1,"requested_at_text":"1","server_hint":"h"}"#,
        "token",
        r#"{"id":"cns_1"}"#,
        r#"{"headline":"h","source":"s","shown":"s","shown_document":"{}","templates":"t","locale":"en","zone":"Z","amounts":[["1","EUR"]],"at":1}"#,
        r#"{"enrollment":"dev_ana","decision":"approve","reason":"r","claim":"{}"}"#,
        "invalid_body",
        "jwt",
        r#"{"body":{"event":"decided","challenge":"chl_done","enrollment":"dev_ana","at":1,"decision":"deny","claim":"{}","server_challenge":"c","issuer":"i","user":"u"},"seq":1}"#,
        r#"{"seq":1,"hash":"h"}"#,
    ];
    for (column, document) in documents.iter().enumerate() {
        for row in 0..2 {
            scripts.push([&[1, column as u8, row], document.as_bytes()].concat());
        }
    }
    scripts
}

/// Bytes of the header, of the first bytes of pages, of the middle; cuts.
fn edits() -> Vec<Vec<u8>> {
    let mut edits = Vec::new();
    let edit = |choice: u8, place: u32, byte: u8| {
        let place = place.to_le_bytes();
        vec![choice, place[0], place[1], place[2], byte]
    };
    for place in [0, 16, 18, 19, 24, 28, 40, 44, 52, 60, 63, 68, 96] {
        edits.push(edit(0, place, 1));
    }
    for page in 0..24 {
        for offset in [0, 3, 5, 8, 12, 2000, 4000] {
            edits.push(edit(0, page * 4096 + offset, 0xff));
        }
    }
    for place in [0, 8, 12, 16, 24, 32, 36, 40, 56, 4152, 8272] {
        edits.push(edit(1, place, 0xff));
    }
    // Beyond twice the length: a cut.
    for place in [0xf0_0000, 0xf0_1234, 0xff_ffff] {
        edits.push(edit(0, place, 0));
        edits.push(edit(1, place, 0));
    }
    // Where there is nothing to change, everything is read.
    edits.push(vec![0]);
    edits
}
