//! Whole flows over real sockets, a chapter a file.

mod accounts;
mod answers;
mod approvals;
mod changes;
mod clock;
mod details;
mod faults;
mod guard;
mod keys;
mod restarts;
mod tampering;
mod verification;
