//! Every error of the wire description's tables, in both dialects: status, body and headers, exactly.

use reqwest::Method;
use sandbox::{DialectName, ExpiryError, NotEnrolledStatus, Options};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, CIBA, DETAILS};

/// What an error looks like on the wire.
struct Expected {
    status: u16,
    error: &'static str,
    description: &'static str,
    /// Members beside the two.
    more: Option<(&'static str, Value)>,
    /// Headers that only this error has.
    headers: &'static [(&'static str, &'static str)],
}

/// A start that is refused: its name, the parameters that differ, what comes back.
type Row<'a> = (&'a str, Vec<(&'static str, &'a str)>, Expected);

fn refused(status: u16, error: &'static str, description: &'static str) -> Expected {
    Expected {
        status,
        error,
        description,
        more: None,
        headers: &[],
    }
}

fn invalid(description: &'static str) -> Expected {
    refused(400, "invalid_request", description)
}

/// Compares body and headers whole. Headers of some errors must not stand on others: a `WWW-Authenticate` hides the
/// error from one client, a `Retry-After` on a final error makes another one wait.
#[track_caller]
fn check(name: &str, answer: &Answer, expected: &Expected) {
    let mut body = json!({ "error": expected.error });
    if !expected.description.is_empty() {
        body["error_description"] = json!(expected.description);
    }
    if let Some((member, value)) = &expected.more {
        body[*member] = value.clone();
    }
    assert_eq!(
        (answer.status, answer.json()),
        (expected.status, body),
        "{name}"
    );
    let always = [
        ("content-type", "application/json; charset=utf-8"),
        ("cache-control", "no-store"),
    ];
    for (header, value) in always.iter().chain(expected.headers) {
        assert_eq!(answer.header(header), Some(*value), "{name}: {header}");
    }
    assert!(answer.header("date").is_some(), "{name}");
    for header in ["www-authenticate", "retry-after"] {
        let named = expected.headers.iter().any(|(known, _)| *known == header);
        assert_eq!(answer.header(header).is_some(), named, "{name}: {header}");
    }
}

async fn change_client(bench: &Bench, change: Value) {
    let path = format!("/clients/{}", bench.sandbox.ready().client_id);
    let answer = bench.manage(Method::PATCH, &path, change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

async fn change_user(bench: &Bench, change: Value) {
    let id = bench.sandbox.ready().user_id.replace('|', "%7C");
    let answer = bench
        .manage(Method::PATCH, &format!("/users/{id}"), change)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

const UNKNOWN_USER: &str = "User ID is malformed or unknown";
const NO_OPENID: &str = "openid scope must be requested";
const BAD_MESSAGE: &str = "The binding message has characters that are not allowed, or too many";
/// The same, with the rule of the Auth0 dialect.
const BAD_MESSAGE_AUTH0: &str = "A binding message has 1 to 64 characters: letters from A to Z, digits, + - _ . , : #, spaces and $";
const BAD_EXPIRY: &str = "requested_expiry must be a number of seconds between 1 and 259200";
const BAD_DETAILS: &str = "authorization_details is malformed or exceeds a limit";
const NOT_REGISTERED: &str =
    "The authorization_details type unknown is not registered for this API and client";
const AUDIENCE: &str = "https://api.bank.example";

#[tokio::test]
async fn auth0_parameters_of_a_start() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let issuer = bench.sandbox.issuer();
    let user = bench.sandbox.ready().user_id;
    let hint = |iss: &str, sub: Value| json!({ "format": "iss_sub", "iss": iss, "sub": sub });
    let unknown = hint(&issuer, json!("auth0|nobody")).to_string();
    let no_sub = json!({ "format": "iss_sub", "iss": issuer }).to_string();
    let stranger = hint("https://evil.example/", json!(user)).to_string();
    let other_format = json!({ "format": "email", "email": "ana@example.com" }).to_string();
    let long = "A".repeat(65);
    let (malformed, other_type) = (r#"{"type":"a"}"#, r#"[{"type":"unknown"}]"#);
    let no_hint_format = invalid("login_hint parameter validation failed");
    let bad_message = || refused(400, "invalid_binding_message", BAD_MESSAGE_AUTH0);
    let bad_details = |why| refused(400, "invalid_authorization_details", why);
    let rows: Vec<Row<'_>> = vec![
        (
            "unknown user",
            vec![("login_hint", &unknown)],
            refused(400, "unknown_user_id", UNKNOWN_USER),
        ),
        (
            "scope without openid",
            vec![("scope", "profile")],
            invalid(NO_OPENID),
        ),
        ("no scope", vec![("scope", "")], invalid(NO_OPENID)),
        (
            "unknown scope",
            vec![("scope", "openid nonsense")],
            refused(
                400,
                "invalid_scope",
                "The scope contains values that are unknown",
            ),
        ),
        (
            "malformed scope",
            vec![("scope", "openid \u{e9}")],
            refused(400, "invalid_scope", "The scope is malformed"),
        ),
        (
            "no sub",
            vec![("login_hint", &no_sub)],
            invalid("login_hint parameter validation failed: sub contains unsupported format"),
        ),
        (
            "foreign iss",
            vec![("login_hint", &stranger)],
            invalid("The iss within login_hint does not match the issuer"),
        ),
        (
            "hint is no JSON",
            vec![("login_hint", "ana")],
            invalid("login_hint parameter validation failed"),
        ),
        (
            "other format",
            vec![("login_hint", &other_format)],
            no_hint_format,
        ),
        (
            "no hint",
            vec![("login_hint", "")],
            invalid("login_hint is required"),
        ),
        (
            "another hint",
            vec![("login_hint", ""), ("id_token_hint", "x")],
            invalid("Only login_hint is supported"),
        ),
        (
            "two hints",
            vec![("login_hint_token", "x")],
            invalid("Exactly one hint must be sent"),
        ),
        (
            "signed request",
            vec![("request", "x")],
            invalid("Signed requests are not supported"),
        ),
        (
            "no binding message",
            vec![("binding_message", "")],
            invalid("binding_message is required"),
        ),
        (
            "bad binding message",
            vec![("binding_message", "a<b>")],
            bad_message(),
        ),
        (
            "long binding message",
            vec![("binding_message", &long)],
            bad_message(),
        ),
        (
            "expiry 0",
            vec![("requested_expiry", "0")],
            invalid(BAD_EXPIRY),
        ),
        (
            "expiry -1",
            vec![("requested_expiry", "-1")],
            invalid(BAD_EXPIRY),
        ),
        (
            "expiry 1.5",
            vec![("requested_expiry", "1.5")],
            invalid(BAD_EXPIRY),
        ),
        (
            "expiry over 72 h",
            vec![("requested_expiry", "259201")],
            invalid(BAD_EXPIRY),
        ),
        (
            "unknown audience",
            vec![("audience", "https://nowhere.example")],
            refused(
                400,
                "invalid_target",
                "The audience is not a registered API",
            ),
        ),
        (
            "details without audience",
            vec![("authorization_details", DETAILS)],
            invalid("authorization_details needs an audience"),
        ),
        (
            "malformed details",
            vec![("audience", AUDIENCE), ("authorization_details", malformed)],
            bad_details(BAD_DETAILS),
        ),
        (
            "unregistered type",
            vec![
                ("audience", AUDIENCE),
                ("authorization_details", other_type),
            ],
            bad_details(NOT_REGISTERED),
        ),
    ];
    for (name, changes, expected) in rows {
        check(name, &bench.start_with(&changes).await, &expected);
    }
    change_user(&bench, json!({ "blocked": true })).await;
    let answer = bench.start_with(&[]).await;
    check(
        "blocked user",
        &answer,
        &refused(400, "unknown_user_id", UNKNOWN_USER),
    );
}

#[tokio::test]
async fn auth0_who_may_start() {
    let bench = Bench::on_disk(DialectName::Auth0).await;
    bench.enroll().await;
    let unauthorized = |why| refused(400, "unauthorized_client", why);
    let set = |member: &str, value: &str| {
        bench.set("clients", member, value);
    };
    for (member, broken, good, why) in [
        (
            "grant_types",
            "[]",
            r#"["urn:openid:params:grant-type:ciba"]"#,
            "The client may not use the CIBA grant",
        ),
        (
            "is_first_party",
            "false",
            "true",
            "The client is not a first-party client",
        ),
        (
            "oidc_conformant",
            "false",
            "true",
            "The client is not OIDC-conformant",
        ),
    ] {
        set(member, broken);
        check(member, &bench.start_with(&[]).await, &unauthorized(why));
        set(member, good);
    }
    set("token_endpoint_auth_method", "\"none\"");
    let public = bench.start_with(&[("client_secret", "")]).await;
    check(
        "public",
        &public,
        &unauthorized("The client is not a confidential client"),
    );

    let off = Bench::with(Options {
        ciba_enabled: false,
        ..Options::default()
    })
    .await;
    let answer = off.start_with(&[]).await;
    check(
        "tenant",
        &answer,
        &unauthorized("CIBA is not available for this tenant"),
    );
    bench.edit("DROP TABLE requests");
    set("token_endpoint_auth_method", "\"client_secret_post\"");
    let broken = bench.start_with(&[]).await;
    check(
        "internal failure",
        &broken,
        &refused(500, "server_error", ""),
    );
}

#[tokio::test]
async fn auth0_client_authentication() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let failed = || refused(401, "invalid_client", "Client authentication failed");
    for (name, changes) in [
        ("wrong secret", vec![("client_secret", "wrong")]),
        ("no secret", vec![("client_secret", "")]),
        ("nobody", vec![("client_id", ""), ("client_secret", "")]),
        ("unknown client", vec![("client_id", "nobody")]),
    ] {
        check(name, &bench.start_with(&changes).await, &failed());
    }
    let basic = bench
        .http
        .post(bench.url("/bc-authorize"))
        .basic_auth(bench.sandbox.ready().client_id, Some("wrong"))
        .form(&[("scope", "openid")]);
    let expected = Expected {
        headers: &[("www-authenticate", r#"Basic realm="sandbox""#)],
        ..failed()
    };
    check("wrong Basic", &bench.send(basic).await, &expected);
    let both = bench
        .http
        .post(bench.url("/bc-authorize"))
        .basic_auth("a", Some("b"))
        .form(&[("client_secret", "c")]);
    let two = invalid("More than one way of client authentication was used");
    check("two ways", &bench.send(both).await, &two);
}

#[tokio::test]
async fn auth0_channels() {
    const NO_PUSH: &str = "guardian-push: User does not have push notifications set up";
    const NO_MAIL: &str = "email: User does not have a verified email address";
    let no_channel = |why: &str| {
        let text = format!("No eligible notification channels were found. {why}");
        invalid(text.leak())
    };
    let bench = Bench::new().await;
    check(
        "no device",
        &bench.start_with(&[]).await,
        &no_channel(NO_PUSH),
    );
    change_user(&bench, json!({ "email_verified": false })).await;
    let both = json!({ "async_approval_notification_channels": ["guardian-push", "email"] });
    change_client(&bench, both).await;
    let neither = no_channel(&format!("{NO_PUSH}, {NO_MAIL}"));
    check(
        "no device, not verified",
        &bench.start_with(&[]).await,
        &neither,
    );
    let long = [("requested_expiry", "301")];
    check(
        "long, not verified",
        &bench.start_with(&long).await,
        &no_channel(NO_MAIL),
    );
    let push = json!({ "async_approval_notification_channels": ["guardian-push"] });
    change_client(&bench, push).await;
    let too_long = no_channel("guardian-push: The requested expiry is too long");
    check("long, only push", &bench.start_with(&long).await, &too_long);
    change_client(
        &bench,
        json!({ "async_approval_notification_channels": [] }),
    )
    .await;
    let none = no_channel("The client has no notification channel");
    check("no channel", &bench.start_with(&[]).await, &none);

    let no_factor = Bench::with(Options {
        push_factor: false,
        ..Options::default()
    })
    .await;
    let expected = no_channel("guardian-push: The push factor is not enabled");
    check("push factor", &no_factor.start_with(&[]).await, &expected);
    let switched = Bench::with(Options {
        not_enrolled_status: NotEnrolledStatus::Forbidden,
        ..Options::default()
    })
    .await;
    let text = format!("No eligible notification channels were found. {NO_PUSH}");
    let forbidden = refused(403, "access_denied", text.leak());
    check("by switch", &switched.start_with(&[]).await, &forbidden);
}

#[tokio::test]
async fn auth0_consent_policy_limit_and_shape_of_the_call() {
    let bench = Bench::with(Options::default()).await;
    bench.enroll().await;
    let api = json!({ "identifier": "https://mfa.example", "consent_policy": "transactional-authorization-with-mfa" });
    bench.manage(Method::POST, "/resource-servers", api).await;
    let mfa = bench
        .start_with(&[("audience", "https://mfa.example")])
        .await;
    let policy = invalid("The consent policy of the API does not support CIBA");
    check("consent policy", &mfa, &policy);
    let mut form = bench.start_form();
    form.push(("scope", "openid".to_owned()));
    let repeated = bench.form("/bc-authorize", &form).await;
    check("repeated", &repeated, &invalid("A parameter is repeated"));
    let json = bench.http.post(bench.url("/bc-authorize")).json(&json!({}));
    let wrong_type = bench.send(json).await;
    check(
        "content type",
        &wrong_type,
        &invalid("The body must be a form"),
    );
    let large = bench
        .http
        .post(bench.url("/bc-authorize"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(vec![b'a'; 300 * 1024]);
    let too_large = refused(413, "invalid_request", "The body is too large");
    check("too large", &bench.send(large).await, &too_large);
    assert_eq!(bench.get("/bc-authorize").await.status, 405);
    for _ in 0..5 {
        bench.start().await;
    }
    let limited = bench.start_with(&[]).await;
    let seconds = limited.header("retry-after").expect("seconds").to_owned();
    assert!((1..=60).contains(&seconds.parse::<u64>().expect("whole seconds")));
    let expected = Expected {
        headers: vec![("retry-after", &*seconds.leak())].leak(),
        ..refused(429, "too_many_requests", "Rate limit exceeded.")
    };
    check("rate limit", &limited, &expected);
}

#[tokio::test]
async fn auth0_polling() {
    const OVER: &str = "The end-user denied the authorization request or it has been expired";
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let gone = || refused(400, "invalid_grant", "Invalid or expired auth_req_id");
    let denied = || refused(400, "access_denied", OVER);
    let (id, push) = bench.ring(&phone).await;
    let pending = refused(
        400,
        "authorization_pending",
        "The end-user authorization is pending",
    );
    check("pending", &bench.poll(&id).await, &pending);
    let slow_down = Expected {
        more: Some(("interval", json!(10))),
        headers: &[("retry-after", "10")],
        ..refused(
            400,
            "slow_down",
            "You are polling faster than allowed. Try again in 10 seconds.",
        )
    };
    check("too fast", &bench.poll(&id).await, &slow_down);
    check("unknown", &bench.poll("nonsense").await, &gone());
    let other = json!({ "name": "Other", "grant_types": [CIBA], "token_endpoint_auth_method": "client_secret_post" });
    let other = bench.manage(Method::POST, "/clients", other).await.json();
    let text = |name: &str| other[name].as_str().expect("text").to_owned();
    let foreign = bench
        .poll_as(&text("client_id"), &text("client_secret"), &id)
        .await;
    check("another client's", &foreign, &gone());
    bench.answer(&phone, &push, false).await;
    check("rejected", &bench.poll(&id).await, &denied());
    bench.advance(300);
    check("forgotten", &bench.poll(&id).await, &gone());
    let (id, push) = bench.ring(&phone).await;
    bench.answer(&phone, &push, true).await;
    assert_eq!(bench.poll(&id).await.status, 200);
    check("used", &bench.poll(&id).await, &gone());
    let (id, _) = bench.ring(&phone).await;
    bench.advance(300);
    check("expired", &bench.poll(&id).await, &denied());

    let switched = Bench::with(Options {
        expiry_error: ExpiryError::ExpiredToken,
        ..Options::default()
    })
    .await;
    let phone = switched.enroll().await;
    let (id, _) = switched.ring(&phone).await;
    switched.advance(300);
    let expired = refused(400, "expired_token", "The auth_req_id has expired");
    check("expired, by switch", &switched.poll(&id).await, &expired);
}

/// Errors of an endpoint before anything of the call is read.
async fn shape_of_the_call(bench: &Bench, path: &str) {
    let large = bench
        .http
        .post(bench.url(path))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(vec![b'a'; 300 * 1024]);
    let too_large = refused(413, "invalid_request", "The body is too large");
    check("too large", &bench.send(large).await, &too_large);
    let wrong_method = Expected {
        headers: &[("allow", "POST")],
        ..refused(405, "invalid_request", "The method is not allowed here")
    };
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let call = bench.http.request(method, bench.url(path));
        check("method", &bench.send(call).await, &wrong_method);
    }
    let below = bench.http.post(bench.url(&format!("{path}/x")));
    let nothing = refused(404, "not_found", "There is nothing at this path");
    check("path", &bench.send(below).await, &nothing);
}

/// Errors of the token endpoint before any request is looked at.
async fn token_endpoint(bench: &Bench, no_grant: &'static str, json: bool) {
    let path = bench.paths().1;
    let ready = bench.sandbox.ready();
    let form = |changes: &[(&'static str, &str)]| {
        let mut form = vec![
            ("client_id", ready.client_id.clone()),
            ("client_secret", ready.client_secret.clone()),
            ("grant_type", CIBA.to_owned()),
        ];
        for (name, value) in changes {
            form.retain(|(known, _)| known != name);
            form.push((name, (*value).to_owned()));
        }
        form
    };
    for (name, changes, expected) in [
        ("no auth_req_id", vec![], invalid("auth_req_id is required")),
        (
            "no grant type",
            vec![("grant_type", "")],
            invalid("grant_type is required"),
        ),
        (
            "other grant type",
            vec![("grant_type", "password")],
            refused(
                400,
                "unsupported_grant_type",
                "The grant type is not supported",
            ),
        ),
        (
            "no credentials",
            vec![("client_id", ""), ("client_secret", "")],
            refused(401, "invalid_client", "Client authentication failed"),
        ),
    ] {
        check(name, &bench.form(path, &form(&changes)).await, &expected);
    }
    let other_type = bench.http.post(bench.url(path)).body("x");
    let wanted = match json {
        true => "The body must be a form or a JSON object",
        false => "The body must be a form",
    };
    check(
        "content type",
        &bench.send(other_type).await,
        &invalid(wanted),
    );
    let text = bench
        .http
        .post(bench.url(path))
        .header("content-type", "application/json")
        .body("[]");
    let wanted = match json {
        true => "The body must be a JSON object of strings",
        false => "The body must be a form",
    };
    check("no JSON object", &bench.send(text).await, &invalid(wanted));
    let mut twice = form(&[]);
    twice.push(("grant_type", CIBA.to_owned()));
    let repeated = bench.form(path, &twice).await;
    check("repeated", &repeated, &invalid("A parameter is repeated"));
    shape_of_the_call(bench, path).await;
    shape_of_the_call(bench, bench.paths().0).await;
    let basic = bench
        .http
        .post(bench.url(path))
        .basic_auth(&ready.client_id, Some("wrong"))
        .form(&[("grant_type", CIBA)]);
    let expected = Expected {
        headers: &[("www-authenticate", r#"Basic realm="sandbox""#)],
        ..refused(401, "invalid_client", "Client authentication failed")
    };
    check("wrong Basic", &bench.send(basic).await, &expected);
    let other = json!({ "name": "Other", "grant_types": [], "token_endpoint_auth_method": "client_secret_post" });
    let other = bench.control("clients", other).await;
    let id = |name: &str| other[name].as_str().expect("text").to_owned();
    let answer = bench
        .poll_as(&id("client_id"), &id("client_secret"), "x")
        .await;
    let expected = refused(400, "unauthorized_client", no_grant);
    check("no grant", &answer, &expected);
}

#[tokio::test]
async fn auth0_token_endpoint() {
    let bench = Bench::new().await;
    token_endpoint(&bench, "The client may not use the CIBA grant", true).await;
}

#[tokio::test]
async fn asgardeo_token_endpoint() {
    let bench = Bench::asgardeo().await;
    let no_grant = "Client has not configured grant_type properly.";
    token_endpoint(&bench, no_grant, false).await;
}

#[tokio::test]
async fn asgardeo_parameters_of_a_start() {
    const MISSING: &str =
        "Missing required parameters. Either 'request' JWT or (scope, login_hint) are required.";
    const NOT_ALLOWED: &str = "Requested notification channel is not allowed for this application.";
    const UNKNOWN: &str = "Invalid ciba request.";
    let bench = Bench::asgardeo().await;
    let bad_message = || refused(400, "invalid_binding_message", BAD_MESSAGE);
    let bad_expiry = || invalid("requested_expiry must be positive.");
    let rows: Vec<Row<'_>> = vec![
        ("no scope", vec![("scope", "")], invalid(MISSING)),
        ("no hint", vec![("login_hint", "")], invalid(MISSING)),
        (
            "neither",
            vec![("scope", ""), ("login_hint", "")],
            invalid(MISSING),
        ),
        ("no openid", vec![("scope", "profile")], invalid(NO_OPENID)),
        (
            "unknown user",
            vec![("login_hint", "nobody")],
            invalid(UNKNOWN),
        ),
        (
            "a hint as JSON",
            vec![("login_hint", r#"{"format":"iss_sub"}"#)],
            invalid(UNKNOWN),
        ),
        (
            "two hints",
            vec![("id_token_hint", "x")],
            invalid("Exactly one hint must be sent"),
        ),
        (
            "signed request",
            vec![("request", "x")],
            invalid("Signed requests are not supported"),
        ),
        (
            "unknown channel",
            vec![("notification_channel", "pigeon")],
            invalid(NOT_ALLOWED),
        ),
        (
            "blank binding message",
            vec![("binding_message", "   ")],
            bad_message(),
        ),
        (
            "binding message with markup",
            vec![("binding_message", "a<b")],
            bad_message(),
        ),
        (
            "binding message of two lines",
            vec![("binding_message", "a\nb")],
            bad_message(),
        ),
        ("expiry 0", vec![("requested_expiry", "0")], bad_expiry()),
        ("expiry -5", vec![("requested_expiry", "-5")], bad_expiry()),
        (
            "expiry soon",
            vec![("requested_expiry", "soon")],
            bad_expiry(),
        ),
        (
            "wrong secret",
            vec![("client_secret", "wrong")],
            refused(401, "invalid_client", "Client authentication failed"),
        ),
    ];
    for (name, changes, expected) in rows {
        check(name, &bench.start_with(&changes).await, &expected);
    }
}

#[tokio::test]
async fn asgardeo_who_may_start_and_by_which_channel() {
    let bench = Bench::on_disk(DialectName::Asgardeo).await;
    let client = |member: &str, value: &str| {
        bench.set("clients", member, value);
    };
    let user = |member: &str, value: &str| {
        bench.set("users", member, value);
    };
    let by = async |channel: &str| bench.start_with(&[("notification_channel", channel)]).await;
    user("email_verified", "false");
    let why = "The user does not have a verified email address.";
    check("not verified", &by("email").await, &invalid(why));
    user("email", "null");
    check("no address", &by("email").await, &invalid(why));
    user("phone_number", "null");
    let why = "The user does not have a mobile number.";
    check("no number", &by("sms").await, &invalid(why));
    user("blocked", "true");
    let answer = bench.start_with(&[]).await;
    check("blocked", &answer, &invalid("Invalid ciba request."));
    user("blocked", "false");

    client("async_approval_notification_channels", r#"["email"]"#);
    let why = "Requested notification channel is not allowed for this application.";
    check("not on the list", &by("external").await, &invalid(why));
    client("async_approval_notification_channels", "[]");
    let why = "No notification channels configured for the application.";
    check(
        "none configured",
        &bench.start_with(&[]).await,
        &invalid(why),
    );

    client("token_endpoint_auth_method", "\"none\"");
    let answer = bench.start_with(&[("client_secret", "")]).await;
    let why = "Public clients are not allowed to use CIBA.";
    check("public", &answer, &refused(400, "unauthorized_client", why));
    client("grant_types", "[]");
    let answer = bench.start_with(&[("client_secret", "")]).await;
    let why = "Client has not configured grant_type properly.";
    check(
        "no grant",
        &answer,
        &refused(400, "unauthorized_client", why),
    );
    bench.edit("DROP TABLE clients");
    let answer = bench.start_with(&[]).await;
    check(
        "internal failure",
        &answer,
        &refused(500, "server_error", ""),
    );
}

#[tokio::test]
async fn auth0_without_an_email_provider() {
    let bench = Bench::with(Options {
        email_provider: false,
        ready_channels: Some(vec!["email".into()]),
        ..Options::default()
    })
    .await;
    let answer = bench.start_with(&[("requested_expiry", "600")]).await;
    let body = answer.json();
    let why = body["error_description"].as_str().expect("a description");
    assert!(why.contains("email: There is no email provider"), "{why}");
    let expected = invalid(why.to_owned().leak());
    check("no provider", &answer, &expected);
}

#[tokio::test]
async fn auth0_who_may_ask_for_which_details() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let identifier = "https://policy.example";
    let api = json!({ "identifier": identifier, "authorization_details": [{ "type": "a" }] });
    let made = bench.manage(Method::POST, "/resource-servers", api).await;
    let path = format!(
        "/resource-servers/{}",
        made.json()["id"].as_str().expect("id")
    );
    let asks = [
        ("audience", identifier),
        ("authorization_details", r#"[{"type":"a"}]"#),
    ];
    let why = "The authorization_details type a is not registered for this API and client";
    for policy in ["deny_all", "require_client_grant"] {
        let policy = json!({ "subject_type_authorization": { "user": { "policy": policy } } });
        bench.manage(Method::PATCH, &path, policy.clone()).await;
        let answer = bench.start_with(&asks).await;
        let expected = refused(400, "invalid_authorization_details", why);
        check(&policy.to_string(), &answer, &expected);
    }
}

#[tokio::test]
async fn asgardeo_without_providers() {
    let bench = Bench::with(Options {
        email_provider: false,
        sms_provider: false,
        ..Options::of(DialectName::Asgardeo)
    })
    .await;
    for (channel, why) in [
        ("email", "There is no email provider in the organization."),
        ("sms", "There is no SMS provider in the organization."),
    ] {
        let answer = bench.start_with(&[("notification_channel", channel)]).await;
        check(channel, &answer, &invalid(why));
    }
}

#[tokio::test]
async fn asgardeo_polling_in_the_order_of_its_table() {
    let bench = Bench::asgardeo().await;
    let grant = |why| refused(400, "invalid_grant", why);
    check(
        "1 unknown",
        &bench.poll("x").await,
        &grant("invalid auth_req_id"),
    );

    let id = bench.start().await;
    let other = json!({ "name": "Other", "grant_types": [CIBA], "token_endpoint_auth_method": "client_secret_post" });
    let other = bench.control("clients", other).await;
    let text = |name: &str| other[name].as_str().expect("text").to_owned();
    let foreign = bench
        .poll_as(&text("client_id"), &text("client_secret"), &id)
        .await;
    let why = "Invalid client. Request ID issued for different client";
    check("2 another client's", &foreign, &grant(why));

    let slow_down = refused(400, "slow_down", "Slow down");
    check("6 at once", &bench.poll(&id).await, &slow_down);
    bench.advance(5);
    let pending = refused(400, "authorization_pending", "Authorization pending");
    check("7 pending", &bench.poll(&id).await, &pending);
    assert!(bench.sandbox.decide(&id, true));
    check("6 although approved", &bench.poll(&id).await, &slow_down);
    bench.advance(8);
    assert_eq!(bench.poll(&id).await.status, 200);
    check("4 used", &bench.poll(&id).await, &grant("invalid_request"));
    bench.advance(120);
    let expired = refused(400, "expired_token", "Token expired");
    check("3 expired before used", &bench.poll(&id).await, &expired);

    let id = bench.start().await;
    assert!(bench.sandbox.decide(&id, false));
    let denied = refused(400, "access_denied", "User denied authentication");
    check("5 denied before too fast", &bench.poll(&id).await, &denied);
    bench.advance(120);
    check("3 expired before denied", &bench.poll(&id).await, &expired);
}
