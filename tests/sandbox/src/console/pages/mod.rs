//! The pages: each a pure function from a snapshot to HTML.

mod frame;
mod knobs;
mod lists;
mod log;
mod mail;
mod overview;
mod request;

pub(super) use frame::{Token, refusal};
pub(super) use knobs::{CALLS, knobs};
pub(super) use lists::{apis, clients, devices, users};
pub(super) use log::log;
pub(super) use mail::{hand_over, mail};
pub(super) use overview::{overview, used};
pub(super) use request::{request, requests};
