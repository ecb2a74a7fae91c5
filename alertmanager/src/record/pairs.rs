//! Label sets as JSON objects; of equal names the last counts, empty values do not.

use nightjar_model::Labels;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serializer};
use std::borrow::Cow;
use std::fmt;

/// Writes a label set.
pub fn serialize<S: Serializer>(labels: &Labels, to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(labels.iter().map(|label| (label.name, label.value)))
}

/// Reads a label set.
pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Labels, D::Error> {
    from.deserialize_map(Pairs)
}

struct Pairs;

impl<'a> Visitor<'a> for Pairs {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Labels, M::Error> {
        let mut pairs: Vec<(Text<'a>, Text<'a>)> = Vec::with_capacity(16);
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Labels::from_pairs(pairs.iter().map(|(name, value)| (&*name.0, &*value.0))))
    }
}

/// A text, borrowed where it stands in the input as it is.
struct Text<'a>(Cow<'a, str>);

impl<'a> Deserialize<'a> for Text<'a> {
    fn deserialize<D: Deserializer<'a>>(from: D) -> Result<Text<'a>, D::Error> {
        from.deserialize_str(Borrowing)
    }
}

struct Borrowing;

impl<'a> Visitor<'a> for Borrowing {
    type Value = Text<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Text<'a>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}
