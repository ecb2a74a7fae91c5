//! Floats as integers: which power of ten turns a column into whole numbers, exactly.
//!
//! A float `v` is *decimal* at `digits` when `m / 10^digits` gives back `v` to the bit for a whole `m`. Division by an
//! exact power of ten rounds correctly, so every number somebody wrote with few digits qualifies.

/// The largest number of digits after the point.
pub(crate) const MAX_DIGITS: usize = 18;

/// Whole numbers with digits stay at most this far from zero, so that adding [`MAGIC`] rounds them exactly.
const LIMIT: f64 = (1u64 << 51) as f64;
/// 1.5 * 2^52: floats near it are spaced by one, so their bits count like integers.
const MAGIC: f64 = 6_755_399_441_055_744.0;

const POWERS: [f64; MAX_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// The whole number for `v`, and whether it gives back `v`.
#[inline(always)]
fn to_whole(v: f64, power: f64) -> (i64, bool) {
    let scaled = v * power;
    let rounded = scaled + MAGIC;
    let whole = (rounded.to_bits() as i64).wrapping_sub(MAGIC.to_bits() as i64);
    let back = (rounded - MAGIC) / power;
    (whole, (back.to_bits() == v.to_bits()) & (scaled.abs() <= LIMIT))
}

#[inline(always)]
fn to_integer(v: f64) -> (i64, bool) {
    let whole = v as i64;
    (whole, (whole as f64).to_bits() == v.to_bits())
}

/// Appends the floats of whole numbers that have `digits` (<= [`MAX_DIGITS`]) digits after the point.
pub(crate) fn extend_floats(digits: usize, wholes: &[i64], out: &mut Vec<f64>) {
    if digits == 0 {
        out.extend(wholes.iter().map(|m| *m as f64));
    } else {
        let power = POWERS[digits];
        out.extend(wholes.iter().map(|m| {
            let rounded = f64::from_bits(m.wrapping_add(MAGIC.to_bits() as i64) as u64);
            (rounded - MAGIC) / power
        }));
    }
}

/// Fewest digits at which `v` is decimal, from `least` on.
pub(crate) fn digits_of(v: f64, least: usize) -> Option<usize> {
    if !v.is_finite() {
        return None;
    }
    (least..=MAX_DIGITS).find(|digits| if *digits == 0 { to_integer(v).1 } else { to_whole(v, POWERS[*digits]).1 })
}

/// A column of floats seen as whole numbers.
#[derive(Debug, Default)]
pub(crate) struct Wholes {
    /// Digits after the point.
    pub(crate) digits: usize,
    /// One whole number a float; an exception repeats its neighbour.
    pub(crate) values: Vec<i64>,
    /// Positions of floats that are not decimal.
    pub(crate) exceptions: Vec<u32>,
}

/// How often more digits are tried before the rest becomes exceptions.
const ROUNDS: usize = 4;
/// How many floats are looked at to find how many digits are needed.
const PROBES: usize = 8;

impl Wholes {
    /// Looks at `floats`. Afterwards [`Wholes::exceptions`] may be everything: the column is then not decimal.
    pub(crate) fn fit(&mut self, floats: &[f64]) {
        self.try_digits(floats, 0);
        let mut best = (self.exceptions.len(), 0);
        for _ in 0..ROUNDS {
            let Some(digits) = self.more_digits(floats) else { break };
            self.try_digits(floats, digits);
            best = best.min((self.exceptions.len(), digits));
        }
        if best.1 != self.digits {
            self.try_digits(floats, best.1);
        }
        self.fill_exceptions();
    }

    fn try_digits(&mut self, floats: &[f64], digits: usize) {
        self.digits = digits;
        self.values.clear();
        self.exceptions.clear();
        let power = POWERS[digits];
        for (i, block) in floats.chunks(64).enumerate() {
            let mut good = true;
            if digits == 0 {
                self.values.extend(block.iter().map(|v| {
                    let (whole, exact) = to_integer(*v);
                    good &= exact;
                    whole
                }));
            } else {
                self.values.extend(block.iter().map(|v| {
                    let (whole, exact) = to_whole(*v, power);
                    good &= exact;
                    whole
                }));
            }
            if !good {
                let exact = |v: f64| if digits == 0 { to_integer(v).1 } else { to_whole(v, power).1 };
                let bad = (0..block.len()).filter(|k| !exact(block[*k]));
                self.exceptions.extend(bad.map(|k| (i * 64 + k) as u32));
            }
        }
    }

    /// The most digits a few spread-out exceptions ask for, if more than now.
    fn more_digits(&self, floats: &[f64]) -> Option<usize> {
        let stride = self.exceptions.len().div_ceil(PROBES).max(1);
        let probes = self.exceptions.iter().step_by(stride);
        probes.filter_map(|i| digits_of(floats[*i as usize], self.digits + 1)).max()
    }

    /// Exceptions repeat the value before them, leading ones the first value that counts.
    fn fill_exceptions(&mut self) {
        let Some(first) = self.exceptions.first() else { return };
        let mut next = self.exceptions.iter().copied().peekable();
        let mut last = None;
        if *first == 0 {
            let good = (0..self.values.len() as u32).find(|i| next.next_if_eq(i).is_none());
            last = good.map(|i| self.values[i as usize]);
        }
        let mut last = last.unwrap_or(0);
        let mut next = self.exceptions.iter().copied().peekable();
        for (i, value) in self.values.iter_mut().enumerate() {
            if next.next_if_eq(&(i as u32)).is_some() {
                *value = last;
            }
            last = *value;
        }
    }
}
