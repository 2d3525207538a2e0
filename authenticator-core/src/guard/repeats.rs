//! The same request again: what counts as the same, how often it came, and which of several open ones leads.
//!
//! Requests are the same if they ask one account for the same, by content. What a push says does not tell: its ids are new
//! each time, and the origin it claims is the same for everything a backchannel client asks. So a challenge stands alone
//! until its details were read, except where there are none to read.
//!
//! Being the same changes what is shown and never what is decided: each challenge needs its own review and its own answer.

use super::policy::ms;
use crate::challenge::{ChallengeId, Repeats};
use crate::core::Core;
use crate::error::Result;
use crate::json::{self, Value, object};
use crate::protocol::Push;
use crate::store::{AlikeRow, ChallengeRow, EnrollmentRow};

/// What a consent asks for, as one text; `None` where it has no canonical form, and so cannot be approved either.
///
/// The binding message changes with every try and is no part of it, except where it is all that tells requests apart.
pub(crate) fn asked_for(body: &Value) -> Option<String> {
    let mut asked = body.get("requested_details")?.clone();
    let detailed = asked
        .get("authorization_details")
        .and_then(Value::as_array)
        .is_some_and(|details| !details.is_empty());
    if let (true, Value::Object(members)) = (detailed, &mut asked) {
        members.retain(|(name, _)| name != "binding_message");
    }
    json::canonical(&object([("asked", asked)])).ok()
}

/// The same for a request without details: where it claims to come from is all that is known.
pub(crate) fn asked_without_details(push: &Push) -> Option<String> {
    let origin = [("s", &push.source), ("l", &push.location)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
        .collect();
    json::canonical(&object([("origin", Value::Object(origin))])).ok()
}

impl Core {
    /// How a challenge stands among those that ask its account for the same.
    pub(crate) fn repeats(&self, row: &EnrollmentRow, challenge: &ChallengeRow) -> Result<Repeats> {
        let alike = self.store.alike(&challenge.id)?;
        let window = ms(self.config.guard.repeat_window);
        Ok(repeats(challenge, &alike, self.now(row), window))
    }
}

/// `alike`: all that ask for the same, the newest first, this one among them.
fn repeats(challenge: &ChallengeRow, alike: &[AlikeRow], now: i64, window: i64) -> Repeats {
    let Some(place) = alike.iter().position(|one| one.id == challenge.id) else {
        return Repeats {
            times: 1,
            leads: true,
            others: Vec::new(),
        };
    };
    let since = challenge.received_at.saturating_sub(window);
    // An approval settles what was asked: asking for it once more is something new.
    let counts = |one: &&AlikeRow| !one.approved && ended(one, now).is_none_or(|at| at >= since);
    let earlier = alike[place + 1..].iter().filter(counts).count();
    let open = |one: &&AlikeRow| ended(one, now).is_none();
    Repeats {
        times: u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1),
        leads: !alike[..place].iter().any(|one| open(&one)),
        others: alike
            .iter()
            .filter(|one| open(one) && one.id != challenge.id)
            .map(|one| ChallengeId::new(&one.id))
            .collect(),
    }
}

/// When it was decided or missed; `None` while it is open.
fn ended(one: &AlikeRow, now: i64) -> Option<i64> {
    one.decided_at
        .or((one.expires_at <= now).then_some(one.expires_at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::Alert;
    use crate::json::Limits;
    use crate::secret::Secret;

    const WINDOW: i64 = 600;

    fn push() -> Push {
        Push {
            enrollment: "dev_1".into(),
            transaction_token: Secret::new("t".into()),
            challenge: "c".into(),
            requested_at: 0,
            requested_at_text: "0".into(),
            source: Some(read(r#"{"b":{"n":"Chrome"}}"#)),
            location: None,
            consent_id: None,
            server_hint: String::new(),
        }
    }

    fn received(id: &str, received_at: i64) -> ChallengeRow {
        ChallengeRow {
            id: id.into(),
            enrollment: "dev_1".into(),
            push: push(),
            received_at,
            expires_at: received_at + 300,
            consent: None,
            review: None,
            expired: false,
            alert: Alert::Normal,
        }
    }

    fn open(id: &str, expires_at: i64) -> AlikeRow {
        AlikeRow {
            id: id.into(),
            expires_at,
            decided_at: None,
            approved: false,
        }
    }

    fn decided(id: &str, decided_at: i64, approved: bool) -> AlikeRow {
        AlikeRow {
            decided_at: Some(decided_at),
            approved,
            ..open(id, i64::MAX)
        }
    }

    fn read(text: &str) -> Value {
        json::read(text.as_bytes(), Limits::BODY).unwrap()
    }

    fn asked(requested: &str) -> Option<String> {
        asked_for(&read(&format!(
            r#"{{"id":"cns_1","requested_details":{requested},"expires_at":"2026-01-15T10:35:00Z"}}"#
        )))
    }

    #[test]
    fn the_newest_open_one_leads_and_names_the_others() {
        let alike = [open("c", 1300), open("b", 1200), open("a", 1100)];
        let of = |id: &str, at| repeats(&received(id, at), &alike, 1050, WINDOW);
        let ids = |repeats: &Repeats| {
            let names = repeats.others.iter().map(ChallengeId::to_string);
            names.collect::<Vec<_>>().join(" ")
        };
        let (a, b, c) = (of("a", 800), of("b", 900), of("c", 1000));
        assert_eq!([a.leads, b.leads, c.leads], [false, false, true]);
        assert_eq!([a.times, b.times, c.times], [1, 2, 3]);
        assert_eq!(
            [ids(&a), ids(&b), ids(&c)],
            ["c b", "c a", "b a"].map(String::from)
        );
    }

    #[test]
    fn a_denied_or_missed_one_counts_for_a_while_and_an_approved_one_never() {
        let times = |earlier: AlikeRow| {
            let alike = [open("b", 9000), earlier];
            repeats(&received("b", 5000), &alike, 5001, WINDOW).times
        };
        assert_eq!(times(decided("a", 5000 - WINDOW, false)), 2);
        assert_eq!(times(decided("a", 5000 - WINDOW - 1, false)), 1);
        assert_eq!(times(open("a", 5000 - WINDOW)), 2);
        assert_eq!(times(open("a", 5000 - WINDOW - 1)), 1);
        assert_eq!(times(decided("a", 4999, true)), 1);
    }

    #[test]
    fn one_that_is_over_does_not_lead_and_is_no_card_of_its_own() {
        let alike = [
            decided("c", 1000, false),
            open("b", 1200),
            open("x", 1049),
            open("a", 1100),
        ];
        let b = repeats(&received("b", 900), &alike, 1050, WINDOW);
        assert!(b.leads);
        assert_eq!(b.others, [ChallengeId::new("a")]);
    }

    #[test]
    fn a_challenge_that_nobody_has_read_stands_alone() {
        let alone = repeats(&received("a", 1), &[], 1, WINDOW);
        assert!(alone.leads && alone.times == 1 && alone.others.is_empty());
    }

    #[test]
    fn a_new_binding_message_makes_no_new_request_unless_it_is_all_there_is() {
        let with = |message: &str, details: &str| {
            asked(&format!(
                r#"{{"audience":"a","binding_message":"{message}","authorization_details":{details}}}"#
            ))
        };
        let payment = r#"[{"type":"payment_initiation","instructedAmount":{"amount":"1"}}]"#;
        assert!(with("TX-1", payment).is_some());
        assert_eq!(with("TX-1", payment), with("TX-2", payment));
        assert_ne!(with("TX-1", "[]"), with("TX-2", "[]"));
    }

    #[test]
    fn the_order_of_members_and_the_ids_around_make_no_difference_and_every_value_does() {
        let first = asked(r#"{"audience":"a","authorization_details":[{"type":"t","n":"1"}]}"#);
        let same = asked(r#"{"authorization_details":[{"n":"1","type":"t"}],"audience":"a"}"#);
        assert_eq!(first, same);
        for other in [
            r#"{"audience":"b","authorization_details":[{"type":"t","n":"1"}]}"#,
            r#"{"audience":"a","authorization_details":[{"type":"t","n":"2"}]}"#,
            r#"{"audience":"a","scope":["x"],"authorization_details":[{"type":"t","n":"1"}]}"#,
        ] {
            assert_ne!(asked(other), first, "{other}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_the_same_as_nothing() {
        assert_eq!(
            asked(r#"{"authorization_details":[{"n":9007199254740993}]}"#),
            None
        );
    }

    #[test]
    fn without_details_the_claimed_origin_tells_requests_apart() {
        let first = asked_without_details(&push());
        let elsewhere = Push {
            source: None,
            ..push()
        };
        assert!(first.is_some());
        assert_eq!(first, asked_without_details(&push()));
        assert_ne!(first, asked_without_details(&elsewhere));
    }
}
