//! Where work runs: tasks of the library's own runtime, and threads on which foreign and slow code may block.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorCode, Result};

/// Work as tokio gets it. One type for all of it: the machinery of a task, once more for each type of work, would weigh
/// more on a phone than the work itself.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Starts work in a task of its own.
pub(crate) fn start(
    handle: &Handle,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let work: Work = Box::pin(work);
    handle.spawn(work)
}

/// Work in a task of its own, and what came of it.
pub(crate) struct Started<T> {
    pub task: JoinHandle<()>,
    slot: Slot<Result<T>>,
}

impl<T: Send + 'static> Started<T> {
    pub(crate) fn new(
        handle: &Handle,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Self {
        let slot = Slot::new();
        let filled = slot.clone();
        let task = start(handle, async move { filled.fill(work.await) });
        Started { task, slot }
    }

    /// Waits. `None`: it panicked. Dropping this future leaves the task alone.
    pub(crate) async fn result(&mut self) -> Option<Result<T>> {
        (&mut self.task).await.ok()?;
        self.slot.take()
    }
}

/// Runs foreign or slow code off the runtime's own threads; its panics become `internal`.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let slot = Slot::new();
    let filled = slot.clone();
    let work: Box<dyn FnOnce() + Send> = Box::new(move || filled.fill(work()));
    // A panic shows in the slot, which stays empty.
    let _ = tokio::task::spawn_blocking(work).await;
    slot.take().unwrap_or_else(|| {
        Err(Error::new(
            ErrorCode::Internal,
            "a background task ended unexpectedly",
        ))
    })
}

/// Where a task leaves its result.
struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Slot<T> {
    fn new() -> Self {
        Slot(Arc::new(Mutex::new(None)))
    }

    fn fill(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot(Arc::clone(&self.0))
    }
}
