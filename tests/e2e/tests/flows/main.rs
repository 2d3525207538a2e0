//! Whole flows over real sockets, a chapter a file.

mod accounts;
mod answers;
mod approvals;
mod changes;
mod clock;
mod crowd;
mod details;
mod drops;
mod faults;
mod guard;
mod keys;
mod person;
mod restarts;
mod tampering;
mod twins;
mod verification;
