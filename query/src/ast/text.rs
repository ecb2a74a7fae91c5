//! Texts of a query.

use nightjar_model::labels::quote;

/// A text of a query. In Go a string is bytes: `"\xff"` may be written, though it is no UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    text: String,
    /// The bytes, unless they are those of `text`.
    bytes: Option<Box<[u8]>>,
}

impl Text {
    /// A text of these bytes.
    pub fn new(bytes: Vec<u8>) -> Text {
        match String::from_utf8(bytes) {
            Ok(text) => Text { text, bytes: None },
            Err(error) => {
                let bytes = error.into_bytes();
                Text { text: String::from_utf8_lossy(&bytes).into_owned(), bytes: Some(bytes.into()) }
            }
        }
    }

    /// The text; each byte that is no UTF-8 is U+FFFD, as a client of Prometheus sees it in JSON.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all bytes are UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.bytes.is_none()
    }

    /// In double quotes, escaped as Go does it; reading it again gives the same bytes.
    pub fn quoted(&self) -> String {
        let Some(bytes) = &self.bytes else {
            return quote(&self.text).replace(char::REPLACEMENT_CHARACTER, "\\ufffd");
        };
        let mut out = String::from("\"");
        for chunk in bytes.utf8_chunks() {
            let valid = quote(chunk.valid()).replace(char::REPLACEMENT_CHARACTER, "\\ufffd");
            out.push_str(&valid[1..valid.len() - 1]);
            chunk.invalid().iter().for_each(|b| out.push_str(&format!("\\x{b:02x}")));
        }
        out.push('"');
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept() {
        for (bytes, text, quoted) in [
            (&b"a"[..], "a", r#""a""#),
            (b"a\"\n", "a\"\n", r#""a\"\n""#),
            (b"a\xc5z", "a\u{fffd}z", r#""a\xc5z""#),
            ("\u{fffd}".as_bytes(), "\u{fffd}", r#""\ufffd""#),
        ] {
            let read = Text::new(bytes.to_vec());
            assert_eq!((read.as_str(), read.quoted().as_str()), (text, quoted));
        }
    }
}
