//! A few bits of a label set: most sets without a label are told from those with it without looking at them.

use nightjar_model::Labels;

/// Bits a pair sets.
const BITS: u32 = 3;

/// A Bloom filter of label pairs in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signature(u64);

impl Signature {
    /// The signature of a label set.
    pub(super) fn of(labels: &Labels) -> Signature {
        Signature(labels.iter().fold(0, |bits, label| bits | Signature::of_pair(label.name, label.value).0))
    }

    /// The bits of one pair.
    pub(super) fn of_pair(name: &str, value: &str) -> Signature {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in name.bytes().chain([0xff]).chain(value.bytes()) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        // The low bits of FNV are the poor ones.
        Signature((1..=BITS).fold(0, |bits, i| bits | 1 << ((hash >> (64 - 6 * i)) & 63)))
    }

    /// Whether the set may have all pairs whose bits these are; false is certain.
    pub(super) fn may_have(self, pairs: Signature) -> bool {
        self.0 & pairs.0 == pairs.0
    }

    /// The bits of both.
    pub(super) fn with(self, other: Signature) -> Signature {
        Signature(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_never_denied_and_what_is_not_mostly() {
        let labels = |i: usize| {
            let own = i.to_string();
            let pairs = [("alertname", "x"), ("job", "node"), ("cluster", "eu"), ("severity", "page"), ("i", &own)];
            Labels::from_pairs(pairs.map(|(name, value)| (name, value.to_owned())))
        };
        let mut taken_for = 0;
        for i in 0..2_000 {
            let signature = Signature::of(&labels(i));
            assert!(labels(i).iter().all(|label| signature.may_have(Signature::of_pair(label.name, label.value))));
            taken_for += usize::from(signature.may_have(Signature::of_pair("i", "5000")));
        }
        assert!(taken_for < 100, "{taken_for}");
    }
}
