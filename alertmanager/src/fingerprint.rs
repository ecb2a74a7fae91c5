//! Identities of label sets, byte-equal to Prometheus'.

use std::fmt::{self, Write};

use nightjar_model::Labels;
use nightjar_model::labels::quote;
use serde::{Deserialize, Serialize};

/// A hash of a label set: FNV-1a over sorted names and values, each closed by 0xff. Prints as 16 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of a label set.
    pub fn of(labels: &Labels) -> Fingerprint {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for byte in bytes.iter().chain(&[0xff]) {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
            }
        };
        for label in labels.iter() {
            add(label.name.as_bytes());
            add(label.value.as_bytes());
        }
        Fingerprint(hash)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The hash by which Alertmanager's notification log names an alert: XXH64 over the same bytes as the fingerprint.
pub fn log_hash(labels: &Labels) -> u64 {
    let mut bytes = Vec::with_capacity(128);
    for label in labels.iter() {
        for part in [label.name, label.value] {
            bytes.extend_from_slice(part.as_bytes());
            bytes.push(0xff);
        }
    }
    xxhash_rust::xxh64::xxh64(&bytes, 0)
}

/// A label set as it stands in group keys: `{a="x", b="y"}`, names never quoted.
pub fn spell(labels: &Labels) -> String {
    let mut out = String::from("{");
    for (i, label) in labels.iter().enumerate() {
        let _ = write!(out, "{}{}={}", if i > 0 { ", " } else { "" }, label.name, quote(label.value));
    }
    out.push('}');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_fingerprints() {
        // Printed by the API of a real Alertmanager for these label sets.
        let table: [(&[(&str, &str)], &str); 3] = [
            (&[], "cbf29ce484222325"),
            (&[("alertname", "a")], KNOWN[0]),
            (&[("alertname", "HighLatency"), ("job", "api"), ("instance", "ü\"x")], KNOWN[1]),
        ];
        for (pairs, expected) in table {
            assert_eq!(Fingerprint::of(&Labels::from_pairs(pairs.iter().copied())).to_string(), expected);
        }
    }

    const KNOWN: [&str; 2] = ["d258efc389808447", "0911e6354aa8908b"];

    #[test]
    fn spelling() {
        let labels = Labels::from_pairs([("b c", "\"\n"), ("a", "x")]);
        assert_eq!(spell(&labels), r#"{a="x", b c="\"\n"}"#);
    }
}
