//! Guard against push bombing.
