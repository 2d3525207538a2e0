//! Consent bodies, and authorization details in every language.

use super::page;
use super::spelling::spelled_out;
use crate::consent::{Details, Display};
use crate::core::dialects;
use crate::json::{Limits, Value, object, read};
use crate::protocol::ConsentAnswer;
use crate::transport::HttpResponse;

/// Why a body may be unreadable.
const REASONS: [&str; 9] = [
    "too_large",
    "too_deep",
    "not_utf8",
    "duplicate_member",
    "lone_surrogate",
    "not_json",
    "not_an_object",
    "missing id",
    "other id",
];

/// The body of a server's 200 answer for the consent that it names: refused with a reason, or shown whole.
pub fn consent(data: &[u8]) -> bool {
    let id = read(data, Limits::BODY).ok();
    let id = id.as_ref().and_then(|body| body.get("id")?.as_str());
    let push = page::push(Some(id.unwrap_or("cns_1")));
    let mut shown = false;
    for (_, dialect) in dialects() {
        let answer = |body: &[u8]| {
            let answer = HttpResponse {
                status: 200,
                headers: Vec::new(),
                body: body.to_vec(),
            };
            match dialect.consent_answer(&push, &answer) {
                ConsentAnswer::Body(body) => Some(body),
                ConsentAnswer::Invalid { reason } => {
                    assert!(REASONS.contains(&reason.as_str()), "{reason}");
                    None
                }
                ConsentAnswer::NotFound { .. } | ConsentAnswer::Refused(_) => {
                    panic!("a 200 answer is no refusal")
                }
            }
        };
        let Some(body) = answer(data) else {
            continue;
        };
        let spelled = spelled_out(&body);
        if spelled.len() <= Limits::BODY.bytes {
            assert!(answer(spelled.as_bytes()) == Some(body.clone()), "spelling");
        }
        let pointer = dialect.consent_expiry(&body).err();
        assert!(pointer.is_none_or(|pointer| pointer.starts_with('/')));
        page::check(&page::input(Details::Body(&body), &push, &display(0)));
        shown = true;
    }
    shown
}

/// The first byte chooses a language; authorization details as JSON follow, and become those of a request.
pub fn details(data: &[u8]) -> bool {
    let Some((choice, data)) = data.split_first() else {
        return false;
    };
    let Ok(details) = read(data, Limits::BODY) else {
        return false;
    };
    let body = object([
        ("id", "cns_1".into()),
        (
            "requested_details",
            object([("authorization_details", details)]),
        ),
    ]);
    let push = page::push(Some("cns_1"));
    let display = display(*choice);
    let rendered = page::check(&page::input(Details::Body(&body), &push, &display));
    let details = body.pointer("/requested_details/authorization_details");
    let count = details.and_then(Value::as_array).map_or(0, <[Value]>::len);
    assert_eq!(rendered.facts.detail_count, count);
    true
}

fn display(choice: u8) -> Display {
    const PLACES: [(&str, &str, i32); 8] = [
        ("en-GB", "Europe/Berlin", 60),
        ("en-US", "America/St_Johns", -210),
        ("en-IN", "Asia/Kolkata", 330),
        ("de-DE", "Europe/Berlin", 120),
        ("de-CH", "Europe/Zurich", 60),
        ("es-MX", "America/Mexico_City", -360),
        ("fr-FR", "UTC", 0),
        ("ja-JP", "Pacific/Kiritimati", 840),
    ];
    let (locale, zone, utc_offset_minutes) = PLACES[usize::from(choice) % PLACES.len()];
    Display {
        locale: locale.into(),
        zone: zone.into(),
        utc_offset_minutes,
    }
}
