//! Whole flows; see `tests/`.
