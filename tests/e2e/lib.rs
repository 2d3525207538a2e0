//! Whole flows; see `tests/`. The examples of the README are compiled as documentation tests of this crate.

/// The README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
