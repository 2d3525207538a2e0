//! Invitation → keys → enrolled; push address; removal.

use std::sync::Arc;

use super::invitation::{self, Invitation};
use super::{Device, Enrollment, EnrollmentId};
use crate::authenticator::{DialectName, PushUpdate, Server};
use crate::clock::uuid;
use crate::consent::harden_label;
use crate::core::{Core, blocking, dialect};
use crate::error::{Error, ErrorCode, Result};
use crate::jose::{Jwk, base64url};
use crate::json::Value;
use crate::keys::{KeyInfo, KeyPurpose, guarded};
use crate::protocol::{EnrollInput, Identity, PushToken, Wire};
use crate::store::{Continued, EnrollmentRow, ServerRow};

impl Core {
    /// Host that an invitation names, for the question "do you trust it?".
    pub(crate) fn invitation_host(&self, text: &str) -> Result<Option<String>> {
        let hint = invitation::parse(text)?.server_hint;
        Ok(hint
            .and_then(|hint| self.normalise(&hint).ok())
            .and_then(|(base_url, _)| host_of(&base_url)))
    }

    pub(crate) fn add_server(&self, address: &str) -> Result<String> {
        let (base_url, dialect) = self.normalise(address)?;
        let name = host_of(&base_url).ok_or_else(|| {
            Error::new(ErrorCode::ServerAddress, "the server address has no host")
        })?;
        let mut servers = self
            .servers
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let place = servers.iter().position(|s| s.name == name);
        if let Some(known) = place.map(|place| &servers[place]) {
            if known.base_url == base_url {
                return Ok(name);
            }
            if self.is_relied_on(&name)? {
                return Err(Error::new(
                    ErrorCode::ServerAddress,
                    "a server of this name is known with another address",
                ));
            }
        }
        let server = ServerRow {
            name: name.clone(),
            base_url,
            dialect,
        };
        self.store.add_server(&server)?;
        match place {
            // A mistake that nobody has enrolled with.
            Some(place) => servers[place] = server,
            None => servers.push(server),
        }
        Ok(name)
    }

    /// Whether the app has configured this server, or an account uses it.
    fn is_relied_on(&self, name: &str) -> Result<bool> {
        let configured = self.config.servers.iter().any(|s| s.name == name);
        Ok(configured || self.store.enrollments()?.iter().any(|e| e.server == name))
    }

    fn normalise(&self, address: &str) -> Result<(String, DialectName)> {
        let server = Server {
            name: "confirmed".into(),
            address: address.to_owned(),
            dialect: DialectName::default(),
        };
        Core::known_server(&self.config, &server).map(|known| (known.base_url, known.dialect))
    }

    pub(crate) async fn enroll(
        self: &Arc<Self>,
        text: String,
        server: Option<String>,
        device: Device,
    ) -> Result<Enrollment> {
        let invitation = invitation::parse(&text)?;
        let server = self.choose_server(&invitation, server.as_deref())?;
        check_device(&device)?;
        let identifier = device
            .identifier
            .clone()
            .unwrap_or_else(|| uuid(self.entropy.as_ref()));
        let alias = format!("enr-{}", base64url(&self.random::<16>()));
        let (info, jwk) = self.make_key(&alias, server.dialect).await?;
        let approval = match self.config.user_verification {
            true => self.make_approval_key().await.map(Some),
            false => Ok(None),
        };
        let enrolled = match &approval {
            Ok(key) => {
                self.enroll_with(
                    &invitation,
                    &server,
                    &device,
                    &identifier,
                    &alias,
                    &info,
                    &jwk,
                    key.as_ref(),
                )
                .await
            }
            Err(error) => Err(error.clone()),
        };
        if enrolled.is_err() {
            self.delete_key(&alias).await;
            if let Ok(Some((alias, _))) = &approval {
                self.delete_key(alias).await;
            }
        }
        enrolled
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a different fact of one enrolment, and none is optional"
    )]
    async fn enroll_with(
        self: &Arc<Self>,
        invitation: &Invitation,
        server: &ServerRow,
        device: &Device,
        identifier: &str,
        alias: &str,
        info: &KeyInfo,
        jwk: &Jwk,
        approval_key: Option<&(String, Value)>,
    ) -> Result<Enrollment> {
        let dialect = dialect(server.dialect);
        let input = EnrollInput {
            base_url: &server.base_url,
            ticket: &invitation.ticket,
            identifier,
            device_name: &device.name,
            push: device.push.as_ref(),
            key: jwk,
        };
        let locale = self.display().locale;
        let wire = Wire {
            now: self.clock.now(),
            entropy: self.entropy.as_ref(),
            client: &self.client,
            locale: &locale,
            signed_modulus: self.config.signed_modulus,
        };
        let answer = self.send(dialect.enroll_request(&wire, &input)?).await?;
        let output = dialect.enroll_answer(&answer)?;

        let host = host_of(&server.base_url).unwrap_or_default();
        let issuer = output
            .issuer
            .or_else(|| invitation.issuer.clone())
            .unwrap_or(host);
        let label = invitation
            .account
            .clone()
            .unwrap_or_else(|| output.user.clone());
        let mut row = EnrollmentRow {
            identity: Identity {
                enrollment: output.enrollment,
                user: output.user,
                identifier: identifier.to_owned(),
                base_url: server.base_url.clone(),
            },
            server: server.name.clone(),
            dialect: server.dialect,
            issuer: harden_label(&issuer).shown,
            label: harden_label(&label).shown,
            device_name: device.name.clone(),
            key_alias: alias.to_owned(),
            algorithm: info.public_key.algorithm,
            protection: info.protection,
            jwk: jwk.to_json(),
            approval_key: approval_key.cloned(),
            push: device.push.clone(),
            totp: output.totp,
            enrolled_at: self.clock.now(),
            last_used_at: None,
            clock_offset: 0,
            continued_by: None,
        };
        let added = match self.accounts_without_key(&row).await {
            Ok(continues) => self.store.add_enrollment(&row, &continues),
            Err(error) => Err(error),
        };
        match added {
            Ok(settled) => settled
                .iter()
                .for_each(|receipt| self.changes.settled(receipt)),
            Err(error) => {
                self.withdraw(&row).await;
                return Err(error);
            }
        }
        self.learn_from(&mut row, &answer);
        Ok(Enrollment {
            recovery_code: output.recovery_code,
            attestation: info.attestation.clone(),
            one_time_code_error: output.totp_error,
            ..self.enrollment(&row)?
        })
    }

    /// The same person's accounts on the same server whose key is lost for good: the new one continues them.
    async fn accounts_without_key(self: &Arc<Self>, new: &EnrollmentRow) -> Result<Vec<Continued>> {
        let mut without = Vec::new();
        for row in self.store.enrollments()? {
            let (old, new) = (&row.identity, &new.identity);
            if (&old.base_url, &old.user) != (&new.base_url, &new.user) {
                continue;
            }
            match self.lost_key(&row).await {
                Ok(Some(lost)) => without.push(Continued {
                    enrollment: row.identity.enrollment,
                    lost,
                }),
                Ok(None) => {}
                // It stays an account beside the new one.
                Err(error) => tracing::warn!(
                    code = error.code().as_str(),
                    "the key of an earlier enrollment could not be checked"
                ),
            }
        }
        Ok(without)
    }

    /// The server the invitation is for: named by the caller, or chosen by the invitation among the known ones.
    fn choose_server(&self, invitation: &Invitation, name: Option<&str>) -> Result<ServerRow> {
        let servers = self
            .servers
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let unknown = |message: &str| Err(Error::new(ErrorCode::UnknownServer, message));
        if let Some(name) = name {
            return match servers.iter().find(|s| s.name == name) {
                Some(server) => Ok(server.clone()),
                None => unknown(
                    "no server of this name is configured; add it after a person has confirmed its host",
                ),
            };
        }
        match &invitation.server_hint {
            Some(hint) => match servers
                .iter()
                .find(|s| dialect(s.dialect).same_server(&s.base_url, hint))
            {
                Some(server) => Ok(server.clone()),
                None => unknown(
                    "the invitation names a server that is not known here; ask the person whether to trust its host",
                ),
            },
            None if servers.len() == 1 => Ok(servers[0].clone()),
            None => {
                unknown("the invitation names no server; say which of the known servers it is for")
            }
        }
    }

    async fn make_key(self: &Arc<Self>, alias: &str, name: DialectName) -> Result<(KeyInfo, Jwk)> {
        let supported = dialect(name).algorithms();
        let algorithm = self.config.key_algorithm.unwrap_or(supported[0]);
        if !supported.contains(&algorithm) {
            return Err(Error::new(
                ErrorCode::ConfigurationInvalid,
                "key_algorithm: this server's dialect cannot use this kind of key",
            ));
        }
        let core = Arc::clone(self);
        let alias = alias.to_owned();
        blocking(move || {
            let info = guarded(|| core.keys.generate(alias, algorithm, KeyPurpose::Enrollment))?;
            let jwk = Jwk::from_platform(&info.public_key)?;
            if jwk.algorithm() != algorithm {
                return Err(Error::new(
                    ErrorCode::KeyStoreFailed,
                    "the key store made another kind of key than asked",
                ));
            }
            Ok((info, jwk))
        })
        .await
    }

    /// Best effort: a key that stays behind is unreachable anyway once its enrollment is gone.
    pub(super) async fn delete_key(self: &Arc<Self>, alias: &str) {
        let core = Arc::clone(self);
        let alias = alias.to_owned();
        if let Err(error) = blocking(move || guarded(|| core.keys.delete(alias))).await {
            tracing::warn!(code = error.code().as_str(), "a key could not be deleted");
        }
    }

    /// Takes back an enrollment that could not be stored; best effort.
    async fn withdraw(self: &Arc<Self>, row: &EnrollmentRow) {
        if let Err(error) = self.unenroll_at_server(row.clone()).await {
            tracing::warn!(
                code = error.code().as_str(),
                "an enrollment that could not be stored stays on the server"
            );
        }
    }

    pub(crate) async fn unenroll(self: &Arc<Self>, id: &EnrollmentId) -> Result<()> {
        let row = self.enrollment_row(id.as_str())?;
        self.unenroll_at_server(row).await?;
        self.forget(id).await
    }

    async fn unenroll_at_server(self: &Arc<Self>, mut row: EnrollmentRow) -> Result<()> {
        let dialect = dialect(row.dialect);
        let mut corrected = false;
        loop {
            let request = self
                .signed(&row, move |wire, identity, signer| {
                    dialect.unenroll_request(wire, identity, signer)
                })
                .await?;
            let answer = self.send(request).await?;
            self.learn_from(&mut row, &answer);
            match dialect.unenroll_answer(&answer) {
                Ok(()) => return Ok(()),
                Err(refusal)
                    if !corrected
                        && refusal.clock_suspect
                        && self.correct_clock(&mut row, &refusal)? =>
                {
                    corrected = true
                }
                Err(refusal) => {
                    return Err(refusal.into_error("the server refused to remove the device"));
                }
            }
        }
    }

    /// Local data first, keys last: what is left of a half-finished removal must not be able to sign for a known account.
    pub(crate) async fn forget(self: &Arc<Self>, id: &EnrollmentId) -> Result<()> {
        let mut rows = vec![self.history_row(id.as_str())?];
        for ended in self.store.continued(id.as_str())? {
            rows.push(self.history_row(&ended)?);
        }
        self.store.remove_enrollment(id.as_str())?;
        for row in rows {
            self.delete_key(&row.key_alias).await;
            if let Some((alias, _)) = &row.approval_key {
                self.delete_key(alias).await;
            }
        }
        Ok(())
    }

    pub(crate) fn enrollments(&self) -> Result<Vec<Enrollment>> {
        let rows = self.store.enrollments()?;
        rows.iter().map(|row| self.enrollment(row)).collect()
    }

    /// What an app sees of a stored enrollment.
    pub(crate) fn enrollment(&self, row: &EnrollmentRow) -> Result<Enrollment> {
        let continues = self.store.continued(&row.identity.enrollment)?;
        Ok(Enrollment {
            continues: continues.into_iter().map(EnrollmentId::new).collect(),
            quiet_until: self.quiet_until(row, None)?,
            ..view(row)
        })
    }

    pub(crate) async fn update_push_token(
        self: &Arc<Self>,
        push: PushToken,
    ) -> Result<Vec<PushUpdate>> {
        check_push(&push)?;
        let mut updates = Vec::new();
        for row in self.store.enrollments()? {
            let enrollment = EnrollmentId::new(row.identity.enrollment.clone());
            let error = self.update_one(row, &push).await.err();
            updates.push(PushUpdate { enrollment, error });
        }
        Ok(updates)
    }

    async fn update_one(self: &Arc<Self>, mut row: EnrollmentRow, push: &PushToken) -> Result<()> {
        let dialect = dialect(row.dialect);
        let mut corrected = false;
        loop {
            let token = push.clone();
            let request = self
                .signed(&row, move |wire, identity, signer| {
                    dialect.update_request(wire, identity, signer, &token)
                })
                .await?;
            let answer = self.send(request).await?;
            self.learn_from(&mut row, &answer);
            match dialect.update_answer(&answer) {
                Ok(()) => return self.store.set_push(&row.identity.enrollment, push),
                Err(refusal)
                    if !corrected
                        && refusal.clock_suspect
                        && self.correct_clock(&mut row, &refusal)? =>
                {
                    corrected = true
                }
                Err(refusal) => {
                    return Err(refusal.into_error("the server refused the new push address"));
                }
            }
        }
    }
}

/// What an enrollment says by itself.
fn view(row: &EnrollmentRow) -> Enrollment {
    let thumbprint = |jwk| {
        Jwk::from_json(jwk)
            .map(|jwk| jwk.thumbprint())
            .unwrap_or_default()
    };
    Enrollment {
        id: EnrollmentId::new(row.identity.enrollment.clone()),
        server: row.server.clone(),
        base_url: row.identity.base_url.clone(),
        issuer: row.issuer.clone(),
        user: row.label.clone(),
        user_id: row.identity.user.clone(),
        enrolled_at: row.enrolled_at,
        last_used_at: row.last_used_at,
        algorithm: row.algorithm,
        protection: row.protection,
        thumbprint: thumbprint(&row.jwk),
        approval_thumbprint: row.approval_key.as_ref().map(|(_, jwk)| thumbprint(jwk)),
        has_one_time_code: row.totp.is_some(),
        one_time_code_error: None,
        continues: Vec::new(),
        clock_offset: row.clock_offset,
        quiet_until: None,
        attestation: Vec::new(),
        recovery_code: None,
    }
}

/// Host and, where there is one, port of a normalised base URL.
fn host_of(base_url: &str) -> Option<String> {
    let rest = base_url.split_once("://")?.1;
    let host = rest.split('/').next()?;
    (!host.is_empty()).then(|| host.to_owned())
}

fn check_device(device: &Device) -> Result<()> {
    let invalid = |message: &str| Err(Error::new(ErrorCode::ArgumentInvalid, message));
    if device.name.trim().is_empty()
        || device.name.chars().count() > 128
        || device.name.chars().any(char::is_control)
    {
        return invalid("device.name must have 1 to 128 characters without control characters");
    }
    if let Some(identifier) = &device.identifier {
        let printable = identifier.bytes().all(|b| (0x21..=0x7e).contains(&b));
        if identifier.is_empty() || identifier.len() > 256 || !printable {
            return invalid(
                "device.identifier must be 1 to 256 printable ASCII characters without spaces",
            );
        }
    }
    device.push.as_ref().map_or(Ok(()), check_push)
}

fn check_push(push: &PushToken) -> Result<()> {
    let token = push.token.expose();
    if token.is_empty()
        || token.len() > 4096
        || token.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(Error::new(
            ErrorCode::ArgumentInvalid,
            "the push token must have 1 to 4096 characters without spaces",
        ));
    }
    Ok(())
}
