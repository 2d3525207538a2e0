//! The sandbox over real sockets: each rule of the wire, one test.

mod asgardeo;
mod authorize;
mod bad_input;
mod bench;
mod browser;
mod browser_rows;
mod client_auth;
mod consent;
mod device;
mod dpop;
mod errors;
mod keycloak;
mod lifecycle;
mod management;
mod messages;
mod token;
mod wire;
