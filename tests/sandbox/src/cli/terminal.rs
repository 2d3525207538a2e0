//! The terminal itself: whether there is one, how wide it is, single keys, and a few lines that are redrawn in place.

use std::io::{IsTerminal, Read, Write};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};

use super::text::Line;

/// Waits for SIGINT (Ctrl-C) or SIGTERM and says which. Listens from the call on, not only from the first poll.
#[cfg(unix)]
pub(crate) fn stop_signal() -> impl Future<Output = &'static str> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn next(signal: &mut std::io::Result<Signal>) {
        match signal {
            Ok(signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    }
    let mut terminate = signal(SignalKind::terminate());
    let mut interrupt = signal(SignalKind::interrupt());
    async move {
        tokio::select! {
            () = next(&mut terminate) => "SIGTERM",
            () = next(&mut interrupt) => "Ctrl-C",
        }
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
pub(crate) async fn stop_signal() -> &'static str {
    let _ = tokio::signal::ctrl_c().await;
    "Ctrl-C"
}

/// Where output goes, and what it may look like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Standard output is a terminal.
    pub(crate) shown: bool,
    /// A person can answer: input and output are a terminal.
    pub(crate) interactive: bool,
    pub(crate) colour: bool,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Terminal {
    pub(crate) fn detect() -> Terminal {
        let shown = std::io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
        let (width, height) = match crossterm::terminal::size() {
            Ok((columns, rows)) if shown && columns > 0 => {
                (usize::from(columns), usize::from(rows))
            }
            _ => (80, 24),
        };
        Terminal {
            shown,
            interactive: shown && std::io::stdin().is_terminal() && !dumb,
            colour: shown && !dumb && !set("NO_COLOR"),
            width: width.clamp(40, 200),
            height,
        }
    }

    pub(crate) fn lines(&self, lines: &[Line]) {
        let mut text = String::new();
        for line in lines {
            text.push_str(&line.render(self.colour));
            text.push('\n');
        }
        print(&text);
    }

    pub(crate) fn line(&self, line: Line) {
        self.lines(&[line]);
    }

    /// Text as it is, for a file or a pipe.
    pub(crate) fn text(&self, text: &str) {
        print(&format!("{text}\n"));
    }

    pub(crate) fn json(&self, value: &impl serde::Serialize) {
        // Values of our own types: their maps have text keys, so this cannot fail.
        if let Ok(text) = serde_json::to_string(value) {
            print(&(text + "\n"));
        }
    }
}

/// A reader that went away (`| head`) is no reason to fail.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A key a person pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Letter(char),
    Enter,
    Backspace,
    /// Ctrl-C or Ctrl-D.
    Interrupt,
}

/// Single keys without Enter, until dropped. While it lives, lines must end in `\r\n`: use [`Live`].
pub(crate) struct Keys {
    keys: OwnedMutexGuard<mpsc::UnboundedReceiver<Key>>,
}

/// Nobody answers a question within this time after seeing it for the first time.
const TOO_EARLY: Duration = Duration::from_millis(300);

impl Keys {
    pub(crate) fn start() -> std::io::Result<Keys> {
        let keys = input().try_lock_owned();
        let keys = keys.map_err(|_| std::io::Error::other("another question is open"))?;
        crossterm::terminal::enable_raw_mode()?;
        Ok(Keys { keys })
    }

    /// The next key; `Interrupt` when input has ended.
    pub(crate) async fn next(&mut self) -> Key {
        self.keys.recv().await.unwrap_or(Key::Interrupt)
    }

    /// Forgets keys pressed before the question was on the screen, or the moment it came: they cannot have been an
    /// answer to it. An interrupt counts all the same.
    pub(crate) async fn forget(&mut self) -> Option<Key> {
        let until = tokio::time::sleep(TOO_EARLY);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => return None,
                key = self.next() => if key == Key::Interrupt { return Some(key) },
            }
        }
    }
}

/// The one reader of standard input. A thread of its own, for the life of the program: a blocked read must not hold up
/// its end, and a second reader would steal keys from the first.
fn input() -> Arc<Mutex<mpsc::UnboundedReceiver<Key>>> {
    static INPUT: OnceLock<Arc<Mutex<mpsc::UnboundedReceiver<Key>>>> = OnceLock::new();
    let start = || {
        let (send, keys) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            let mut bytes = [0_u8; 64];
            while let Ok(count @ 1..) = std::io::stdin().read(&mut bytes) {
                for key in read_keys(&bytes[..count]) {
                    // The receiver is never dropped.
                    let _ = send.send(key);
                }
            }
        });
        Arc::new(Mutex::new(keys))
    };
    Arc::clone(INPUT.get_or_init(start))
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

/// Cursor keys and the like (`ESC …`) are not letters.
fn read_keys(bytes: &[u8]) -> Vec<Key> {
    if bytes.first() == Some(&0x1b) {
        return Vec::new();
    }
    String::from_utf8_lossy(bytes)
        .chars()
        .filter_map(|c| match c {
            '\u{3}' | '\u{4}' => Some(Key::Interrupt),
            '\r' | '\n' => Some(Key::Enter),
            '\u{8}' | '\u{7f}' => Some(Key::Backspace),
            c if c.is_control() => None,
            c => Some(Key::Letter(c)),
        })
        .collect()
}

/// Lines at the bottom of the screen that are drawn again in place.
pub(crate) struct Live {
    terminal: Terminal,
    drawn: usize,
    last: String,
}

impl Live {
    pub(crate) fn new(terminal: Terminal) -> Live {
        Live {
            terminal,
            drawn: 0,
            last: String::new(),
        }
    }

    /// Draws these lines in place of those drawn before.
    pub(crate) fn draw(&mut self, lines: &[Line]) {
        let body: String = lines
            .iter()
            .map(|line| line.clone().clipped(self.terminal.width))
            .map(|line| line.render(self.terminal.colour) + "\x1b[K\r\n")
            .collect();
        if body == self.last {
            return;
        }
        print(&format!("{}{body}\x1b[J", self.up()));
        self.drawn = lines.len();
        self.last = body;
    }

    /// Prints lines that stay, above whatever is drawn next.
    pub(crate) fn keep(&mut self, lines: &[Line]) {
        let up = self.up();
        let body: String = lines
            .iter()
            .map(|line| line.render(self.terminal.colour) + "\x1b[K\r\n")
            .collect();
        print(&format!("{up}{body}\x1b[J"));
        self.drawn = 0;
        self.last.clear();
    }

    fn up(&self) -> String {
        if self.drawn == 0 {
            "\r".into()
        } else {
            format!("\r\x1b[{}A", self.drawn)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_enter_and_interrupts_are_told_apart() {
        assert_eq!(
            read_keys(b"y\r\x7f\x03"),
            [Key::Letter('y'), Key::Enter, Key::Backspace, Key::Interrupt]
        );
    }

    #[test]
    fn a_cursor_key_is_no_answer() {
        assert_eq!(read_keys(b"\x1b[Ay"), []);
    }
}
