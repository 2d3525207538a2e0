//! What `--json` prints of the phone's world. Member names follow the core's field names.

use authenticator_core::{
    Alert, Approval, Challenge, ChallengeId, ChallengeState, Confirmation, Decision, Delivery,
    Enrollment, EnrollmentId, EnrollmentRepair, HistoryEntry, HistoryReport, KeyAlgorithm, Mark,
    ProtectionLevel, Receipt, Review, Severity, ShownText, StoreRepair,
};
use serde_json::{Value, json};

pub(crate) fn enrollment(enrollment: &Enrollment) -> Value {
    json!({
        "id": enrollment.id.as_str(),
        "server": enrollment.server,
        "base_url": enrollment.base_url,
        "issuer": enrollment.issuer,
        "user": enrollment.user,
        "user_id": enrollment.user_id,
        "enrolled_at": enrollment.enrolled_at,
        "last_used_at": enrollment.last_used_at,
        "algorithm": algorithm(enrollment.algorithm),
        "protection": protection(enrollment.protection),
        "thumbprint": enrollment.thumbprint,
        "approval_thumbprint": enrollment.approval_thumbprint,
        "has_one_time_code": enrollment.has_one_time_code,
        "quiet_until": enrollment.quiet_until,
        "one_time_code_error": enrollment.one_time_code_error.as_ref().map(|error| error.message()),
        "continues": ids(&enrollment.continues, EnrollmentId::as_str),
    })
}

pub(crate) fn algorithm(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Rsa2048 => "RSA-2048",
        KeyAlgorithm::P256 => "P-256",
    }
}

pub(crate) fn protection(level: ProtectionLevel) -> &'static str {
    match level {
        ProtectionLevel::Software => "software",
        ProtectionLevel::TrustedEnvironment => "trusted_environment",
        ProtectionLevel::SecureElement => "secure_element",
        ProtectionLevel::Unknown => "unknown",
    }
}

pub(crate) fn challenge(challenge: &Challenge) -> Value {
    json!({
        "id": challenge.id.as_str(),
        "enrollment": challenge.enrollment.as_str(),
        "account": { "issuer": challenge.account.issuer, "user": challenge.account.user },
        "requested_at": challenge.requested_at,
        "received_at": challenge.received_at,
        "expires_at": challenge.expires_at,
        "has_details": challenge.has_details,
        "state": match challenge.state {
            ChallengeState::Open => "open",
            ChallengeState::Decided => "decided",
            ChallengeState::Expired => "expired",
        },
        "alert": match challenge.alert {
            Alert::Normal => "normal",
            Alert::Silent => "silent",
        },
        "repeats": {
            "times": challenge.repeats.times,
            "leads": challenge.repeats.leads,
            "others": challenge.repeats.others.iter().map(ChallengeId::as_str).collect::<Vec<_>>(),
        },
    })
}

pub(crate) fn review(review: &Review) -> Value {
    let sections: Vec<Value> = review
        .sections
        .iter()
        .map(|section| {
            let rows: Vec<Value> = section
                .rows
                .iter()
                .map(|row| {
                    json!({
                        "label_key": row.label_key,
                        "label": row.label,
                        "text": row.text,
                        "full_text": row.full_text,
                        "full_label": row.full_label,
                        "full_help": row.full_help,
                        "help": row.help,
                        "indent": row.indent,
                        "marks": marks(&row.marks),
                        "sources": row.sources,
                    })
                })
                .collect();
            json!({ "title": section.title, "type": section.kind, "rows": rows })
        })
        .collect();
    json!({
        "challenge": review.challenge.as_str(),
        "enrollment": review.enrollment.as_str(),
        "account": { "issuer": review.account.issuer, "user": review.account.user },
        "headline": review.headline,
        "binding_message": review.binding_message.as_ref().map(text),
        "sections": sections,
        "marks": marks(&review.marks),
        "approval": approval(&review.approval),
        "expires_at": review.expires_at,
        "digest": review.digest,
        "locale": review.locale,
    })
}

fn text(text: &ShownText) -> Value {
    let marks: Vec<&str> = text.marks.iter().map(|mark| mark.as_str()).collect();
    json!({ "shown": text.shown, "full": text.full, "marks": marks })
}

fn marks(marks: &[Mark]) -> Value {
    marks
        .iter()
        .map(|mark| {
            json!({
                "code": mark.code.as_str(),
                "severity": match mark.severity {
                    Severity::Info => "info",
                    Severity::Caution => "caution",
                    Severity::Danger => "danger",
                },
                "text": mark.text,
            })
        })
        .collect()
}

fn approval(approval: &Approval) -> Value {
    match approval {
        Approval::Allowed => json!({ "state": "allowed" }),
        Approval::NeedsConfirmation {
            confirmation: Confirmation::AmountDigits { prompt },
        } => {
            json!({ "state": "needs_confirmation", "confirmation": "amount_digits", "prompt": prompt })
        }
        Approval::NeedsConfirmation {
            confirmation: Confirmation::Number { number, prompt },
        } => json!({
            "state": "needs_confirmation", "confirmation": "number", "number": number, "prompt": prompt,
        }),
        Approval::Blocked { reason, text } => {
            json!({ "state": "blocked", "reason": reason.as_str(), "text": text })
        }
    }
}

pub(crate) fn receipt(receipt: &Receipt) -> Value {
    json!({
        "challenge": receipt.challenge.as_str(),
        "decision": decision(receipt.decision),
        "reason": receipt.reason,
        "delivery": delivery(receipt.delivery),
        "decided_at": receipt.decided_at,
        "attempts": receipt.attempts,
        "next_attempt_at": receipt.next_attempt_at,
        "last_error": receipt.last_error.map(|code| code.as_str()),
        "server_code": receipt.server_code,
    })
}

pub(crate) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Approve => "approve",
        Decision::Deny => "deny",
    }
}

pub(crate) fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Queued => "queued",
        Delivery::Delivered => "delivered",
        Delivery::Unconfirmed => "unconfirmed",
        Delivery::Undelivered => "undelivered",
        Delivery::Refused => "refused",
    }
}

pub(crate) fn history(entry: &HistoryEntry) -> Value {
    json!({
        "challenge": entry.challenge.as_str(),
        "enrollment": entry.enrollment.as_str(),
        "account": { "issuer": entry.account.issuer, "user": entry.account.user },
        "headline": entry.headline,
        "binding_message": binding_message(entry),
        "decision": entry.decision.map(decision),
        "reason": entry.reason,
        "delivery": entry.delivery.map(delivery),
        "at": entry.at,
        "source": entry.source,
        "shown": entry.shown,
        "shown_document": entry.shown_document,
        "answer": entry.answer,
        "approval_thumbprint": entry.approval_thumbprint,
    })
}

pub(crate) fn verified(report: &HistoryReport) -> Value {
    let broken = report.broken.as_ref().map(|broken| {
        json!({
            "seq": broken.seq,
            "challenge": broken.challenge.as_ref().map(ChallengeId::as_str),
            "fault": broken.fault.as_str(),
        })
    });
    json!({
        "enrollment": report.enrollment.as_str(),
        "records": report.records,
        "pruned": report.pruned,
        "answers": report.answers,
        "checkpointed": report.checkpointed,
        "broken": broken,
    })
}

pub(crate) fn saved(repair: &StoreRepair) -> Value {
    json!({
        "state": repair.state.as_str(),
        "moved_to": repair.moved_to,
        "kept": ids(&repair.kept, EnrollmentId::as_str),
        "lost": ids(&repair.lost, EnrollmentId::as_str),
        "lost_decisions": ids(&repair.lost_decisions, ChallengeId::as_str),
        "lost_records": repair.lost_records,
    })
}

pub(crate) fn repaired(repair: &EnrollmentRepair) -> Value {
    json!({
        "enrollment": repair.enrollment.as_str(),
        "keys": repair.keys.as_str(),
        "given_up": ids(&repair.given_up, ChallengeId::as_str),
    })
}

fn ids<T>(all: &[T], text: impl Fn(&T) -> &str) -> Value {
    all.iter().map(text).collect()
}

/// The binding message as it was shown; `None` where nobody looked, or there was none.
pub(crate) fn binding_message(entry: &HistoryEntry) -> Option<String> {
    let shown: Value = serde_json::from_str(entry.shown_document.as_ref()?).ok()?;
    shown["binding_message"].as_str().map(str::to_owned)
}
