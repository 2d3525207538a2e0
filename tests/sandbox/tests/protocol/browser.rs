//! The page behind a link: who sees what, what a form does, what it refuses.

use reqwest::Method;
use reqwest::header::{HeaderMap, SET_COOKIE};
use sandbox::{DialectName, Options, RequestState};
use serde_json::{Value, json};

use crate::bench::{Answer, Bench, DETAILS};

/// A browser of a few lines: one cookie, and forms sent as they stand on the page.
#[derive(Default)]
pub(crate) struct Browser {
    cookie: Option<String>,
    /// Headers of every call.
    pub(crate) headers: HeaderMap,
}

/// A page with where it came from.
pub(crate) struct Page {
    pub(crate) answer: Answer,
    url: String,
}

impl Page {
    /// Value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.answer.text.split_once(&start)?;
        Some(unescaped(rest.split('"').next()?))
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.answer.text.contains(text)
    }

    pub(crate) fn status(&self) -> u16 {
        self.answer.status
    }
}

pub(crate) fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

impl Browser {
    pub(crate) fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    pub(crate) async fn open(&mut self, bench: &Bench, url: &str) -> Page {
        self.call(bench, Method::GET, url, &[]).await
    }

    /// Sends the page's form with these fields beside the hidden ones.
    pub(crate) async fn submit(
        &mut self,
        bench: &Bench,
        page: &Page,
        fields: &[(&str, &str)],
    ) -> Page {
        let hidden = [
            "consent",
            "authCodeKey",
            "form_token",
            "digest",
            "ui_locales",
        ];
        let mut form: Vec<(String, String)> = hidden
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), page.field(name)?)))
            .collect();
        form.extend(
            fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let action = page.answer.text.split_once("method=\"post\" action=\"");
        let path = action
            .and_then(|(_, rest)| rest.split('"').next())
            .expect("a form");
        let url = origin_of(&page.url) + path;
        let answer = self.call(bench, Method::POST, &url, &form).await;
        if answer.status() != 303 {
            return answer;
        }
        let location = answer.answer.header("location").expect("where").to_owned();
        let next = origin_of(&page.url) + &location;
        self.open(bench, &next).await
    }

    /// Where a page leads by itself.
    async fn followed(&mut self, bench: &Bench, page: Page) -> Page {
        match page.answer.header("location").map(str::to_owned) {
            Some(location) => self.open(bench, &location).await,
            None => page,
        }
    }

    pub(crate) async fn log_in(
        &mut self,
        bench: &Bench,
        link: &str,
        user: &str,
        password: &str,
    ) -> Page {
        let page = self.open(bench, link).await;
        assert!(page.has("type=\"password\""), "{}", page.answer.text);
        let fields = [
            ("action", "login"),
            ("username", user),
            ("password", password),
        ];
        self.submit(bench, &page, &fields).await
    }

    async fn call(
        &mut self,
        bench: &Bench,
        method: Method,
        url: &str,
        form: &[(String, String)],
    ) -> Page {
        let post = method == Method::POST;
        let mut request = bench
            .http
            .request(method, url)
            .headers(self.headers.clone());
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if post {
            request = request.form(form);
        }
        let answer = bench.send(request).await;
        if let Some(cookie) = answer.headers.get(SET_COOKIE) {
            let text = cookie.to_str().expect("text");
            self.cookie = text.split(';').next().map(str::to_owned);
        }
        Page {
            answer,
            url: url.to_owned(),
        }
    }
}

fn origin_of(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

/// A bench whose client reaches people by e-mail too.
pub(crate) async fn with_email() -> Bench {
    Bench::with(Options {
        per_user_limit: None,
        ready_channels: Some(vec!["guardian-push".into(), "email".into()]),
        ..Options::default()
    })
    .await
}

/// Starts a request by e-mail; its id and the link that the mail has.
pub(crate) async fn mailed(bench: &Bench, changes: &[(&'static str, &str)]) -> (String, String) {
    let answer = bench.start_with(changes).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let id = answer.json()["auth_req_id"]
        .as_str()
        .expect("id")
        .to_owned();
    (id, newest_link(bench))
}

pub(crate) fn newest_link(bench: &Bench) -> String {
    let outbox = bench.sandbox.outbox();
    outbox
        .iter()
        .find_map(|message| message.link.clone())
        .expect("a message with a link")
}

async fn signed_in(bench: &Bench, link: &str) -> (Browser, Page) {
    let mut browser = Browser::default();
    let ready = bench.sandbox.ready();
    let page = browser
        .log_in(bench, link, &ready.username, &ready.user_password)
        .await;
    (browser, page)
}

async fn ben(bench: &Bench) {
    let ben = json!({
        "user_id": "ben", "username": "ben", "password": "benspassword",
        "email": "ben@example.com", "email_verified": true,
    });
    bench.control("users", ben).await;
}

fn state(bench: &Bench) -> RequestState {
    bench.sandbox.snapshot().requests[0].state
}

const PAYMENT: [(&str, &str); 2] = [
    ("audience", "https://api.bank.example"),
    ("authorization_details", DETAILS),
];

#[tokio::test]
async fn before_the_login_nothing_of_the_request_is_shown() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &PAYMENT).await;
    assert!(
        link.starts_with(&bench.url("/bc-verify?consent=cns_")),
        "{link}"
    );
    let mut browser = Browser::default();
    let page = browser.open(&bench, &link).await;
    assert_eq!(page.status(), 200);
    for secret in ["TX-4711", "249", "ExampleCorp", "ana", "Sandbox agent"] {
        assert!(!page.has(secret), "{secret}");
    }
    let policy = page.answer.header("content-security-policy").expect("CSP");
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"));
    assert!(!page.has("<script") && !page.has("style=") && !page.has("onclick"));
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ] {
        assert_eq!(page.answer.header(name), Some(value));
    }
    let cookie = page.answer.header("set-cookie").expect("cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "http has no secure cookies");
}

#[tokio::test]
async fn whoever_was_asked_sees_the_request_and_allows_it_once() {
    let bench = with_email().await;
    let (id, link) = mailed(&bench, &PAYMENT).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    assert_eq!(page.status(), 200);
    for shown in [
        "Pay 249.00 EUR to ExampleCorp",
        "TX-4711",
        "Sandbox agent",
        "ana@example.com",
        "api.bank.example",
        "Same on the other screen?",
    ] {
        assert!(page.has(shown), "{shown}: {}", page.answer.text);
    }
    assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
    let done = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert!(done.status() == 200 && done.has("Approved"));
    let tokens = bench.poll(&id).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    let details = serde_json::from_str::<Value>(DETAILS).expect("JSON");
    assert_eq!(tokens.json()["authorization_details"], details);
    let answer = bench.sandbox.snapshot().requests[0].answer.clone();
    let answer = answer.expect("an answer");
    assert!(answer.in_browser && answer.accepted && answer.device_id.is_none());

    // The link works once, and so does the form.
    for _ in 0..2 {
        let again = browser.open(&bench, &link).await;
        assert!(again.status() == 410 && again.has("Already answered"));
    }
    let again = browser.submit(&bench, &page, &[("action", "deny")]).await;
    assert!(again.status() == 410 && again.has("Already answered"));
    assert_eq!(state(&bench), RequestState::Redeemed);
}

#[tokio::test]
async fn declining_tells_the_client_so() {
    let bench = with_email().await;
    let (id, link) = mailed(&bench, &[]).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    let done = browser.submit(&bench, &page, &[("action", "deny")]).await;
    assert!(done.status() == 200 && done.has("Denied"));
    assert_eq!(
        bench.poll(&id).await.error(),
        (400, "access_denied".to_owned())
    );
}

#[tokio::test]
async fn a_link_dies_with_its_request_and_a_wrong_one_never_lives() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &[]).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    bench.advance(300);
    let over = browser.open(&bench, &link).await;
    assert!(over.status() == 410 && over.has("No longer open"));
    let over = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert_eq!(over.status(), 410);
    assert_eq!(state(&bench), RequestState::Expired);
    let request = bench.sandbox.snapshot().requests[0].id.clone();
    for key in ["", "cns_AAAAAAAAAAAAAAAAAAAAAA", &request] {
        let wrong = browser
            .open(&bench, &bench.url(&format!("/bc-verify?consent={key}")))
            .await;
        assert_eq!(wrong.status(), 404, "{key}");
    }
}

#[tokio::test]
async fn somebody_else_neither_sees_nor_answers_and_the_request_stays_open() {
    let bench = with_email().await;
    ben(&bench).await;
    let (id, link) = mailed(&bench, &PAYMENT).await;
    let mut browser = Browser::default();
    let page = browser.log_in(&bench, &link, "ben", "benspassword").await;
    assert_eq!(page.status(), 403);
    assert!(page.has("Another account is asked") && page.has("ben@example.com"));
    for secret in ["TX-4711", "249", "ExampleCorp", "ana"] {
        assert!(!page.has(secret), "{secret}");
    }
    for action in ["allow", "deny"] {
        let refused = browser.submit(&bench, &page, &[("action", action)]).await;
        assert_eq!(refused.status(), 403, "{action}");
    }
    assert_eq!(state(&bench), RequestState::Pending);
    // Logging out leads back to the request, for its own person.
    let page = browser.submit(&bench, &page, &[("action", "logout")]).await;
    assert!(page.has("type=\"password\""));
    let ready = bench.sandbox.ready();
    let fields = [
        ("action", "login"),
        ("username", "ana@example.com"),
        ("password", &ready.user_password),
    ];
    let page = browser.submit(&bench, &page, &fields).await;
    let done = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert!(done.has("Approved"));
    assert_eq!(bench.poll(&id).await.status, 200);
}

#[tokio::test]
async fn an_existing_login_of_the_right_person_is_used() {
    let bench = with_email().await;
    let (_, first) = mailed(&bench, &[]).await;
    let (mut browser, _) = signed_in(&bench, &first).await;
    let (_, second) = mailed(&bench, &[("binding_message", "Second")]).await;
    let page = browser.open(&bench, &second).await;
    assert!(page.status() == 200 && page.has("Second"));
}

#[tokio::test]
async fn a_wrong_password_is_said_and_ten_of_them_close_the_link() {
    let bench = with_email().await;
    let (id, link) = mailed(&bench, &[]).await;
    let mut browser = Browser::default();
    let mut page = browser.open(&bench, &link).await;
    let wrong = [
        ("action", "login"),
        ("username", "ana"),
        ("password", "guess"),
    ];
    for attempt in 1..10 {
        page = browser.submit(&bench, &page, &wrong).await;
        assert_eq!(page.status(), 403, "{attempt}");
        assert!(page.has("role=\"alert\""));
    }
    let closed = browser.submit(&bench, &page, &wrong).await;
    assert_eq!(closed.status(), 429);
    let password = bench.sandbox.ready().user_password;
    let right = [
        ("action", "login"),
        ("username", "ana"),
        ("password", &*password),
    ];
    let page = browser.open(&bench, &link).await;
    assert_eq!(browser.submit(&bench, &page, &right).await.status(), 429);
    assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
}

#[tokio::test]
async fn a_form_counts_only_from_the_page_that_this_browser_was_given() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &[]).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    let key = page.field("consent").expect("key");
    let token = page.field("form_token").expect("token");
    let digest = page.field("digest").expect("digest");
    let post = |cookie: Option<String>, token: String, headers: &[(&'static str, &str)]| {
        let form = [
            ("consent", key.clone()),
            ("form_token", token),
            ("digest", digest.clone()),
            ("action", "allow".to_owned()),
        ];
        let mut request = bench.http.post(bench.url("/bc-verify")).form(&form);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        bench.send(request)
    };
    let cookie = browser.cookie.clone();
    let mut stranger = Browser::default();
    let foreign = stranger.open(&bench, &link).await;
    let foreign = foreign.field("form_token").expect("token");
    for (name, answer) in [
        ("no cookie", post(None, token.clone(), &[]).await),
        ("no token", post(cookie.clone(), String::new(), &[]).await),
        (
            "another session's token",
            post(cookie.clone(), foreign, &[]).await,
        ),
        (
            "another site's form",
            post(
                cookie.clone(),
                token.clone(),
                &[("origin", "https://evil.example")],
            )
            .await,
        ),
        (
            "no origin at all",
            post(cookie.clone(), token.clone(), &[("origin", "null")]).await,
        ),
        (
            "cross-site",
            post(
                cookie.clone(),
                token.clone(),
                &[("sec-fetch-site", "cross-site")],
            )
            .await,
        ),
    ] {
        assert_eq!(answer.status, 403, "{name}");
        assert!(answer.text.contains("Nothing was done"), "{name}");
        assert_eq!(state(&bench), RequestState::Pending, "{name}");
    }
    // Opening decides nothing, whatever the query says.
    browser
        .open(&bench, &format!("{link}&action=allow&form_token={token}"))
        .await;
    assert_eq!(state(&bench), RequestState::Pending);
    let origin = bench.sandbox.origin();
    let own = [
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    assert_eq!(post(cookie, token, &own).await.status, 200);
    assert_eq!(state(&bench), RequestState::Approved);
}

#[tokio::test]
async fn the_session_changes_at_the_login_and_ends() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &[("requested_expiry", "259200")]).await;
    let mut browser = Browser::default();
    browser.open(&bench, &link).await;
    let before = browser.cookie.clone();
    let (browser_after, _) = {
        let ready = bench.sandbox.ready();
        let page = browser
            .log_in(&bench, &link, "ana", &ready.user_password)
            .await;
        (browser.cookie.clone(), page)
    };
    assert_ne!(before, browser_after);
    let mut planted = Browser {
        cookie: before,
        ..Browser::default()
    };
    assert!(planted.open(&bench, &link).await.has("type=\"password\""));
    assert!(!browser.open(&bench, &link).await.has("type=\"password\""));
    bench.advance(3_600);
    assert!(browser.open(&bench, &link).await.has("type=\"password\""));
}

#[tokio::test]
async fn what_is_dangerous_takes_a_typed_confirmation() {
    let details = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"249.00"},"creditorName":"Example\u202eproC"}]"#;
    let bench = with_email().await;
    let changes = [
        ("audience", "https://api.bank.example"),
        ("authorization_details", details),
    ];
    let (id, link) = mailed(&bench, &changes).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    assert!(page.has("\u{27e8}RLO\u{27e9}") && page.has("data-mark=\"hidden_direction\""));
    assert!(page.has("name=\"confirmation\""));
    for typed in ["", "248", "24900"] {
        let fields = [("action", "allow"), ("confirmation", typed)];
        let again = browser.submit(&bench, &page, &fields).await;
        assert_eq!(again.status(), 409, "{typed}");
        assert!(again.has("What you typed does not match"), "{typed}");
    }
    assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
    let fields = [("action", "allow"), ("confirmation", "249")];
    assert!(browser.submit(&bench, &page, &fields).await.has("Approved"));
}

#[tokio::test]
async fn what_cannot_be_approved_can_be_denied_only() {
    // A payment to nobody, of an amount that implementations read differently.
    let details = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":249.0000000000000001}}]"#;
    let bench = with_email().await;
    let changes = [
        ("audience", "https://api.bank.example"),
        ("authorization_details", details),
    ];
    let (_, link) = mailed(&bench, &changes).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    assert!(page.has("This cannot be approved.") && !page.has("value=\"allow\""));
    let refused = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert!(!refused.has("<h1>Approved"));
    assert_eq!(state(&bench), RequestState::Pending);
    let done = browser.submit(&bench, &page, &[("action", "deny")]).await;
    assert!(done.has("Denied"));
}

#[tokio::test]
async fn an_approval_is_of_what_was_shown_and_nothing_else() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &PAYMENT).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    let english = page.field("digest").expect("digest");
    browser
        .headers
        .insert("accept-language", "de".parse().expect("header"));
    // The form is of the English page; what would be shown now is German.
    let again = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert_eq!(again.status(), 409);
    assert!(again.has("sieht jetzt anders aus"));
    assert_ne!(again.field("digest"), Some(english));
    assert_eq!(state(&bench), RequestState::Pending);
    let done = browser.submit(&bench, &again, &[("action", "allow")]).await;
    assert!(done.has("Freigegeben"));
}

#[tokio::test]
async fn the_language_is_the_links_else_the_clients_else_the_browsers() {
    let bench = with_email().await;
    let (_, plain) = mailed(&bench, &[]).await;
    let (_, wished) = mailed(&bench, &[("ui_locales", "de-AT en")]).await;
    let subject = bench.sandbox.outbox()[0].subject.clone().expect("subject");
    assert!(subject.starts_with("Freigabe"), "{subject}");
    for (link, accept, sign_in, lang) in [
        (plain.clone(), "", "Sign in", "en"),
        (plain.clone(), "de-DE,de;q=0.9,en;q=0.5", "Anmelden", "de"),
        (plain.clone(), "fr", "Sign in", "en"),
        (format!("{plain}&ui_locales=de"), "en", "Anmelden", "de"),
        (wished.clone(), "en", "Anmelden", "de"),
        (format!("{wished}&ui_locales=en"), "de", "Sign in", "en"),
    ] {
        let mut browser = Browser::default();
        browser
            .headers
            .insert("accept-language", accept.parse().expect("header"));
        let page = browser.open(&bench, &link).await;
        assert!(page.has(&format!("<h1>{sign_in}</h1>")), "{link} {accept}");
        assert!(page.has(&format!("<html lang=\"{lang}\">")));
    }
    // It stays through the login.
    let mut browser = Browser::default();
    let password = bench.sandbox.ready().user_password;
    let german = format!("{plain}&ui_locales=de");
    let page = browser.log_in(&bench, &german, "ana", &password).await;
    assert!(page.has("Freigeben") && page.has("Steht auf dem anderen Bildschirm dasselbe?"));
}

#[tokio::test]
async fn text_of_others_never_becomes_markup() {
    let bench = with_email().await;
    let path = format!("/clients/{}", bench.sandbox.ready().client_id);
    let name = json!({ "name": "<script>alert(1)</script>\u{202e}" });
    bench.manage(Method::PATCH, &path, name).await;
    let details = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"1"},"creditorName":"\"><img src=x onerror=alert(1)>"}]"#;
    let changes = [
        ("audience", "https://api.bank.example"),
        ("authorization_details", details),
    ];
    let (_, link) = mailed(&bench, &changes).await;
    let (_, page) = signed_in(&bench, &link).await;
    assert!(page.has("&lt;script&gt;") && page.has("&lt;img src=x"));
    assert!(!page.has("<script") && !page.has("<img") && !page.has("\u{202e}"));
    let mail = &bench.sandbox.outbox()[0];
    assert!(!mail.html.clone().expect("HTML").contains("<script"));
}

#[tokio::test]
async fn a_blocked_person_can_neither_log_in_nor_go_on() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &[]).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    let user = bench.sandbox.ready().user_id.replace('|', "%7C");
    bench
        .manage(
            Method::PATCH,
            &format!("/users/{user}"),
            json!({ "blocked": true }),
        )
        .await;
    assert_eq!(browser.open(&bench, &link).await.status(), 410);
    let refused = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert_eq!(refused.status(), 403, "signed out");
    assert_eq!(state(&bench), RequestState::Denied);
}

#[tokio::test]
async fn a_new_password_and_a_block_sign_the_person_out() {
    let bench = with_email().await;
    let user = bench.sandbox.ready().user_id.replace('|', "%7C");
    let path = format!("/users/{user}");
    for change in [
        json!({ "password": "another-password" }),
        json!({ "blocked": true }),
    ] {
        let (_, link) = mailed(&bench, &[]).await;
        let mut browser = Browser::default();
        let password = bench.sandbox.ready().user_password;
        let change_password = json!({ "password": password });
        bench.manage(Method::PATCH, &path, change_password).await;
        let page = browser.log_in(&bench, &link, "ana", &password).await;
        assert!(page.field("digest").is_some());
        assert_eq!(bench.manage(Method::PATCH, &path, change).await.status, 200);
        let unblocked = json!({ "blocked": false });
        bench.manage(Method::PATCH, &path, unblocked).await;
        let refused = browser.submit(&bench, &page, &[("action", "allow")]).await;
        assert!(refused.status() == 403 && refused.has("Nothing was done"));
        assert_ne!(state(&bench), RequestState::Approved);
    }
}

#[tokio::test]
async fn only_a_phone_approves_where_an_approval_must_be_signed() {
    for (signed, verified) in [(true, false), (false, true)] {
        let bench = Bench::with(Options {
            per_user_limit: None,
            ready_channels: Some(vec!["guardian-push".into(), "email".into()]),
            require_signed_consent: signed,
            require_user_verification: verified,
            ..Options::default()
        })
        .await;
        let changes = [PAYMENT[0], PAYMENT[1], ("requested_expiry", "600")];
        let (id, link) = mailed(&bench, &changes).await;
        let (mut browser, page) = signed_in(&bench, &link).await;
        assert!(page.has("Pay 249.00 EUR to ExampleCorp"));
        assert!(page.has("that your phone signs") && !page.has("value=\"allow\""));
        let forged = browser.submit(&bench, &page, &[("action", "allow")]).await;
        assert!(!forged.has("<h1>Approved"), "{}", forged.answer.text);
        assert!(!bench.sandbox.decide(&id, true), "the console's button");
        assert_eq!(bench.poll(&id).await.error().1, "authorization_pending");
        let done = browser.submit(&bench, &page, &[("action", "deny")]).await;
        assert!(done.has("Denied"));
    }
}

#[tokio::test]
async fn a_mail_that_is_opened_late_is_approved_all_the_same() {
    let bench = with_email().await;
    let changes = [PAYMENT[0], PAYMENT[1], ("requested_expiry", "259200")];
    let (id, link) = mailed(&bench, &changes).await;
    // A push would be too old after five minutes.
    bench.advance(2 * 24 * 3_600);
    let (mut browser, page) = signed_in(&bench, &link).await;
    let done = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert!(done.has("Approved"), "{}", page.answer.text);
    assert_eq!(bench.poll(&id).await.status, 200);
}

#[tokio::test]
async fn a_page_of_many_equal_requests_warns_and_wants_a_typed_confirmation_as_a_phone_does() {
    let bench = with_email().await;
    let changes = [PAYMENT[0], PAYMENT[1], ("requested_expiry", "600")];
    for number in 1..=6 {
        let (_, link) = mailed(&bench, &changes).await;
        let (mut browser, page) = signed_in(&bench, &link).await;
        let marked = |code: &str| page.has(&format!("data-mark=\"{code}\""));
        assert_eq!(marked("repeated_request"), number > 1, "{number}");
        assert_eq!(marked("many_requests"), number == 6, "{number}");
        assert_eq!(page.has("name=\"confirmation\""), number == 6, "{number}");
        if number == 6 {
            let untyped = browser.submit(&bench, &page, &[("action", "allow")]).await;
            assert_eq!(untyped.status(), 409);
            let fields = [("action", "allow"), ("confirmation", "249")];
            let done = browser.submit(&bench, &page, &fields).await;
            assert!(done.has("Approved"));
        }
    }
    // What was approved is no repeat; more than ever was approved is marked.
    let more = DETAILS.replace("249.00", "250.00");
    let changes = [
        PAYMENT[0],
        ("authorization_details", more.as_str()),
        ("requested_expiry", "600"),
    ];
    bench.advance(1_200);
    let (_, link) = mailed(&bench, &changes).await;
    let (_, page) = signed_in(&bench, &link).await;
    assert!(page.has("data-mark=\"highest_amount_yet\""));
    assert!(!page.has("data-mark=\"repeated_request\""));
}

/// Two requests for a person, answered in a browser: the first with yes, the second with no.
async fn visits(bench: &Bench, index: usize) {
    let mail = format!("p{index}@example.com");
    let hint = bench.hint(&format!("auth0|p{index}"));
    for round in 0..2 {
        let amount = 1_000 + 2 * index + round;
        let details = DETAILS.replace("249.00", &format!("{amount}.00"));
        let changes = [
            PAYMENT[0],
            ("authorization_details", details.as_str()),
            ("login_hint", hint.as_str()),
        ];
        let started = bench.start_with(&changes).await;
        let id = started.json()["auth_req_id"]
            .as_str()
            .expect("id")
            .to_owned();
        let outbox = bench.sandbox.outbox();
        let own = outbox.iter().find(|message| message.to == mail);
        let link = own
            .and_then(|message| message.link.clone())
            .expect("a link");
        let mut browser = Browser::default();
        let page = browser.log_in(bench, &link, &mail, "password-of-all").await;
        let shown = format!("Pay 1,{:03}.00 EUR", amount - 1_000);
        assert!(
            page.has(&shown) && page.has(&mail),
            "{shown}: {}",
            page.answer.text
        );
        let action = ["allow", "deny"][round];
        let done = browser.submit(bench, &page, &[("action", action)]).await;
        assert_eq!(done.status(), 200, "{}", done.answer.text);
        let tokens = bench.poll(&id).await;
        if round == 0 {
            let granted = tokens.json()["authorization_details"].to_string();
            assert!(granted.contains(&amount.to_string()), "{}", tokens.text);
        } else {
            assert_eq!(tokens.error().1, "access_denied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_answer_at_once_each_see_and_answer_their_own() {
    let bench = with_email().await;
    const PEOPLE: usize = 8;
    for index in 0..PEOPLE {
        let person = json!({
            "user_id": format!("auth0|p{index}"), "email": format!("p{index}@example.com"),
            "email_verified": true, "password": "password-of-all",
        });
        bench.control("users", person).await;
    }
    futures_util::future::join_all((0..PEOPLE).map(|index| visits(&bench, index))).await;
    let answers = bench.sandbox.snapshot().requests;
    assert_eq!(answers.len(), 2 * PEOPLE);
    assert!(answers.iter().all(|request| request.answer.is_some()));
}

#[tokio::test]
async fn thousands_who_open_a_link_sign_nobody_out() {
    let bench = with_email().await;
    let (_, link) = mailed(&bench, &[]).await;
    let (mut browser, page) = signed_in(&bench, &link).await;
    let mut waiting = Browser::default();
    let login = waiting.open(&bench, &link).await;
    for _ in 0..21 {
        let opened = (0..100).map(|_| bench.get(&link[bench.sandbox.origin().len()..]));
        futures_util::future::join_all(opened).await;
    }
    let ready = bench.sandbox.ready();
    let fields = [
        ("action", "login"),
        ("username", ready.username.as_str()),
        ("password", &ready.user_password),
    ];
    let logged_in = waiting.submit(&bench, &login, &fields).await;
    assert!(logged_in.field("digest").is_some(), "a form in flight");
    let done = browser.submit(&bench, &page, &[("action", "allow")]).await;
    assert!(done.has("Approved"), "{}", done.answer.text);
}

#[tokio::test]
async fn every_page_of_a_visit_is_in_one_language() {
    for bench in [with_email().await, Bench::asgardeo().await] {
        ben(&bench).await;
        let german = [("ui_locales", "de")];
        let (_, link) = mailed(&bench, &german).await;
        let english = || {
            let mut browser = Browser::default();
            let header = "en".parse().expect("header");
            browser.headers.insert("accept-language", header);
            browser
        };
        let is_german = |page: &Page, words: &str| {
            assert!(page.has("<html lang=\"de\">"), "{}", page.answer.text);
            assert!(page.has(words), "{words}: {}", page.answer.text);
        };
        let mut stranger = english();
        let page = stranger.log_in(&bench, &link, "ben", "benspassword").await;
        let page = stranger.followed(&bench, page).await;
        is_german(&page, "Ein anderes Konto ist gefragt");
        let mut browser = english();
        let page = browser.open(&bench, &link).await;
        let stale = browser.submit(&bench, &page, &[("action", "dance")]).await;
        is_german(&stale, "Nichts ist geschehen");
        let password = bench.sandbox.ready().user_password;
        let page = browser.log_in(&bench, &link, "ana", &password).await;
        let done = browser.submit(&bench, &page, &[("action", "allow")]).await;
        is_german(&done, "Freigegeben");
        let again = browser.open(&bench, &link).await;
        let again = browser.followed(&bench, again).await;
        assert!(again.has("<html lang=\"de\">"), "{}", again.answer.text);
    }
}

#[tokio::test]
async fn a_link_never_leads_where_only_the_caller_says_the_sandbox_is() {
    let bench = Bench::asgardeo().await;
    let port = bench.sandbox.origin();
    let port = port.rsplit(':').next().expect("port").to_owned();
    for host in [
        "localhost".to_owned(),
        format!("0.0.0.0:{port}"),
        "evil.example".to_owned(),
    ] {
        let mut form = bench.start_form();
        form.push(("notification_channel", "external".to_owned()));
        let request = bench.http.post(bench.url("/oauth2/ciba")).form(&form);
        let answer = bench.send(request.header("host", &host)).await;
        let link = answer.json()["auth_url"].as_str().expect("link").to_owned();
        assert!(link.starts_with(&bench.url("/oauth2/")), "{host}: {link}");
    }
}

#[tokio::test]
async fn over_tls_the_cookie_is_secure() {
    let bench = Bench::with(Options {
        tls: true,
        ready_channels: Some(vec!["email".into()]),
        ..Options::default()
    })
    .await;
    let (_, link) = mailed(&bench, &[]).await;
    let pem = bench.sandbox.ca_pem().expect("CA");
    let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).expect("PEM");
    let https = reqwest::Client::builder()
        .tls_certs_only(roots)
        .build()
        .expect("client");
    let tls = bench.sandbox.tls_origin().expect("TLS");
    let link = link.replacen(&bench.sandbox.origin(), &tls, 1);
    let answer = Answer::of(https.get(link).send().await.expect("answer")).await;
    let cookie = answer.header("set-cookie").expect("cookie");
    assert!(cookie.contains("; Secure"), "{cookie}");
}

#[tokio::test]
async fn no_key_of_a_link_reaches_log_snapshot_or_console() {
    for bench in [with_email().await, Bench::asgardeo().await] {
        let external = [("notification_channel", "external")];
        let started = bench.start_with(&external).await.json();
        let mut links: Vec<String> = started["auth_url"]
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect();
        bench.start().await;
        links.extend(bench.sandbox.outbox().into_iter().filter_map(|m| m.link));
        // E-mail and SMS of one request have one link.
        links.dedup();
        for link in &links {
            let (mut browser, page) = signed_in(&bench, link).await;
            browser.submit(&bench, &page, &[("action", "allow")]).await;
            browser.open(&bench, link).await;
        }
        let snapshot = serde_json::to_string(&bench.sandbox.snapshot()).expect("JSON");
        let mut shown = vec![snapshot];
        let request = bench.sandbox.snapshot().requests[0].id.clone();
        for path in [
            "",
            "requests",
            &format!("requests/{request}"),
            "log",
            "clients",
            "users",
        ] {
            let url = format!("{}{path}", bench.sandbox.console_url());
            shown.push(bench.send(bench.http.get(url)).await.text);
        }
        assert!(!links.is_empty());
        for link in &links {
            let (_, key) = link.split_once('=').expect("key");
            let tail = &key[key.len() - 8..];
            for page in &shown {
                assert!(!page.contains(key) && !page.contains(tail), "{key}: {page}");
            }
        }
        // The log does have the visits.
        assert!(shown[0].contains("bc-verify") || shown[0].contains("ciba_authorize"));
    }
}

#[tokio::test]
async fn asgardeo_leads_a_used_link_a_stranger_and_a_failed_login_where_the_reference_says() {
    let bench = Bench::asgardeo().await;
    ben(&bench).await;
    let over = |page: &Page| {
        assert_eq!(page.status(), 302);
        page.answer.header("location").expect("where").to_owned()
    };
    let gone = bench.url("/authenticationendpoint/device_success.do?error=invalid.authCodeKey");

    let (id, link) = mailed(&bench, &[]).await;
    let mut browser = Browser::default();
    let page = browser.log_in(&bench, &link, "ben", "benspassword").await;
    let retry = over(&page);
    assert!(
        retry.contains("/authenticationendpoint/retry.do") && retry.contains("ciba.user.mismatch")
    );
    let page = browser.open(&bench, &retry).await;
    assert!(page.has("Another account is asked") && page.has("ben@example.com"));
    assert_eq!(state(&bench), RequestState::Pending);

    // The same browser gets out of the wrong account there, and into the right one.
    let page = browser.submit(&bench, &page, &[("action", "logout")]).await;
    assert!(page.has("type=\"password\""), "{}", page.answer.text);
    let ready = bench.sandbox.ready();
    let fields = [
        ("action", "login"),
        ("username", ready.username.as_str()),
        ("password", &ready.user_password),
    ];
    let page = browser.submit(&bench, &page, &fields).await;
    for shown in ["Sandbox agent", "TX-4711", "openid"] {
        assert!(page.has(shown), "{shown}");
    }
    assert!(
        !page.has("Madrid"),
        "nothing is known of where it comes from"
    );
    assert!(
        browser
            .submit(&bench, &page, &[("action", "allow")])
            .await
            .has("Approved")
    );
    let again = browser.open(&bench, &link).await;
    assert_eq!(over(&again), gone);
    assert_eq!(browser.open(&bench, &gone).await.status(), 200);
    bench.advance(3);
    assert_eq!(bench.poll(&id).await.status, 200);

    let (id, link) = mailed(&bench, &[]).await;
    let mut browser = Browser::default();
    let page = browser.log_in(&bench, &link, "ana", "guess").await;
    assert!(page.status() == 403 && page.has("The request has been denied"));
    assert_eq!(bench.poll(&id).await.error().1, "access_denied");
    assert_eq!(over(&browser.open(&bench, &link).await), gone);
    let unknown = bench.url("/oauth2/ciba_authorize?authCodeKey=x");
    assert_eq!(over(&browser.open(&bench, &unknown).await), gone);
}

#[tokio::test]
async fn the_page_of_an_organisation_stays_below_its_prefix() {
    let bench = Bench::asgardeo().await;
    let mut form = bench.start_form();
    form.push(("notification_channel", "external".to_owned()));
    let answer = bench.form("/t/bank-dev/oauth2/ciba", &form).await;
    let link = answer.json()["auth_url"].as_str().expect("link").to_owned();
    assert!(link.starts_with(&bench.url("/t/bank-dev/oauth2/ciba_authorize?")));
    let (mut browser, page) = signed_in(&bench, &link).await;
    assert!(page.has("action=\"/t/bank-dev/oauth2/ciba_authorize\""));
    assert!(
        browser
            .submit(&bench, &page, &[("action", "allow")])
            .await
            .has("Approved")
    );
    let again = browser.open(&bench, &link).await;
    let location = again.answer.header("location").expect("where");
    assert!(location.starts_with(&bench.url("/t/bank-dev/authenticationendpoint/")));
    assert_eq!(browser.open(&bench, location).await.status(), 200);
}

#[tokio::test]
async fn hostile_calls_of_the_page_are_refused() {
    let bench = Bench::with(Options::of(DialectName::Asgardeo)).await;
    let path = "/oauth2/ciba_authorize";
    for (kind, body) in [
        ("application/json", b"{}".to_vec()),
        (
            "application/x-www-form-urlencoded",
            b"authCodeKey=%FF".to_vec(),
        ),
        ("application/x-www-form-urlencoded", b"a=1&a=2".to_vec()),
        ("application/x-www-form-urlencoded", vec![b'a'; 20_000]),
        ("multipart/form-data; boundary=x", b"--x--".to_vec()),
        ("application/x-www-form-urlencoded", Vec::new()),
    ] {
        let request = bench
            .http
            .post(bench.url(path))
            .header("content-type", kind)
            .body(body);
        let status = bench.send(request).await.status;
        assert!((400..500).contains(&status), "{kind}: {status}");
    }
    assert_eq!(
        bench.get(&format!("{path}?authCodeKey=%FF")).await.status,
        400
    );
    let put = bench.http.put(bench.url(path));
    assert_eq!(bench.send(put).await.status, 405);
}
