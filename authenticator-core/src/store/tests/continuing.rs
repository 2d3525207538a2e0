//! An account whose key is lost, and the one that takes its place.

use super::*;
use crate::history::HistoryFault;
use crate::history::tests::{ALICE, History};

const NEW: &str = "dev_new";

/// A confirmed approval, a queued denial, an open request; then the key is lost and the account enrolled again.
fn continued() -> (History, EnrollmentRow) {
    let history = History::empty();
    history.ask("c1", 9000);
    history.decide("c1", Decision::Approve);
    history.ask("c2", 9000);
    history.commit("c2", Decision::Deny).unwrap();
    history.ask("c3", 9000);
    history
        .store
        .record_requester(ALICE, "api", 10, |row| row.approved += 1)
        .unwrap();
    history
        .store
        .keep_quiet(ALICE, Some("api"), 10, 9999)
        .unwrap();
    let new = continue_with(&history, NEW, ALICE);
    (history, new)
}

fn continue_with(history: &History, new: &str, old: &str) -> EnrollmentRow {
    let mut row = history.row.clone();
    row.identity.enrollment = new.into();
    row.enrolled_at = 7000;
    let ends = Continued {
        enrollment: old.into(),
        lost: ErrorCode::KeyInvalidated,
    };
    history.store.add_enrollment(&row, &[ends]).unwrap();
    row
}

fn ended(history: &History) -> EnrollmentRow {
    history.store.enrollment(ALICE).unwrap().unwrap()
}

#[test]
fn the_history_stays_readable_and_verifiable_in_two_chains() {
    let (history, new) = continued();
    let store = &history.store;
    let listed: Vec<_> = store
        .enrollments()
        .unwrap()
        .into_iter()
        .map(|row| row.identity.enrollment)
        .collect();
    assert_eq!(listed, [NEW]);
    assert_eq!(store.continued(NEW).unwrap(), [ALICE]);

    let entries = |id: &str| -> Vec<(String, Option<Decision>, Option<Delivery>)> {
        let entries = store.history(Some(id), None, 10).unwrap();
        entries
            .into_iter()
            .map(|e| (e.challenge.as_str().to_owned(), e.decision, e.delivery))
            .collect()
    };
    let expected = [
        ("c3", None, None),
        ("c2", Some(Decision::Deny), Some(Delivery::Undelivered)),
        ("c1", Some(Decision::Approve), Some(Delivery::Delivered)),
    ]
    .map(|(id, decision, delivery)| (id.to_owned(), decision, delivery));
    assert_eq!(entries(NEW), expected);
    assert_eq!(entries(ALICE), expected);

    let old = History::report_of(store, &ended(&history));
    assert_eq!((old.records, old.answers, old.broken), (5, 1, None));
    let new = History::report_of(store, &new);
    assert_eq!((new.records, new.broken), (1, None));
}

#[test]
fn what_can_never_be_answered_is_settled_and_its_credentials_are_gone() {
    let (history, _) = continued();
    let store = &history.store;
    let receipt = store.decision("c2").unwrap().unwrap().receipt;
    assert_eq!(
        (receipt.delivery, receipt.last_error),
        (Delivery::Undelivered, Some(ErrorCode::KeyInvalidated))
    );
    assert!(store.queued().unwrap().is_empty() && store.open_challenges().unwrap().is_empty());
    for id in ["c1", "c2", "c3"] {
        let row = store.challenge(id).unwrap().unwrap();
        assert!(
            row.push.transaction_token.expose().is_empty() && row.consent.is_none(),
            "{id}"
        );
    }
    let row = ended(&history);
    assert!(row.push.is_none() && row.totp.is_none());
    assert_eq!(row.continued_by.as_deref(), Some(NEW));
    assert_eq!(store.requester(NEW, "api").unwrap().unwrap().approved, 1);
    assert_eq!(store.requester(ALICE, "api").unwrap(), None);
    let quiet = |id| store.quiet_until(id, Some("api"), 7000, i64::MAX).unwrap();
    assert_eq!((quiet(NEW), quiet(ALICE)), (Some(9999), None));
}

#[test]
fn an_attempt_in_doubt_stays_in_doubt() {
    let history = History::empty();
    history.ask("c1", 9000);
    history.commit("c1", Decision::Approve).unwrap();
    history.send("c1", Decision::Approve);
    continue_with(&history, NEW, ALICE);
    let delivery = || {
        history
            .store
            .decision("c1")
            .unwrap()
            .unwrap()
            .receipt
            .delivery
    };
    assert_eq!(delivery(), Delivery::Unconfirmed);
    // The attempt was signed before the key was lost, and the server took it.
    history.settle("c1", Delivery::Delivered);
    assert_eq!(delivery(), Delivery::Delivered);
    assert_eq!(
        History::report_of(&history.store, &ended(&history)).broken,
        None
    );
}

#[test]
fn the_new_chain_vouches_for_the_end_of_the_old_one() {
    let (history, _) = continued();
    history
        .store
        .forge("DELETE FROM history WHERE enrollment = 'dev_alice' AND seq = 5");
    let broken = History::report_of(&history.store, &ended(&history))
        .broken
        .unwrap();
    assert_eq!((broken.seq, broken.fault), (5, HistoryFault::Missing));

    let (history, _) = continued();
    let mut record = history
        .store
        .chain(ALICE, 4, 1)
        .unwrap()
        .remove(0)
        .record
        .unwrap();
    if let Value::Object(members) = &mut record
        && let Some((_, Value::Object(body))) = members.iter_mut().find(|(name, _)| name == "body")
    {
        body.retain(|(name, _)| name != "review");
    }
    history.store.forge_record(ALICE, 5, &record);
    let broken = History::report_of(&history.store, &ended(&history))
        .broken
        .unwrap();
    assert_eq!((broken.seq, broken.fault), (5, HistoryFault::Altered));
}

#[test]
fn a_line_of_lost_keys_ends_in_one_account_that_takes_all_along() {
    let (history, _) = continued();
    continue_with(&history, "dev_third", NEW);
    let store = &history.store;
    assert_eq!(store.continued("dev_third").unwrap(), [ALICE, NEW]);
    assert!(store.continued(NEW).unwrap().is_empty());
    for id in [ALICE, NEW, "dev_third"] {
        let row = store.enrollment(id).unwrap().unwrap();
        assert_eq!(History::report_of(store, &row).broken, None, "{id}");
    }
    assert_eq!(store.history(Some("dev_third"), None, 1).unwrap().len(), 1);
    store.remove_enrollment("dev_third").unwrap();
    for id in [ALICE, NEW] {
        assert!(store.enrollment(id).unwrap().is_none(), "{id}");
    }
    assert!(store.history(None, None, 10).unwrap().is_empty());
}

#[test]
fn an_account_that_has_ended_does_not_end_again_and_a_conflict_ends_nothing() {
    let (history, _) = continued();
    let again = continue_with(&history, "dev_other", ALICE);
    assert!(history.store.continued("dev_other").unwrap().is_empty());
    let ends = Continued {
        enrollment: NEW.into(),
        lost: ErrorCode::KeyMissing,
    };
    let conflict = history.store.add_enrollment(&again, &[ends]);
    assert_eq!(code(conflict), ErrorCode::EnrollmentConflict);
    assert_eq!(history.store.enrollments().unwrap().len(), 2);
}
