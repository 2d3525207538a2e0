//! Where a secret could turn up.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, Once};

use tracing_subscriber::fmt::MakeWriter;

/// Something to search.
pub(crate) struct Place {
    /// What it is.
    pub(crate) name: String,
    /// All of it.
    pub(crate) bytes: Vec<u8>,
    /// Made to show a person what was asked for.
    pub(crate) shows_content: bool,
}

/// Everything to search.
#[derive(Default)]
pub(crate) struct Places(Vec<Place>);

impl Places {
    /// Adds one.
    pub(crate) fn add(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.0.push(Place {
            name: name.to_owned(),
            bytes: bytes.into(),
            shows_content: false,
        });
    }

    /// Adds one that shows people what was asked for.
    pub(crate) fn add_display(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.add(name, bytes);
        if let Some(place) = self.0.last_mut() {
            place.shows_content = true;
        }
    }

    /// Every file of a folder, as it is now.
    pub(crate) fn add_files(&mut self, when: &str, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let path = entry.expect("a file").path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let bytes = std::fs::read(&path).expect("a readable file");
            self.add(&format!("{name} {when}"), bytes);
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Place] {
        &self.0
    }

    /// A search of nothing finds nothing.
    pub(crate) fn are_enough(&self) {
        for (name, least) in [
            ("store.db ", 50_000),
            ("store.db-wal ", 10_000),
            ("log and panics", 2_000),
            ("error texts", 1_000),
            ("debug texts", 1_000),
            ("the sandbox's log", 5_000),
        ] {
            let largest = self.0.iter().filter(|place| place.name.starts_with(name));
            let largest = largest.map(|place| place.bytes.len()).max().unwrap_or(0);
            assert!(largest >= least, "{name}: {largest} bytes");
        }
    }
}

static HEARD: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Everything that was logged or panicked in this process since [`listen`].
pub(crate) fn heard() -> Vec<u8> {
    HEARD
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .clone()
}

fn hear(bytes: &[u8]) {
    let mut heard = HEARD
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    heard.extend_from_slice(bytes);
}

/// Catches both logging facades at their finest level, and what panics print.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(Ear)
            .with_ansi(false)
            .without_time()
            .init();
        log::set_logger(&Ear).expect("nobody else logs");
        log::set_max_level(log::LevelFilter::Trace);
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            hear(format!("{panic}\n").as_bytes());
            print(panic);
        }));
    });
}

struct Ear;

impl Write for Ear {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        hear(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Ear {
    type Writer = Ear;
    fn make_writer(&self) -> Ear {
        Ear
    }
}

impl log::Log for Ear {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        hear(
            format!(
                "{} {}: {}\n",
                record.level(),
                record.target(),
                record.args()
            )
            .as_bytes(),
        );
    }
    fn flush(&self) {}
}
