//! The Management API subset.

use reqwest::Method;
use serde_json::{Value, json};

use crate::bench::{Bench, CIBA};

#[tokio::test]
async fn without_the_management_token_nothing_is_told() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/api/v2/users").await.status, 401);
    let request = bench
        .http
        .get(bench.url("/api/v2/users"))
        .bearer_auth("wrong");
    assert_eq!(
        bench.send(request).await.management_error(),
        (401, "invalid_token".to_owned())
    );
}

#[tokio::test]
async fn users_are_created_changed_and_removed() {
    let bench = Bench::new().await;
    let body = json!({ "user_id": "bob", "email": "bob@example.com", "email_verified": true });
    let created = bench.manage(Method::POST, "/users", body.clone()).await;
    assert_eq!(
        (created.status, &created.json()["user_id"]),
        (201, &json!("auth0|bob"))
    );
    assert_eq!(bench.manage(Method::POST, "/users", body).await.status, 409);
    let changed = bench
        .manage(
            Method::PATCH,
            "/users/auth0%7Cbob",
            json!({ "email": "b@example.com" }),
        )
        .await;
    assert_eq!(changed.json()["email_verified"], false);
    assert_eq!(
        bench
            .manage(Method::DELETE, "/users/auth0%7Cbob", json!({}))
            .await
            .status,
        204
    );
    assert_eq!(
        bench
            .manage(Method::GET, "/users/auth0%7Cbob", json!({}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_user_name_has_one_user() {
    let bench = Bench::new().await;
    let taken = bench.sandbox.ready().username;
    let second = json!({ "user_id": "second", "username": taken });
    let answer = bench.manage(Method::POST, "/users", second).await;
    assert_eq!(
        answer.management_error(),
        (409, "resource_conflict".to_owned())
    );
    let third = json!({ "user_id": "third", "username": "third" });
    assert_eq!(
        bench.manage(Method::POST, "/users", third).await.status,
        201
    );
    let path = "/users/auth0%7Cthird";
    let renamed = json!({ "username": taken });
    assert_eq!(bench.manage(Method::PATCH, path, renamed).await.status, 409);
    let same = json!({ "username": "third" });
    assert_eq!(bench.manage(Method::PATCH, path, same).await.status, 200);
}

#[tokio::test]
async fn the_ciba_grant_is_refused_for_clients_that_may_not_have_it() {
    let bench = Bench::new().await;
    for restriction in [
        json!({ "is_first_party": false }),
        json!({ "oidc_conformant": false }),
        json!({ "token_endpoint_auth_method": "none" }),
    ] {
        let mut body = restriction.clone();
        body["grant_types"] = json!([CIBA]);
        assert_eq!(
            bench.manage(Method::POST, "/clients", body).await.status,
            400,
            "{restriction}"
        );
        let path = format!("/clients/{}", bench.sandbox.ready().client_id);
        assert_eq!(
            bench
                .manage(Method::PATCH, &path, restriction.clone())
                .await
                .status,
            400,
            "{restriction}"
        );
    }
}

#[tokio::test]
async fn enrolments_can_be_read_and_removed() {
    let bench = Bench::new().await;
    let phone = bench.enroll().await;
    let path = format!("/guardian/enrollments/{}", phone.id);
    let body = bench.manage(Method::GET, &path, Value::Null).await.json();
    assert_eq!(
        (&body["status"], &body["identifier"]),
        (&json!("confirmed"), &json!(phone.identifier))
    );
    assert_eq!(
        bench
            .manage(Method::DELETE, &path, Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        bench.manage(Method::GET, &path, Value::Null).await.status,
        404
    );
    assert_eq!(bench.start_with(&[]).await.status, 400);
}

#[tokio::test]
async fn both_spellings_of_the_ticket_call_work_and_mail_excludes_factor() {
    let bench = Bench::new().await;
    let user = bench.sandbox.ready().user_id;
    for (path, body, status) in [
        (
            "/guardian/post-ticket",
            json!({ "user_id": user, "send_email": "true", "factor": "oob" }),
            200,
        ),
        (
            "/guardian/enrollments/ticket",
            json!({ "user_id": user, "send_mail": false }),
            200,
        ),
        (
            "/guardian/enrollments/ticket",
            json!({ "user_id": user, "email": "a@b", "factor": "otp" }),
            400,
        ),
        (
            "/guardian/enrollments/ticket",
            json!({ "user_id": user, "factor": "pigeon" }),
            400,
        ),
        (
            "/guardian/enrollments/ticket",
            json!({ "user_id": "auth0|nobody" }),
            404,
        ),
    ] {
        assert_eq!(
            bench.manage(Method::POST, path, body.clone()).await.status,
            status,
            "{body}"
        );
    }
}

#[tokio::test]
async fn push_providers_are_kept_and_their_secrets_masked() {
    let bench = Bench::new().await;
    let path = "/guardian/factors/push-notification/providers/apns";
    let body = json!({ "sandbox": true, "bundle_id": "com.example", "p12": "c2VjcmV0LXAxMi1jb250ZW50LW9mLWEtZmlsZQ" });
    assert_eq!(bench.manage(Method::PUT, path, body).await.status, 200);
    let kept = bench.manage(Method::GET, path, Value::Null).await;
    assert_eq!(kept.json()["bundle_id"], "com.example");
    assert_eq!(kept.json()["enabled"], true);
    assert!(!kept.text.contains("LXAxMi1jb250"));
    assert_eq!(
        bench
            .manage(Method::PATCH, path, json!({ "p12": 7 }))
            .await
            .status,
        400
    );
    let selected = "/guardian/factors/push-notification/selected-provider";
    assert_eq!(
        bench
            .manage(Method::PUT, selected, json!({ "provider": "direct" }))
            .await
            .status,
        200
    );
    assert_eq!(
        bench
            .manage(Method::GET, selected, Value::Null)
            .await
            .json()["provider"],
        "direct"
    );
    assert_eq!(
        bench
            .manage(Method::PUT, selected, json!({ "provider": "pigeon" }))
            .await
            .status,
        400
    );
}
