//! [`Error`] as other languages build their own exception from it.

use crate::error::{Error, ErrorClass, ErrorCode, ErrorKind};

/// What an [`Error`] carries across a language boundary. Each binding makes one exception type of it, so that an app
/// catches one type and asks it for code, kind and class. (An enum, because only enums can be thrown.)
#[derive(uniffi::Enum)]
pub enum ErrorParts {
    /// The only form there is.
    Parts {
        /// The stable code.
        code: ErrorCode,
        /// The kind, for choosing a screen.
        kind: ErrorKind,
        /// What to do about it.
        class: ErrorClass,
        /// A sentence in English that says what was wrong and what to do.
        message: String,
        /// The server's own `errorCode`, where there was one.
        server_code: Option<String>,
        /// The HTTP status, where there was one.
        status: Option<u16>,
        /// Seconds to wait before the next try, where the server said so.
        retry_after: Option<u32>,
    },
}

/// The name of [`Error`] where `Error` means something else.
pub type AuthenticatorError = Error;

uniffi::custom_type!(
    /// Why a call failed. Texts are for developers and logs; they never hold secrets or payload text.
    AuthenticatorError, ErrorParts, {
        lower: |error| ErrorParts::from(error),
        try_lift: |parts| Ok(Error::from(parts)),
    }
);

impl From<Error> for ErrorParts {
    fn from(error: Error) -> Self {
        ErrorParts::Parts {
            code: error.code(),
            kind: error.kind(),
            class: error.class(),
            message: error.message().to_owned(),
            server_code: error.server_code().map(str::to_owned),
            status: error.status(),
            retry_after: error.retry_after(),
        }
    }
}

impl From<ErrorParts> for Error {
    fn from(parts: ErrorParts) -> Self {
        let ErrorParts::Parts {
            code,
            kind: _,
            class,
            message,
            server_code,
            status,
            retry_after,
        } = parts;
        let error = Error::new(code, message)
            .with_class(class)
            .with_retry_after(retry_after);
        match status {
            Some(status) => error.with_server(status, server_code),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_way_there_and_back() {
        let error = Error::new(ErrorCode::ServerBusy, "wait")
            .with_class(ErrorClass::Final)
            .with_server(503, Some("too_many_requests".into()))
            .with_retry_after(Some(7));
        let back = Error::from(ErrorParts::from(error.clone()));
        assert_eq!(format!("{back:?}"), format!("{error:?}"));
    }
}
