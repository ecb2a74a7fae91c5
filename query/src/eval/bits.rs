//! A bitmap over steps.

/// One bit a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// `len` cleared bits.
    pub(crate) fn new(len: usize) -> Bits {
        Bits { words: vec![0; len.div_ceil(64)], len }
    }

    /// Becomes `len` cleared bits.
    pub(crate) fn reset(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len.div_ceil(64), 0);
        self.len = len;
    }

    /// Becomes `len` set bits.
    pub(crate) fn fill(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len.div_ceil(64), u64::MAX);
        self.len = len;
        if let Some(last) = self.words.last_mut()
            && !len.is_multiple_of(64)
        {
            *last = (1 << (len % 64)) - 1;
        }
    }

    /// Becomes `len` bits, each set if `bit` says so; asked in order.
    #[inline]
    pub(crate) fn fill_with(&mut self, len: usize, mut bit: impl FnMut(usize) -> bool) {
        self.words.clear();
        self.len = len;
        for from in (0..len).step_by(64) {
            let to = (from + 64).min(len);
            self.words.push((from..to).fold(0, |word, i| word | u64::from(bit(i)) << (i - from)));
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, i: usize) {
        self.words[i / 64] |= 1 << (i % 64);
    }

    #[inline]
    pub(crate) fn clear(&mut self, i: usize) {
        self.words[i / 64] &= !(1 << (i % 64));
    }

    #[inline]
    pub(crate) fn get(&self, i: usize) -> bool {
        self.words[i / 64] & (1 << (i % 64)) != 0
    }

    pub(crate) fn any(&self) -> bool {
        self.words.iter().any(|w| *w != 0)
    }

    pub(crate) fn all(&self) -> bool {
        self.count() == self.len
    }

    pub(crate) fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Keeps what both have.
    pub(crate) fn and(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= b);
    }

    /// Keeps what the other has not.
    pub(crate) fn and_not(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a &= !b);
    }

    /// Adds what the other has.
    pub(crate) fn or(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(a, b)| *a |= b);
    }

    /// Whether both have some bit.
    pub(crate) fn intersects(&self, other: &Bits) -> bool {
        self.words.iter().zip(&other.words).any(|(a, b)| a & b != 0)
    }

    /// Runs of 64 bits with some set: index of the run and its bits, lowest first.
    #[inline]
    pub(crate) fn runs(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.words.iter().copied().enumerate().filter(|(_, word)| *word != 0)
    }

    /// Set bits, ascending.
    #[inline]
    pub(crate) fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(i, word)| ones_of(*word).map(move |bit| i * 64 + bit))
    }
}

/// Set bits of one run, ascending.
#[inline]
pub(crate) fn ones_of(word: u64) -> impl Iterator<Item = usize> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest == 0 {
            return None;
        }
        let bit = rest.trailing_zeros() as usize;
        rest &= rest - 1;
        Some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_algebra() {
        let mut a = Bits::new(130);
        [0, 63, 64, 129].iter().for_each(|i| a.set(*i));
        let mut full = Bits::default();
        full.fill(130);
        assert!(full.all() && !a.all());
        assert_eq!(a.ones().collect::<Vec<_>>(), [0, 63, 64, 129]);
        full.and_not(&a);
        assert!(!full.intersects(&a));
        full.or(&a);
        assert_eq!(full.count(), 130);
        full.and(&a);
        assert_eq!(full, a);
    }
}
