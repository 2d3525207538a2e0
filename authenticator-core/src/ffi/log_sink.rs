//! What the library has to say, handed to the app's own log: never waits for it, never fails because of it.

use std::fmt::{Debug, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{SystemTime, UNIX_EPOCH};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::error::{Error, ErrorCode, Result};

/// Entries that may wait for the sink; what comes on top is dropped and counted.
const QUEUE: usize = 256;

/// How much a [`LogSink`] gets to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Something is broken.
    Error,
    /// Something went wrong and will be tried again, or needs attention.
    Warn,
    /// What happens, in few words.
    Info,
    /// For developers.
    Debug,
    /// For developers of this library.
    Trace,
}

/// One line of the log. It never holds secrets or payload text.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogEntry {
    /// How serious it is.
    pub level: LogLevel,
    /// Which part of the library speaks, e.g. `authenticator_core::decision::deliver`.
    pub target: String,
    /// The text, with its fields behind it as `name=value`.
    pub message: String,
    /// Unix milliseconds, device clock.
    pub at: i64,
}

/// Where log entries go: Logcat, `os_log`, a file. Implemented by the app.
///
/// It is called from one thread that does nothing else. It may be slow, block, throw, and call the library; entries that
/// come too fast for it are dropped, and the next entry says how many.
#[uniffi::export(foreign)]
pub trait LogSink: Send + Sync {
    /// Takes one entry.
    fn log(&self, entry: LogEntry);
}

/// Sends the library's log to `sink`, from now on and until the process ends. Only the library's own entries: not those
/// of the HTTP client, which could name addresses.
///
/// Errors: `configuration_invalid` when a log was installed before.
#[uniffi::export]
pub fn install_log_sink(sink: Arc<dyn LogSink>, level: LogLevel) -> Result<()> {
    let (queue, entries) = sync_channel(QUEUE);
    let dropped = Arc::new(AtomicU64::new(0));
    let forward = Forward {
        level: level.into(),
        queue,
        dropped: Arc::clone(&dropped),
    };
    std::thread::Builder::new()
        .name("authenticator-log".into())
        .spawn(move || drain(&entries, &dropped, sink.as_ref()))
        .map_err(|_| Error::new(ErrorCode::Internal, "the log thread could not be started"))?;
    tracing::subscriber::set_global_default(forward).map_err(|_| {
        Error::new(
            ErrorCode::ConfigurationInvalid,
            "a log was installed before; there can be one in a process",
        )
    })
}

/// Ends when the subscriber was not installed; a broken sink loses its entries and nothing else.
fn drain(entries: &Receiver<LogEntry>, dropped: &AtomicU64, sink: &dyn LogSink) {
    let hand_over = |entry| drop(catch_unwind(AssertUnwindSafe(|| sink.log(entry))));
    for entry in entries {
        hand_over(entry);
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            hand_over(LogEntry {
                level: LogLevel::Warn,
                target: module_path!().into(),
                message: format!("{lost} log entries were dropped: the sink is too slow"),
                at: now(),
            });
        }
    }
}

/// Turns events into entries. Spans are not kept: the library does not use them.
struct Forward {
    level: LevelFilter,
    queue: SyncSender<LogEntry>,
    dropped: Arc<AtomicU64>,
}

impl Subscriber for Forward {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.level && metadata.target().starts_with("authenticator_core")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Line::default();
        event.record(&mut text);
        let entry = LogEntry {
            level: (*event.metadata().level()).into(),
            target: event.metadata().target().to_owned(),
            message: text.message + &text.fields,
            at: now(),
        };
        if self.queue.try_send(entry).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a `String` does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => LogLevel::Trace,
        }
    }
}

fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::channel;

    use tracing::subscriber::with_default;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<LogEntry>>);

    impl LogSink for Kept {
        fn log(&self, entry: LogEntry) {
            let text = entry.message.clone();
            self.0.lock().unwrap().push(entry);
            assert_ne!(text, "throw");
        }
    }

    fn forward(level: LevelFilter) -> (Forward, Receiver<LogEntry>, Arc<AtomicU64>) {
        let (queue, entries) = sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let forward = Forward {
            level,
            queue,
            dropped: Arc::clone(&dropped),
        };
        (forward, entries, dropped)
    }

    #[test]
    fn an_entry_has_its_text_with_its_fields_and_only_ours_are_heard() {
        let (forward, entries, dropped) = forward(LevelFilter::INFO);
        with_default(forward, || {
            tracing::warn!(code = "unreachable", tries = 3, "an answer waits");
            tracing::debug!("too small a matter");
            tracing::error!(target: "reqwest", "https://secret.example");
        });
        let sink = Kept::default();
        drain(&entries, &dropped, &sink);
        let kept = sink.0.into_inner().unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].level, LogLevel::Warn);
        assert_eq!(kept[0].message, "an answer waits code=unreachable tries=3");
        assert_eq!(kept[0].target, "authenticator_core::ffi::log_sink::tests");
    }

    #[test]
    fn a_sink_that_throws_loses_one_entry() {
        let (forward, entries, dropped) = forward(LevelFilter::INFO);
        with_default(forward, || {
            tracing::info!("throw");
            tracing::info!("and on");
        });
        let sink = Kept::default();
        drain(&entries, &dropped, &sink);
        let kept = sink.0.into_inner().unwrap_or_else(|e| e.into_inner());
        assert_eq!(kept.last().map(|entry| &*entry.message), Some("and on"));
    }

    struct Slow(Mutex<Receiver<()>>, Kept);

    impl LogSink for Slow {
        fn log(&self, entry: LogEntry) {
            // The test holds the other end until it has said all it has to say.
            let _ = self.0.lock().unwrap().recv();
            self.1.log(entry);
        }
    }

    #[test]
    fn nobody_waits_for_a_slow_sink_and_it_learns_what_it_missed() {
        let (forward, entries, dropped) = forward(LevelFilter::INFO);
        let (open, gate) = channel();
        let sink = Arc::new(Slow(Mutex::new(gate), Kept::default()));
        let slow = Arc::clone(&sink);
        let thread = std::thread::spawn(move || drain(&entries, &dropped, slow.as_ref()));
        with_default(forward, || {
            for _ in 0..QUEUE + 100 {
                tracing::info!("said");
            }
            drop(open);
        });
        thread.join().unwrap();
        let kept = sink.1.0.lock().unwrap();
        let lost: usize = kept
            .iter()
            .filter_map(|entry| entry.message.split_once(" log entries were dropped"))
            .map(|(lost, _)| lost.parse::<usize>().unwrap())
            .sum();
        let said = kept.iter().filter(|entry| entry.message == "said").count();
        assert!((99..=100).contains(&lost), "{lost}");
        assert_eq!(said + lost, QUEUE + 100);
    }
}
