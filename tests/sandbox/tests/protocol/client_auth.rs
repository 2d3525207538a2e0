//! Client authentication: secrets, assertions, certificates.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::header::AUTHORIZATION;
use reqwest::{Certificate, Identity, Method};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use sandbox::Options;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::bench::{Answer, Bench, CIBA, Phone, other_key, test_key};

async fn client(bench: &Bench, body: Value) -> String {
    let answer = bench.manage(Method::POST, "/clients", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["client_id"].as_str().expect("id").to_owned()
}

fn without_credentials(bench: &Bench) -> Vec<(&'static str, String)> {
    let mut form = bench.start_form();
    form.retain(|(name, _)| !name.starts_with("client_"));
    form
}

#[tokio::test]
async fn basic_is_percent_decoded_and_challenged_only_when_used() {
    let bench = Bench::new().await;
    bench.enroll().await;
    client(
        &bench,
        json!({ "client_id": "oc-client", "client_secret": "oc-secret:%", "grant_types": [CIBA] }),
    )
    .await;
    let call = |credentials: &str, extra: &[(&'static str, &str)]| {
        let mut form = without_credentials(&bench);
        form.extend(
            extra
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        let value = format!("Basic {}", STANDARD.encode(credentials));
        bench
            .http
            .post(bench.url("/bc-authorize"))
            .header(AUTHORIZATION, value)
            .form(&form)
    };
    let good = "oc%2Dclient:oc%2Dsecret%3A%25";
    assert_eq!(bench.send(call(good, &[])).await.status, 200);
    assert_eq!(
        bench
            .send(call(good, &[("client_id", "oc-client")]))
            .await
            .status,
        200
    );
    assert_eq!(
        bench
            .send(call(good, &[("client_id", "another")]))
            .await
            .error(),
        (401, "invalid_client".to_owned())
    );
    assert_eq!(
        bench
            .send(call(good, &[("client_secret", "x")]))
            .await
            .error(),
        (400, "invalid_request".to_owned())
    );
    let wrong = bench.send(call("oc-client:wrong", &[])).await;
    assert_eq!(wrong.error(), (401, "invalid_client".to_owned()));
    assert!(
        wrong
            .header("www-authenticate")
            .is_some_and(|value| value.starts_with("Basic "))
    );
}

struct Assertion {
    alg: (&'static str, Algorithm),
    claims: Value,
    key: rsa::RsaPrivateKey,
}

impl Assertion {
    fn text(&self) -> String {
        let header = json!({ "alg": self.alg.0, "typ": "JWT" }).to_string();
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(self.claims.to_string())
        );
        let der = self.key.to_pkcs1_der().expect("DER");
        let key = EncodingKey::from_rsa_der(der.as_bytes());
        format!(
            "{input}.{}",
            sign(input.as_bytes(), &key, self.alg.1).expect("signature")
        )
    }
}

#[tokio::test]
async fn a_client_assertion_is_accepted_for_each_audience_and_algorithm_once() {
    let bench = Bench::new().await;
    bench.enroll().await;
    let jwk = Phone::new(test_key(), "", "").jwk();
    let id = client(&bench, json!({
        "grant_types": [CIBA], "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jwk] },
    }))
    .await;
    let (bench, id) = (&bench, &id);
    let assertion = |jti: &str| Assertion {
        alg: ("RS256", Algorithm::RS256),
        claims: json!({ "iss": id, "sub": id, "aud": bench.sandbox.issuer(), "exp": bench.now() + 60, "jti": jti }),
        key: test_key(),
    };
    let call = async |assertion: &Assertion| -> Answer {
        let mut form = without_credentials(bench);
        form.push((
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
        ));
        form.push(("client_assertion", assertion.text()));
        bench.form("/bc-authorize", &form).await
    };
    for (jti, audience) in [
        ("1", json!(bench.sandbox.issuer())),
        ("2", json!(bench.url("/oauth/token"))),
        ("3", json!([bench.url("/bc-authorize")])),
    ] {
        let mut good = assertion(jti);
        good.claims["aud"] = audience;
        assert_eq!(call(&good).await.status, 200, "{jti}");
        assert_eq!(
            call(&good).await.error(),
            (401, "invalid_client".to_owned()),
            "{jti} again"
        );
    }
    for alg in [("RS384", Algorithm::RS384), ("PS256", Algorithm::PS256)] {
        assert_eq!(
            call(&Assertion {
                alg,
                ..assertion(alg.0)
            })
            .await
            .status,
            200,
            "{}",
            alg.0
        );
    }
    let with = |name: &str, value: Value| {
        let mut bad = assertion(name);
        bad.claims[name] = value;
        bad
    };
    for (name, bad) in [
        ("audience", with("aud", json!("https://evil.example/"))),
        (
            "two audiences",
            with(
                "aud",
                json!([bench.sandbox.issuer(), "https://evil.example/"]),
            ),
        ),
        ("expired", with("exp", json!(bench.now() - 60))),
        ("issuer", with("iss", json!("another"))),
        ("empty jti", with("jti", json!(""))),
        (
            "key",
            Assertion {
                key: other_key(),
                ..assertion("k")
            },
        ),
        (
            "algorithm",
            Assertion {
                alg: ("RS512", Algorithm::RS512),
                ..assertion("a")
            },
        ),
    ] {
        assert_eq!(
            call(&bad).await.error(),
            (401, "invalid_client".to_owned()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn mutual_tls_works_with_a_certificate_of_the_ca_or_a_known_self_signed_one() {
    let bench = Bench::with(Options {
        tls: true,
        ..Options::default()
    })
    .await;
    bench.enroll().await;
    let ca = Certificate::from_pem(bench.sandbox.ca_pem().expect("CA").as_bytes()).expect("CA");
    let by_name = client(&bench, json!({
        "grant_types": [CIBA], "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=agent",
    }))
    .await;
    let key = rcgen::KeyPair::generate().expect("key");
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("params");
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "agent");
    let own = params.self_signed(&key).expect("certificate");
    let by_thumbprint = client(
        &bench,
        json!({
            "grant_types": [CIBA], "token_endpoint_auth_method": "self_signed_tls_client_auth",
            "tls_client_auth_thumbprints": [URL_SAFE_NO_PAD.encode(Sha256::digest(own.der()))],
        }),
    )
    .await;
    let pair = |(certificate, key): (String, String)| {
        Identity::from_pem(format!("{certificate}{key}").as_bytes()).expect("identity")
    };
    let issued = |name: &str| pair(bench.sandbox.client_certificate(name).expect("certificate"));
    let own = pair((own.pem(), key.serialize_pem()));

    for (name, id, identity, status) in [
        ("issued", &by_name, Some(issued("agent")), 200),
        ("issued to another", &by_name, Some(issued("another")), 401),
        (
            "self-signed with the same name",
            &by_name,
            Some(own.clone()),
            401,
        ),
        ("no certificate", &by_name, None, 401),
        ("known self-signed", &by_thumbprint, Some(own), 200),
        (
            "unknown self-signed",
            &by_thumbprint,
            Some(issued("agent")),
            401,
        ),
    ] {
        let mut builder = reqwest::Client::builder().tls_certs_only([ca.clone()]);
        if let Some(identity) = identity {
            builder = builder.identity(identity);
        }
        let http = builder.build().expect("client");
        let mut form = without_credentials(&bench);
        form.push(("client_id", id.clone()));
        let url = format!(
            "{}/bc-authorize",
            bench.sandbox.tls_origin().expect("https")
        );
        let answer = bench.send(http.post(url).form(&form)).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
    }
}

#[tokio::test]
async fn metadata_speaks_of_the_listener_that_was_called() {
    let bench = Bench::with(Options {
        tls: true,
        ..Options::default()
    })
    .await;
    let ca = Certificate::from_pem(bench.sandbox.ca_pem().expect("CA").as_bytes()).expect("CA");
    let http = reqwest::Client::builder()
        .tls_certs_only([ca])
        .build()
        .expect("client");
    let origin = bench.sandbox.tls_origin().expect("https");
    let answer = bench
        .send(http.get(format!("{origin}/.well-known/openid-configuration")))
        .await;
    assert_eq!(answer.json()["issuer"], format!("{origin}/"));
    let plain = bench.get("/.well-known/openid-configuration").await;
    assert_eq!(plain.json()["issuer"], bench.sandbox.issuer());
}
