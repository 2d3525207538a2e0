//! A value that cannot be printed.

use zeroize::{Zeroize, Zeroizing};

/// Holds a token, seed or code. It has neither `Debug` nor `Display`, and is wiped when dropped.
///
/// ```
/// let code = authenticator_core::Secret::new(String::from("123456"));
/// assert_eq!(code.expose(), "123456");
/// ```
///
/// ```compile_fail,E0277
/// let code = authenticator_core::Secret::new(String::from("123456"));
/// println!("{code:?}");
/// ```
///
/// ```compile_fail,E0277
/// let code = authenticator_core::Secret::new(String::from("123456"));
/// println!("{code}");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize = String>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Secret(Zeroizing::new(value))
    }
    /// The value itself. Search for this name to see every place that reads a secret.
    pub fn expose(&self) -> &T {
        &self.0
    }
}
