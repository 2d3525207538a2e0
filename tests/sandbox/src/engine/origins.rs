//! Under which addresses the sandbox is known. Issuer, token audiences and the `iss` of a hint are
//! compared with these, because client libraries build them themselves from a bare domain.

use url::{Host, Url};

/// The names and ports of a running sandbox.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// `http://127.0.0.1:port`.
    pub(crate) http: String,
    /// `https://localhost:port`.
    pub(crate) https: Option<String>,
    /// `http://127.0.0.1:port` of the console listener.
    pub(crate) console: String,
    /// Configured issuer, with trailing slash.
    pub(crate) issuer: Option<String>,
    /// Configured further origins, without trailing slash.
    pub(crate) public: Vec<String>,
}

impl Origins {
    /// Scheme and authority under which a call came in, from its `Host`.
    pub(crate) fn called(&self, scheme: &str, host: Option<&str>) -> String {
        host.filter(|host| !host.is_empty() && host.len() <= 255)
            .map_or_else(|| self.http.clone(), |host| format!("{scheme}://{host}"))
    }

    /// The origin to speak of in metadata and tokens: the called one if it is known.
    pub(crate) fn base(&self, called: &str) -> String {
        if let Some(issuer) = &self.issuer {
            return issuer.trim_end_matches('/').to_owned();
        }
        // Behind a proxy that ends TLS the host is right and the scheme is not.
        let authority = |origin: &str| origin.split_once("://").map(|(_, rest)| rest.to_owned());
        let public = self
            .public
            .iter()
            .find(|origin| authority(origin) == authority(called));
        match public {
            Some(origin) => origin.clone(),
            None if self.knows(called) => called.to_owned(),
            None => self.http.clone(),
        }
    }

    /// The origin of a link that goes to a person: the called one if it is an own one letter by letter, or `localhost` for
    /// an own loopback one. Never one that only the caller names: whoever answers there would get the link's key.
    pub(crate) fn of_links(&self, called: &str) -> String {
        let base = self.base(called);
        let localhost = |origin: &str| {
            let url = Url::parse(origin).ok()?;
            let port = url.port().filter(|_| loopback(&url))?;
            Some(format!("{}://localhost:{port}", url.scheme()))
        };
        let fixed = self
            .issuer
            .as_deref()
            .map(|issuer| issuer.trim_end_matches('/'));
        let own = fixed
            .into_iter()
            .chain(self.public.iter().map(String::as_str))
            .chain([self.http.as_str()])
            .chain(self.https.as_deref());
        let mut own =
            own.filter(|own| *own == base || localhost(own).as_deref() == Some(base.as_str()));
        match own.next() {
            Some(_) => base,
            None => self.http.clone(),
        }
    }

    /// Whether `text` is an origin of this sandbox, with or without slash, http or https.
    pub(crate) fn knows(&self, text: &str) -> bool {
        let Ok(url) = Url::parse(text) else {
            return false;
        };
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !bare || !matches!(url.scheme(), "http" | "https") {
            return false;
        }
        self.all().any(|own| same_place(&own, &url))
    }

    /// The part after the origin, if `text` starts with an origin of this sandbox.
    pub(crate) fn path_of<'a>(&self, text: &'a str) -> Option<&'a str> {
        let start = text.find("://")? + 3;
        let end = text[start..].find('/').map_or(text.len(), |i| start + i);
        self.knows(&text[..end]).then_some(&text[end..])
    }

    /// Every way a device may write an origin of this sandbox: each one as configured, loopback ones
    /// under each loopback name, and the called one if it is known.
    pub(crate) fn spellings(&self, called: &str) -> Vec<String> {
        let mut spellings = Vec::new();
        let called = Some(called).filter(|called| self.knows(called));
        for url in self
            .all()
            .chain(called.and_then(|text| Url::parse(text).ok()))
        {
            let names: &[&str] = match loopback(&url) {
                true => &["127.0.0.1", "localhost", "[::1]"],
                false => &[url.host_str().unwrap_or_default()],
            };
            let port = url.port().map_or(String::new(), |port| format!(":{port}"));
            for name in names {
                let spelling = format!("{}://{name}{port}", url.scheme());
                if !spellings.contains(&spelling) {
                    spellings.push(spelling);
                }
            }
        }
        spellings
    }

    fn all(&self) -> impl Iterator<Item = Url> + '_ {
        [Some(&self.http), self.https.as_ref(), self.issuer.as_ref()]
            .into_iter()
            .flatten()
            .chain(&self.public)
            .filter_map(|origin| Url::parse(origin).ok())
    }
}

/// Same host and port; loopback names count as one host, and a bare loopback name fits every port.
fn same_place(own: &Url, other: &Url) -> bool {
    if loopback(own) && loopback(other) {
        return other.port().is_none()
            || own.port_or_known_default() == other.port_or_known_default();
    }
    own.host() == other.host() && own.port() == other.port()
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        Origins {
            http: "http://127.0.0.1:8300".into(),
            https: Some("https://localhost:8443".into()),
            public: vec!["https://login.bank.example".into()],
            ..Origins::default()
        }
    }

    #[test]
    fn aliases_of_scheme_slash_loopback_name_and_port_are_known() {
        for text in [
            "http://127.0.0.1:8300/",
            "https://localhost:8300",
            "https://localhost:8443/",
            "http://[::1]:8443/",
            "https://localhost/",
            "https://login.bank.example",
            "http://login.bank.example/",
        ] {
            assert!(origins().knows(text), "{text}");
        }
        for text in [
            "",
            "localhost",
            "https://evil.example/",
            "http://127.0.0.1:1/",
            "https://login.bank.example/x",
            "https://login.bank.example.evil/",
            "https://u@localhost/",
            "ftp://localhost/",
        ] {
            assert!(!origins().knows(text), "{text}");
        }
    }

    #[test]
    fn spellings_are_those_of_own_origins_only() {
        let origins = Origins {
            https: None,
            ..origins()
        };
        let own = [
            "http://127.0.0.1:8300",
            "http://localhost:8300",
            "http://[::1]:8300",
            "https://login.bank.example",
        ];
        assert_eq!(origins.spellings("https://evil.example"), own);
        let proxied = origins.spellings("http://login.bank.example");
        assert_eq!(
            proxied.last().map(String::as_str),
            Some("http://login.bank.example")
        );
    }

    #[test]
    fn a_link_leads_to_an_own_origin_whatever_the_caller_called() {
        let origins = origins();
        let listening = "http://127.0.0.1:8300";
        for (called, link) in [
            (listening, listening),
            ("http://localhost:8300", "http://localhost:8300"),
            ("https://localhost:8443", "https://localhost:8443"),
            ("http://login.bank.example", "https://login.bank.example"),
            ("http://localhost", listening),
            ("http://0.0.0.0:8300", listening),
            ("http://127.9.9.9:8300", listening),
            ("http://[::1]:8300", listening),
            ("http://localhost:8443", listening),
            ("http://evil.example", listening),
        ] {
            assert_eq!(origins.of_links(called), link, "{called}");
        }
    }

    #[test]
    fn the_base_follows_the_called_host_unless_it_is_unknown_or_overridden() {
        assert_eq!(
            origins().base("https://localhost:8443"),
            "https://localhost:8443"
        );
        assert_eq!(
            origins().base("http://login.bank.example"),
            "https://login.bank.example"
        );
        assert_eq!(
            origins().base("http://evil.example"),
            "http://127.0.0.1:8300"
        );
        let fixed = Origins {
            issuer: Some("https://localhost:8300/".into()),
            ..origins()
        };
        assert_eq!(
            fixed.base("http://127.0.0.1:8300"),
            "https://localhost:8300"
        );
    }
}
