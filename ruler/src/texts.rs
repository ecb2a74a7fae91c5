//! Names with texts: labels and annotations of rules before they are rendered.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use nightjar_model::labels::{is_legacy_label_name, quote};

/// Texts by name, sorted by name. Unlike in a label set a text may be empty: a rule removes a label that way.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Texts(Arc<[(Box<str>, Box<str>)]>);

impl Texts {
    /// Texts from pairs in any order; of equal names the last wins.
    pub fn from_pairs<N: AsRef<str>, T: AsRef<str>>(pairs: impl IntoIterator<Item = (N, T)>) -> Texts {
        let sorted: BTreeMap<Box<str>, Box<str>> =
            pairs.into_iter().map(|(name, text)| (name.as_ref().into(), text.as_ref().into())).collect();
        Texts(sorted.into_iter().collect())
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (&**name, &**text))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, text)| text)
    }

    /// These, and over them `others`.
    pub fn overlaid(&self, others: &Texts) -> Texts {
        if self.is_empty() { others.clone() } else { Texts::from_pairs(self.iter().chain(others.iter())) }
    }
}

impl fmt::Display for Texts {
    /// As Prometheus prints a label set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, text)) in self.iter().enumerate() {
            let separator = if i > 0 { ", " } else { "" };
            match is_legacy_label_name(name) {
                true => write!(f, "{separator}{name}={}", quote(text))?,
                false => write!(f, "{separator}{}={}", quote(name), quote(text))?,
            }
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
