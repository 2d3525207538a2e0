//! The addresses that a data folder remembers: clients and phones know a server by them.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

const FREE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What the command line says of each listener; `None`: as the last time, or a free port.
pub(crate) struct Wanted {
    pub(crate) http: Option<SocketAddr>,
    pub(crate) https: Option<SocketAddr>,
    pub(crate) console: Option<SocketAddr>,
}

/// Where to listen, and what to keep.
pub(crate) struct Ports {
    pub(crate) http: SocketAddr,
    pub(crate) https: SocketAddr,
    pub(crate) console: SocketAddr,
    /// What the person should know: a remembered address that is taken.
    pub(crate) notes: Vec<String>,
    wanted: Wanted,
    kept: Kept,
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Kept {
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    console: Option<SocketAddr>,
}

impl Ports {
    /// What is wanted, else what `folder` remembers and is free, else a free port.
    pub(crate) fn choose(folder: Option<&Path>, wanted: Wanted) -> Ports {
        let file = folder.map(|folder| folder.join("ports.json"));
        let kept: Kept = file
            .as_ref()
            .and_then(|file| std::fs::read(file).ok())
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let mut notes = Vec::new();
        let mut one = |wanted: Option<SocketAddr>, kept: Option<SocketAddr>, who: &str| {
            if let Some(wanted) = wanted {
                return wanted;
            }
            match kept {
                Some(kept) if TcpListener::bind(kept).is_ok() => kept,
                Some(kept) => {
                    notes.push(format!(
                        "{kept} is taken, which this folder had before: {who}"
                    ));
                    FREE
                }
                None => FREE,
            }
        };
        Ports {
            http: one(
                wanted.http,
                kept.http,
                "clients and phones that know it do not find this server, until it is free and this one starts anew",
            ),
            https: one(
                wanted.https,
                kept.https,
                "clients and phones that know it over https do not find this server now",
            ),
            console: one(wanted.console, kept.console, "the console is elsewhere now"),
            notes,
            wanted,
            kept,
            file,
        }
    }

    /// Remembers where the server listens now. An address that was only taken this time is not forgotten for it.
    pub(crate) fn keep(
        &self,
        http: &str,
        https: Option<&str>,
        console: &str,
    ) -> anyhow::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let of = |wanted: Option<SocketAddr>, kept: Option<SocketAddr>, now: Option<&str>| match (
            wanted, kept,
        ) {
            (None, Some(kept)) => Some(kept),
            _ => now.and_then(address).or(kept),
        };
        let now = Kept {
            http: of(self.wanted.http, self.kept.http, Some(http)),
            https: of(self.wanted.https, self.kept.https, https),
            console: of(self.wanted.console, self.kept.console, Some(console)),
        };
        if now == self.kept {
            return Ok(());
        }
        std::fs::write(file, serde_json::to_vec(&now)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// `127.0.0.1:8300` of `http://127.0.0.1:8300/`. A name is this machine's: certificates are made for `localhost`.
fn address(origin: &str) -> Option<SocketAddr> {
    let url = url::Url::parse(origin).ok()?;
    let port = url.port_or_known_default()?;
    let ip = match url.host()? {
        url::Host::Ipv4(ip) => ip.into(),
        url::Host::Ipv6(ip) => ip.into(),
        url::Host::Domain(_) => Ipv4Addr::LOCALHOST.into(),
    };
    Some(SocketAddr::new(ip, port))
}

/// An address to listen on: `127.0.0.1:8300`, and what people write for it, `localhost:8300` or `8300`.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, String> {
    let full = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("127.0.0.1:{text}")
        }
        None => text.to_owned(),
    };
    full.parse()
        .map_err(|_| "write an address and a port, e.g. 127.0.0.1:8300".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Wanted = Wanted {
        http: None,
        https: None,
        console: None,
    };

    #[test]
    fn a_folder_remembers_its_ports_and_says_when_one_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let choose = || Ports::choose(Some(folder.path()), NOTHING);
        let first = choose();
        assert_eq!((first.http, first.console), (FREE, FREE));
        let taken = TcpListener::bind(FREE).unwrap();
        let port = taken.local_addr().unwrap();
        first
            .keep(&format!("http://{port}"), None, "http://127.0.0.1:9/")
            .unwrap();
        let second = choose();
        assert_eq!(second.http, FREE);
        assert!(second.notes[0].contains(&port.to_string()));
        second
            .keep("http://127.0.0.1:10", None, "http://127.0.0.1:9/")
            .unwrap();
        drop(taken);
        assert_eq!(choose().http, port, "it was only taken once");
    }

    #[test]
    fn an_address_may_be_written_as_people_do() {
        for text in ["127.0.0.1:8300", "localhost:8300", "8300"] {
            assert_eq!(parse(text).unwrap().to_string(), "127.0.0.1:8300");
        }
        assert!(parse("here:8300").unwrap_err().contains("127.0.0.1:8300"));
    }
}
