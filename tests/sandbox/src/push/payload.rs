//! The exact push payloads: one set of short keys in two envelopes.

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

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
    /// Whether to say where the request came from. Only the samples below are known.
    pub(crate) origin: bool,
}

/// Builds the payload for the device's service.
pub(crate) fn build(facts: &Facts<'_>) -> Result<PushEvent, serde_json::Error> {
    let (provider, payload) = match facts.service {
        "APNS" => (Provider::Apns, to_raw_value(&apns(facts))?),
        _ => (Provider::Fcm, to_raw_value(&fcm(facts)?)?),
    };
    Ok(PushEvent { provider, payload })
}

/// The keys of both envelopes, in the documented order.
#[derive(Serialize)]
struct Keys<'a, S, L> {
    dai: &'a str,
    txtkn: &'a str,
    c: &'a str,
    d: String,
    sh: &'a str,
    txlnkid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    s: Option<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l: Option<L>,
}

impl<'a, S, L> Keys<'a, S, L> {
    fn new(facts: &Facts<'a>, server: &'a str, source: S, location: L) -> Self {
        Keys {
            dai: facts.enrollment_id,
            txtkn: facts.token,
            c: facts.challenge,
            d: rfc3339(facts.started_ms),
            sh: server,
            txlnkid: facts.consent_id,
            s: facts.origin.then_some(source),
            l: facts.origin.then_some(location),
        }
    }
}

#[derive(Serialize)]
struct ApnsPayload<'a> {
    aps: Aps<'a>,
    mfa: Keys<'a, Source, Location>,
}

#[derive(Serialize)]
struct Aps<'a> {
    alert: Alert<'a>,
    category: &'a str,
}

#[derive(Serialize)]
struct Alert<'a> {
    title: &'a str,
    body: String,
}

#[derive(Serialize)]
struct FcmPayload<'a> {
    data: Keys<'a, String, String>,
}

/// Where the request came from. A backchannel request has no browser, so these are sample values
/// that give a phone something to show.
#[derive(Serialize)]
struct Source {
    b: Named,
    os: Named,
}

#[derive(Serialize)]
struct Named {
    n: &'static str,
    v: &'static str,
}

#[derive(Serialize)]
struct Location {
    n: &'static str,
    lat: &'static str,
    long: &'static str,
}

const SOURCE: Source = Source {
    b: Named {
        n: "Chrome",
        v: "131",
    },
    os: Named {
        n: "Linux",
        v: "6.12",
    },
};
const LOCATION: Location = Location {
    n: "Madrid, Spain",
    lat: "40.4168",
    long: "-3.7038",
};

fn apns<'a>(facts: &Facts<'a>) -> ApnsPayload<'a> {
    let host = facts
        .server
        .split_once("://")
        .map_or(facts.server, |(_, host)| host);
    ApnsPayload {
        aps: Aps {
            alert: Alert {
                title: facts.tenant,
                body: format!("Approval requested for {}", facts.user_label),
            },
            category: "com.auth0.notification.authentication",
        },
        mfa: Keys::new(facts, host, SOURCE, LOCATION),
    }
}

/// Every value is text, the nested ones JSON text.
fn fcm<'a>(facts: &Facts<'a>) -> Result<FcmPayload<'a>, serde_json::Error> {
    let source = serde_json::to_string(&SOURCE)?;
    let location = serde_json::to_string(&LOCATION)?;
    Ok(FcmPayload {
        data: Keys::new(facts, facts.server, source, location),
    })
}

/// The origin in a payload that was sent, as JSON text: an object in one envelope, text in the other.
#[derive(Default)]
pub(crate) struct Origin {
    pub(crate) source: Option<String>,
    pub(crate) location: Option<String>,
}

pub(crate) fn origin(event: &PushEvent) -> Result<Origin, serde_json::Error> {
    #[derive(Deserialize)]
    struct Sent<'a> {
        #[serde(borrow, alias = "mfa")]
        data: Members<'a>,
    }
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        s: Option<&'a RawValue>,
        #[serde(borrow)]
        l: Option<&'a RawValue>,
    }
    let text = |value: Option<&RawValue>| match (value, event.provider) {
        (Some(value), Provider::Fcm) => serde_json::from_str(value.get()).map(Some),
        (value, _) => Ok(value.map(|value| value.get().to_owned())),
    };
    let sent: Sent<'_> = serde_json::from_str(event.payload.get())?;
    Ok(Origin {
        source: text(sent.data.s)?,
        location: text(sent.data.l)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(service: &str) -> PushEvent {
        build(&Facts {
            service,
            enrollment_id: "dev_ztQmUOx5Z3zeRi8t",
            token: "transaction-token",
            challenge: "f3Zl",
            started_ms: 1_768_473_000_000,
            server: "https://bank-dev.eu.auth0.com",
            consent_id: "cns_0123456789abcdefghijkl",
            tenant: "bank-dev",
            user_label: "ana@example.com",
            origin: true,
        })
        .expect("JSON")
    }

    fn payload(service: &str) -> String {
        event(service).payload.get().to_owned()
    }

    #[test]
    fn the_origin_is_read_from_either_envelope() {
        for service in ["APNS", "GCM"] {
            let origin = origin(&event(service)).expect("origin");
            let source = r#"{"b":{"n":"Chrome","v":"131"},"os":{"n":"Linux","v":"6.12"}}"#;
            assert_eq!(origin.source.as_deref(), Some(source));
            let location = origin.location.expect("location");
            assert!(location.starts_with(r#"{"n":"Madrid, Spain""#));
        }
    }

    #[test]
    fn the_apns_payload_is_as_documented() {
        insta::assert_snapshot!(payload("APNS"), @r#"{"aps":{"alert":{"title":"bank-dev","body":"Approval requested for ana@example.com"},"category":"com.auth0.notification.authentication"},"mfa":{"dai":"dev_ztQmUOx5Z3zeRi8t","txtkn":"transaction-token","c":"f3Zl","d":"2026-01-15T10:30:00.000Z","sh":"bank-dev.eu.auth0.com","txlnkid":"cns_0123456789abcdefghijkl","s":{"b":{"n":"Chrome","v":"131"},"os":{"n":"Linux","v":"6.12"}},"l":{"n":"Madrid, Spain","lat":"40.4168","long":"-3.7038"}}}"#);
    }

    #[test]
    fn the_fcm_payload_is_as_documented_and_every_value_is_text() {
        insta::assert_snapshot!(payload("GCM"), @r#"{"data":{"dai":"dev_ztQmUOx5Z3zeRi8t","txtkn":"transaction-token","c":"f3Zl","d":"2026-01-15T10:30:00.000Z","sh":"https://bank-dev.eu.auth0.com","txlnkid":"cns_0123456789abcdefghijkl","s":"{\"b\":{\"n\":\"Chrome\",\"v\":\"131\"},\"os\":{\"n\":\"Linux\",\"v\":\"6.12\"}}","l":"{\"n\":\"Madrid, Spain\",\"lat\":\"40.4168\",\"long\":\"-3.7038\"}"}}"#);
    }
}
