//! Ids that cannot be mixed up.

/// A text id as a type of its own.
macro_rules! newtype {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);
        impl $name {
            /// From its text.
            pub fn new(text: impl Into<String>) -> Self { Self(text.into()) }
            /// Its text.
            pub fn as_str(&self) -> &str { &self.0 }
        }
        #[cfg(feature = "uniffi")]
        uniffi::custom_type!($(#[$doc])* $name, String, {
            lower: |id| id.0,
            try_lift: |text| Ok($name(text)),
        });
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    };
}
