//! The exact push payloads: one set of short keys in two envelopes.

use serde_json::{Value, json};

use super::{Provider, PushEvent};
use crate::clock::rfc3339;

/// What a push says.
pub(crate) struct Facts<'a> {
    /// `APNS` or `GCM`, as enrolled.
    pub(crate) service: &'a str,
    pub(crate) enrollment_id: &'a str,
    pub(crate) token: &'a str,
    pub(crate) challenge: &'a str,
    pub(crate) started_ms: i64,
    /// Origin of the server.
    pub(crate) server: &'a str,
    pub(crate) consent_id: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) user_label: &'a str,
}

/// Builds the payload for the device's service.
pub(crate) fn build(facts: &Facts<'_>) -> PushEvent {
    match facts.service {
        "APNS" => PushEvent {
            provider: Provider::Apns,
            payload: apns(facts),
        },
        _ => PushEvent {
            provider: Provider::Fcm,
            payload: fcm(facts),
        },
    }
}

/// Where the request came from. A backchannel request has no browser, so these are sample values
/// that give a phone something to show.
fn source() -> Value {
    json!({ "b": { "n": "Chrome", "v": "131" }, "os": { "n": "Linux", "v": "6.12" } })
}

fn location() -> Value {
    json!({ "n": "Madrid, Spain", "lat": "40.4168", "long": "-3.7038" })
}

fn apns(facts: &Facts<'_>) -> Value {
    let host = facts
        .server
        .split_once("://")
        .map_or(facts.server, |(_, host)| host);
    json!({
        "aps": {
            "alert": { "title": facts.tenant, "body": format!("Approval requested for {}", facts.user_label) },
            "category": "com.auth0.notification.authentication",
        },
        "mfa": {
            "dai": facts.enrollment_id,
            "txtkn": facts.token,
            "c": facts.challenge,
            "d": rfc3339(facts.started_ms),
            "sh": host,
            "txlnkid": facts.consent_id,
            "s": source(),
            "l": location(),
        },
    })
}

/// Every value is text, the nested ones JSON text.
fn fcm(facts: &Facts<'_>) -> Value {
    json!({
        "data": {
            "dai": facts.enrollment_id,
            "txtkn": facts.token,
            "c": facts.challenge,
            "d": rfc3339(facts.started_ms),
            "sh": facts.server,
            "txlnkid": facts.consent_id,
            "s": source().to_string(),
            "l": location().to_string(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(service: &str) -> Facts<'_> {
        Facts {
            service,
            enrollment_id: "dev_ztQmUOx5Z3zeRi8t",
            token: "transaction-token",
            challenge: "f3Zl",
            started_ms: 1_768_473_000_000,
            server: "https://bank-dev.eu.auth0.com",
            consent_id: "cns_0123456789abcdefghijkl",
            tenant: "bank-dev",
            user_label: "ana@example.com",
        }
    }

    #[test]
    fn every_fcm_value_is_text() {
        let event = build(&facts("GCM"));
        let data = event.payload["data"].as_object().expect("data");
        assert_eq!(event.provider, Provider::Fcm);
        assert_eq!(data.len(), 8);
        assert!(data.values().all(Value::is_string));
        assert_eq!(data["d"], "2026-01-15T10:30:00.000Z");
    }

    #[test]
    fn the_apns_category_is_exact_and_the_custom_keys_are_nested() {
        let event = build(&facts("APNS"));
        assert_eq!(event.provider, Provider::Apns);
        assert_eq!(
            event.payload["aps"]["category"],
            "com.auth0.notification.authentication"
        );
        assert_eq!(event.payload["mfa"]["sh"], "bank-dev.eu.auth0.com");
        assert_eq!(event.payload["mfa"]["s"]["os"]["n"], "Linux");
    }
}
