//! The device API in the Guardian dialect: what an authenticator calls.

mod account;
mod consent;
mod enroll;
mod error;
mod page;
mod proof;
mod resolve;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch, post};
use serde::Deserialize;

use crate::engine::Engine;
use crate::op::writes_other_than_json;
use crate::server::Called;
pub(crate) use consent::body as consent_body;
pub(crate) use error::DeviceError;

/// Both base paths in use; consents live at the root.
const BASES: [&str; 2] = ["", "/appliance-mfa"];

/// Whether a path is one of the device API, or would be.
pub(crate) fn is_below(path: &str) -> bool {
    let api = |base: &&str| path.starts_with(&format!("{base}/api/"));
    BASES.iter().any(api) || path.starts_with("/rich-consents/")
}

pub(crate) fn router() -> Router<Arc<Engine>> {
    let mut router = Router::new()
        .route("/rich-consents/{id}", get(consent::read))
        .route("/guardian/enroll", get(page::show));
    for base in BASES {
        router = router
            .route(&format!("{base}/api/enroll"), post(enroll::enroll))
            .route(
                &format!("{base}/api/device-accounts/{{id}}"),
                patch(account::update).delete(account::remove),
            )
            .route(
                &format!("{base}/api/resolve-transaction"),
                post(resolve::resolve),
            );
    }
    router.route_layer(middleware::from_fn(json_only))
}

async fn json_only(request: Request, next: Next) -> Response {
    if writes_other_than_json(&request) {
        return DeviceError::INVALID_BODY.into_response();
    }
    next.run(request).await
}

/// A text, or an array of texts (RFC 7519 §4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn contains(&self, accepted: &[String]) -> bool {
        match self {
            Audience::One(audience) => accepted.contains(audience),
            Audience::Many(audiences) => {
                audiences.iter().any(|audience| accepted.contains(audience))
            }
        }
    }
}

/// The URLs a signed `aud` or `htu` may name: the one that was called, under its own origin and
/// under every configured one.
pub(crate) fn accepted_urls(engine: &Engine, called: &Called, path: &str) -> Vec<String> {
    let configured = engine
        .origins
        .public
        .iter()
        .chain(engine.origins.issuer.as_ref());
    [&called.origin, &called.base]
        .into_iter()
        .chain(configured)
        .map(|origin| format!("{}{path}", origin.trim_end_matches('/')))
        .collect()
}

/// The URL's path without its last segment.
fn collection(uri: &Uri) -> &str {
    uri.path()
        .rsplit_once('/')
        .map_or("", |(collection, _)| collection)
}
