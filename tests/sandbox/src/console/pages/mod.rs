//! The pages: each a pure function from the view to HTML.

mod frame;
mod lists;
mod overview;
mod request;

pub(super) use frame::{Token, refusal};
pub(super) use lists::{apis, clients, devices, knobs, log, users};
pub(super) use overview::overview;
pub(super) use request::{request, requests};
