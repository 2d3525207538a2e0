//! The subset of the Management API an integrator needs: users, clients, APIs, enrolments.

mod apis;
mod clients;
mod error;
mod factors;
mod guardian;
mod templates;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use subtle::ConstantTimeEq as _;

use crate::engine::Engine;
use crate::op::{bearer, writes_other_than_json};
pub(crate) use apis::create_api;
pub(crate) use clients::create_client;
pub(crate) use error::{ApiError, read as body_of};
pub(crate) use users::create_user;

const BASE: &str = "/api/v2";

/// Whether a path is one of the Management API, or would be.
pub(crate) fn is_below(path: &str) -> bool {
    path.strip_prefix(BASE)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `/api/v2`, behind the management token.
pub(crate) fn router(engine: &Arc<Engine>) -> Router<Arc<Engine>> {
    let providers = "/guardian/factors/push-notification/providers/{provider}";
    let routes = Router::new()
        .route("/users", get(users::list).post(users::create))
        .route(
            "/users/{id}",
            get(users::read).patch(users::update).delete(users::remove),
        )
        .route("/users/{id}/enrollments", get(guardian::of_user))
        .route("/clients", get(clients::list).post(clients::create))
        .route(
            "/clients/{id}",
            get(clients::read)
                .patch(clients::update)
                .delete(clients::remove),
        )
        .route("/client-grants", post(clients::grant))
        .route("/resource-servers", get(apis::list).post(apis::create))
        .route(
            "/resource-servers/{id}",
            get(apis::read).patch(apis::update).delete(apis::remove),
        )
        .route("/guardian/enrollments/ticket", post(guardian::ticket))
        .route("/guardian/post-ticket", post(guardian::ticket))
        .route(
            "/guardian/enrollments/{id}",
            get(guardian::read).delete(guardian::remove),
        )
        .route(
            providers,
            get(factors::read)
                .put(factors::replace)
                .patch(factors::update),
        )
        .route(
            "/guardian/factors/push-notification/selected-provider",
            get(factors::selected).put(factors::select),
        )
        .route(
            "/email-templates/{name}",
            get(templates::read)
                .put(templates::update)
                .patch(templates::update),
        )
        .route(
            "/prompts/customized-consent/partials",
            get(templates::partials).put(templates::set_partials),
        )
        .route("/logs", get(users::logs))
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(
            Arc::clone(engine),
            authorised,
        ));
    Router::new().nest(BASE, routes)
}

async fn wrong_method() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "invalid_request",
        "The method is not allowed here",
    )
}

async fn not_found() -> ApiError {
    ApiError::NOT_FOUND
}

async fn authorised(State(engine): State<Arc<Engine>>, request: Request, next: Next) -> Response {
    let known = engine.ready.management_token.as_bytes();
    let allowed =
        bearer(request.headers()).is_some_and(|token| token.as_bytes().ct_eq(known).into());
    if !allowed {
        return ApiError::UNAUTHORIZED.into_response();
    }
    // A form that a browser sends by itself is no call of an API.
    if writes_other_than_json(&request) {
        return ApiError::body("The body must be JSON, with that content type").into_response();
    }
    next.run(request).await
}
