//! The phone behind `sandbox phone` and `sandbox demo`: the real core with a software key store in a folder.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use authenticator_core::{
    App, Authenticator, ChallengeId, Config, Device, Display, Enrollment, ErrorCode, KeyStore as _,
    Platform, PushService, PushToken, Receipt, Secret, SoftwareKeyStore, StoreRepair,
};

use super::http;

/// What a person chose on the command line.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    /// PEM of a further root certificate.
    pub(crate) ca: Option<String>,
    /// BCP 47 tag; `None`: the environment's language.
    pub(crate) locale: Option<String>,
    /// Accounts that are enrolled get an approval key.
    pub(crate) user_verification: bool,
}

pub(crate) struct Handset {
    pub(crate) authenticator: Authenticator,
    /// Push address of this phone at the sandbox's stream. A secret.
    pub(crate) push_token: String,
    pub(crate) ca: Option<String>,
    keys: Arc<SoftwareKeyStore>,
}

impl Handset {
    /// Opens the phone in `folder`, or makes a new one.
    pub(crate) async fn open(folder: &Path, settings: Settings) -> anyhow::Result<Handset> {
        let (config, keys) = parts(folder, &settings)?;
        // Hexadecimal, as Apple's tokens are; Google's may be anything.
        let push_token = secret_file(&folder.join("push-token.key"))?
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(Handset {
            authenticator: Authenticator::open(config, Platform::new(keys.clone())).await?,
            keys,
            push_token,
            ca: settings.ca,
        })
    }

    /// Saves what is left of a phone that cannot be opened.
    pub(crate) async fn repair_store(
        folder: &Path,
        settings: &Settings,
    ) -> anyhow::Result<StoreRepair> {
        let (config, keys) = parts(folder, settings)?;
        Ok(Authenticator::repair_store(config, Platform::new(keys)).await?)
    }

    /// Enrols with a server that a person has named or confirmed.
    pub(crate) async fn enroll(
        &self,
        invitation: &str,
        server: &str,
        device_name: String,
        service: PushService,
    ) -> anyhow::Result<Enrollment> {
        let name = self.authenticator.add_server(server.to_owned()).await?;
        let device = Device {
            name: device_name,
            identifier: None,
            push: Some(PushToken {
                service,
                token: Secret::new(self.push_token.clone()),
            }),
        };
        let enrolled = self
            .authenticator
            .enroll(invitation.to_owned(), Some(name), device)
            .await?;
        Ok(enrolled)
    }
}

impl Handset {
    /// Approves what a person has said yes to; with the approval key where the account has one.
    pub(crate) async fn approve(
        &self,
        id: ChallengeId,
        digest: String,
        confirmation: Option<String>,
    ) -> authenticator_core::Result<Receipt> {
        let core = &self.authenticator;
        let plain = core.approve(id.clone(), digest.clone(), confirmation.clone());
        match plain.await {
            Err(error) if error.code() == ErrorCode::UserVerificationNeeded => {
                let request = core.begin_approval(id, digest, confirmation).await?;
                let signature = self.keys.sign(request.key_alias, request.message)?;
                core.finish_approval(request.id, signature).await
            }
            plain => plain,
        }
    }
}

/// What lies in the folder of a phone, made where it is missing.
fn parts(folder: &Path, settings: &Settings) -> anyhow::Result<(Config, Arc<SoftwareKeyStore>)> {
    make_private_folder(folder)
        .with_context(|| format!("cannot use the folder {}", folder.display()))?;
    let inside = |name: &str| folder.join(name);
    if !inside("store.key").exists() && inside("keys").exists() {
        bail!(
            "`store.key` is gone from {}, and the keys beside it cannot be opened without it. Put it back from a backup, \
             or move the folder away and enrol again",
            folder.display()
        );
    }
    let key = secret_file(&inside("store.key"))?;
    let keys = SoftwareKeyStore::open(&inside("keys"), key).with_context(|| {
        format!(
            "the keys in {} cannot be opened; `store.key` and `keys` belong together",
            folder.display()
        )
    })?;
    let store = inside("authenticator.db");
    let store = store
        .to_str()
        .context("the folder's name must be valid UTF-8")?;
    let config = Config {
        display: display(settings.locale.clone()),
        app: Some(App {
            name: "sandbox phone".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        }),
        allow_loopback_cleartext: true,
        extra_root_pem: settings.ca.clone(),
        user_verification: settings.user_verification,
        ..Config::new(store)
    };
    Ok((config, Arc::new(keys)))
}

/// Now, in Unix milliseconds.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Language from the command line, else from the environment (`de_DE.UTF-8`); the zone of this machine.
fn display(locale: Option<String>) -> Display {
    let from_environment = || {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .and_then(|value| locale_tag(&value))
    };
    let zone = jiff::tz::TimeZone::system();
    let offset = zone.to_offset(jiff::Timestamp::now());
    let (zone, minutes) = match zone.iana_name() {
        Some(name) => (name.to_owned(), offset.seconds() / 60),
        None => ("UTC".to_owned(), 0),
    };
    Display {
        locale: locale
            .or_else(from_environment)
            .unwrap_or_else(|| "en-US".into()),
        zone,
        utc_offset_minutes: minutes,
    }
}

/// `de_DE.UTF-8@euro` → `de-DE`; `None` for `C` and `POSIX`.
fn locale_tag(posix: &str) -> Option<String> {
    let name = posix.split(['.', '@']).next().unwrap_or_default();
    match name {
        "" | "C" | "POSIX" => None,
        name => Some(name.replace('_', "-")),
    }
}

fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// 32 random bytes in a file that only its owner can read, made at first use.
fn secret_file(file: &Path) -> anyhow::Result<[u8; 32]> {
    if !file.exists() {
        // Written aside and linked into place: whoever looks sees a whole file, and two first starts agree on one.
        let draft = file.with_extension(format!("{:08x}", rand::random::<u32>()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&draft).and_then(|mut open| {
            open.write_all(&rand::random::<[u8; 32]>())?;
            open.sync_all()
        });
        let linked = written.and_then(|()| std::fs::hard_link(&draft, file));
        let _ = std::fs::remove_file(&draft);
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot write {}", file.display()));
            }
            _ => {}
        }
    }
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    match bytes.try_into() {
        Ok(bytes) => Ok(bytes),
        Err(_) => bail!("{} is damaged: it must hold 32 bytes", file.display()),
    }
}

/// The address to remember for an invitation's server: as the invitation writes it, but cleartext only to this machine.
pub(crate) fn address_for(host: &str, invitation: &str) -> String {
    let plain = format!("http://{host}");
    let cleartext = url::Url::parse(invitation).is_ok_and(|url| {
        url.query_pairs()
            .any(|(name, value)| name == "base_url" && value.starts_with("http://"))
    });
    if cleartext && http::address(&plain).is_ok() {
        plain
    } else {
        format!("https://{host}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environments_language_becomes_a_tag() {
        assert_eq!(locale_tag("de_DE.UTF-8@euro").as_deref(), Some("de-DE"));
        assert_eq!(locale_tag("ja").as_deref(), Some("ja"));
        assert_eq!(locale_tag("C.UTF-8"), None);
    }

    #[test]
    fn a_secret_file_is_made_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.key");
        let first = secret_file(&file).unwrap();
        assert_eq!(secret_file(&file).unwrap(), first);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_invitation_gets_cleartext_on_this_machine_only() {
        let invitation =
            |base: &str| format!("otpauth://totp/x?enrollment_tx_id=a&base_url={base}");
        let local = invitation("http%3A%2F%2F127.0.0.1%3A80");
        assert_eq!(address_for("127.0.0.1:80", &local), "http://127.0.0.1:80");
        let foreign = invitation("http%3A%2F%2Fbank.example");
        assert_eq!(
            address_for("bank.example", &foreign),
            "https://bank.example"
        );
    }
}
