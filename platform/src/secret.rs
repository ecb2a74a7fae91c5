//! Values that are used but never shown.

use std::fmt;

use serde::Deserialize;

/// What shows in place of a secret.
pub const HIDDEN: &str = "<secret>";

/// A value that is never printed: it shows as `<secret>`, in debug output too. Decoders know it by its type name.
#[derive(Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename = "\0secret")]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the request it belongs in.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing is hidden.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "" } else { HIDDEN })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_nothing() {
        let secret = Secret::new("CANARY");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "<secret> <secret> Some(<secret>)");
        assert_eq!(secret.expose(), "CANARY");
        assert_eq!(Secret::default().to_string(), "");
    }
}
