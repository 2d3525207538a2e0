//! What can be chosen when a sandbox starts.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::bridge::KeycloakBridge;
use crate::messages::{SmsGateway, SmtpServer};

/// Which vendor's wire format a sandbox speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DialectName {
    /// Auth0: pushes to a Guardian-compatible authenticator, and e-mail.
    #[default]
    Auth0,
    /// Asgardeo and WSO2 Identity Server: a link by e-mail or SMS, or handed to the client.
    Asgardeo,
}

impl DialectName {
    /// Name on the command line and in `sandbox agent`.
    pub fn as_str(self) -> &'static str {
        match self {
            DialectName::Auth0 => "auth0",
            DialectName::Asgardeo => "asgardeo",
        }
    }
}

/// How a sandbox behaves. [`Options::default`] is the Auth0 dialect on free loopback ports,
/// state in memory, every documented limit on.
#[derive(Debug, Clone)]
pub struct Options {
    /// Wire format. [`Options::of`] sets what goes with it.
    pub dialect: DialectName,
    /// Reproduces what the dialect's real server does against CIBA Core (Asgardeo: the rhythm of polls).
    pub quirks: bool,
    /// Where e-mail goes; without one it lands in the outbox.
    pub smtp: Option<SmtpServer>,
    /// Where SMS go; without one they land in the outbox.
    pub sms: Option<SmsGateway>,
    /// Simulates an organisation without e-mail provider when off.
    pub email_provider: bool,
    /// Simulates an organisation without SMS provider when off.
    pub sms_provider: bool,
    /// Channels of the ready client; `None`: those of the dialect (Auth0: push only).
    pub ready_channels: Option<Vec<String>>,
    /// Address of the plain http listener for protocol paths; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Adds an https listener whose certificate (`localhost`, `127.0.0.1`) comes from a self-made CA.
    pub tls: bool,
    /// Address of the https listener; used only with `tls`.
    pub tls_listen: SocketAddr,
    /// Address of the listener for console and control calls. Must be loopback.
    pub console_listen: SocketAddr,
    /// Folder for `sandbox.db` (and `ca.pem`); without it the state lives in memory.
    pub data: Option<PathBuf>,
    /// Origin in tokens and metadata instead of the one that was called, e.g. `https://localhost:8300/`; the
    /// dialect's issuer path, if it has one, follows.
    pub issuer: Option<String>,
    /// Origins under which the sandbox is also reached (proxy, custom domain, Guardian host).
    pub public_origins: Vec<String>,
    /// Name of the tenant: issuer text in invitations and titles of pushes.
    pub tenant_name: String,
    /// Smallest number of seconds between two polls that a start answer announces.
    pub interval: u32,
    /// Which error an expired request gives (Auth0 dialect).
    pub expiry_error: ExpiryError,
    /// Which characters a binding message may have.
    pub binding_message_policy: BindingMessagePolicy,
    /// Which answer a start for a user without a device gets.
    pub not_enrolled_status: NotEnrolledStatus,
    /// Requests one user may receive within a minute; `None` switches the limit off.
    pub per_user_limit: Option<u32>,
    /// Requests the whole tenant may start within a minute; `None` switches the limit off.
    pub per_tenant_limit: Option<u32>,
    /// Accepts a consent proof only 5 s (instead of 60 s) around its `iat`.
    pub strict_dpop: bool,
    /// Refuses a device update without `push_credentials`, as the live service is reported to do.
    pub strict_patch: bool,
    /// Accepts P-256 device keys and ES256 answers.
    pub allow_es256: bool,
    /// Refuses an approval that does not claim the digest of exactly what was sent: every one that no phone signed, too.
    pub require_signed_consent: bool,
    /// Refuses an approval without the signature of the approval key that is pinned for the device, and, as that signature
    /// means nothing otherwise, one that [`Options::require_signed_consent`] refuses.
    pub require_user_verification: bool,
    /// Whether an enrolment answer carries a TOTP seed.
    pub totp: bool,
    /// Simulates a tenant without CIBA when off: every start is refused.
    pub ciba_enabled: bool,
    /// Whether the push factor is configured for the tenant.
    pub push_factor: bool,
    /// Binds tokens to the key of a client that sends a DPoP proof (RFC 9449).
    pub dpop: bool,
    /// Takes requests from a Keycloak realm, and brings the answers back to it.
    pub keycloak: Option<KeycloakBridge>,
}

impl Default for Options {
    fn default() -> Self {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Options {
            dialect: DialectName::Auth0,
            quirks: true,
            smtp: None,
            sms: None,
            email_provider: true,
            sms_provider: true,
            ready_channels: None,
            listen: loopback,
            tls: false,
            tls_listen: loopback,
            console_listen: loopback,
            data: None,
            issuer: None,
            public_origins: Vec::new(),
            tenant_name: "bank-dev".to_owned(),
            interval: 5,
            expiry_error: ExpiryError::AccessDenied,
            binding_message_policy: BindingMessagePolicy::Examples,
            not_enrolled_status: NotEnrolledStatus::BadRequest,
            per_user_limit: Some(5),
            per_tenant_limit: None,
            strict_dpop: false,
            strict_patch: false,
            allow_es256: false,
            require_signed_consent: false,
            require_user_verification: false,
            totp: true,
            ciba_enabled: true,
            push_factor: true,
            dpop: false,
            keycloak: None,
        }
    }
}

impl Options {
    /// The defaults of a dialect.
    pub fn of(dialect: DialectName) -> Options {
        let options = Options {
            dialect,
            ..Options::default()
        };
        let interval = crate::engine::dialect::of(&options).start.interval_s;
        Options {
            interval,
            ..options
        }
    }
}

/// The token endpoint's error for a request whose life is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryError {
    /// `access_denied`, as the Auth0 dialect documents.
    AccessDenied,
    /// `expired_token`, as CIBA Core §11 defines.
    ExpiredToken,
}

/// The alphabet of binding messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingMessagePolicy {
    /// The documented alphabet plus space and `$`, which published examples use.
    Examples,
    /// Exactly the documented alphabet.
    Documented,
}

/// The answer to a start for a user whom no channel reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotEnrolledStatus {
    /// 400 `invalid_request`, as observed.
    BadRequest,
    /// 403 `access_denied`, as the Go library's page says.
    Forbidden,
}
