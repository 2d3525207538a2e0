//! The sandbox over real sockets: each rule of the wire, one test.

mod authorize;
mod bench;
mod client_auth;
mod consent;
mod device;
mod lifecycle;
mod management;
mod token;
mod wire;
