//! Removing old records: whole entries only, and only up to a record that the enrolment key signs for.

use std::collections::HashSet;
use std::sync::Arc;

use super::verify::{Kind, Link, PAGE, checkpoint, verify};
use crate::core::{Core, blocking, dialect};
use crate::enrollment::EnrollmentId;
use crate::error::{Error, ErrorCode, Result};
use crate::store::{ChainRecord, EnrollmentRow, OPENS, SETTLES, Store};

impl Core {
    pub(crate) async fn prune_history(
        self: &Arc<Self>,
        id: &EnrollmentId,
        before: i64,
    ) -> Result<u64> {
        let row = self.history_row(id.as_str())?;
        let (core, account) = (Arc::clone(self), row.clone());
        let Some(last) = blocking(move || prunable(&core.store, &account, before)).await? else {
            return Ok(0);
        };
        let core = Arc::clone(self);
        let enrollment = id.as_str().to_owned();
        let removed = self
            .signed(&row, move |wire, _, signer| {
                let anchor = checkpoint(signer, &enrollment, &last, Kind::Anchor, wire.now)?;
                let Link { seq, digest, .. } = &last;
                core.store
                    .prune(&enrollment, *seq, digest, &anchor, wire.now)
            })
            .await?;
        Ok(removed as u64)
    }
}

/// The last record that can go, if any can. A history that does not hold is evidence, and stays whole.
pub(super) fn prunable(store: &Store, row: &EnrollmentRow, before: i64) -> Result<Option<Link>> {
    if let Some(broken) = verify(store, row, dialect(row.dialect))?.report.broken {
        return Err(Error::new(
            ErrorCode::HistoryBroken,
            format!(
                "record {} of the history does not hold ({}): nothing was removed",
                broken.seq,
                broken.fault.as_str()
            ),
        ));
    }
    let enrollment = row.identity.enrollment.as_str();
    let (mut last, mut after) = (None, 0);
    // Decided, and what became of the answer not read yet: such a pair must not be torn apart.
    let mut unsettled = HashSet::new();
    loop {
        let page = store.chain(enrollment, after, PAGE)?;
        if page.is_empty() {
            return Ok(last);
        }
        for record in page {
            if record.at >= before {
                return Ok(last);
            }
            after = record.seq;
            match record.settles {
                OPENS if is_decision(&record) => drop(unsettled.insert(record.challenge.clone())),
                SETTLES => drop(unsettled.remove(&record.challenge)),
                _ => {}
            }
            if unsettled.is_empty() {
                last = Some(Link::of(&record));
            }
        }
    }
}

fn is_decision(record: &ChainRecord) -> bool {
    let event = record
        .record
        .as_ref()
        .and_then(|value| value.pointer("/body/event"));
    event.is_some_and(|event| event.as_str() == Some("decided"))
}
