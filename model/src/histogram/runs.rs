//! Spans and counts as one sequence of (index, count), and back.

use std::borrow::Cow;

use super::Span;
use super::kahan::kahan_add;

/// What a bucket holds while histograms are added.
pub(super) trait Count: Copy + Default + 'static {
    /// The sum of both.
    fn plus(self, other: Self) -> Self;
    /// The same, subtracted.
    fn negated(self) -> Self;
    /// Whether nothing is in it.
    fn is_zero(self) -> bool;
    /// `start` for a second attempt at a sum. Prometheus forgets to take back the digits the first one lost; so do we,
    /// to agree with it to the bit.
    fn started_again(self, start: Self) -> Self;
}

impl Count for f64 {
    #[inline]
    fn plus(self, other: f64) -> f64 {
        self + other
    }

    #[inline]
    fn negated(self) -> f64 {
        -self
    }

    #[inline]
    fn is_zero(self) -> bool {
        self == 0.0
    }

    fn started_again(self, start: f64) -> f64 {
        start
    }
}

/// A count with the digits its sum lost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Compensated {
    pub(super) sum: f64,
    pub(super) compensation: f64,
}

impl Count for Compensated {
    fn plus(self, other: Compensated) -> Compensated {
        let (sum, compensation) = kahan_add(other.sum, self.sum, self.compensation);
        let (sum, compensation) = kahan_add(other.compensation, sum, compensation);
        Compensated { sum, compensation }
    }

    fn negated(self) -> Compensated {
        Compensated { sum: -self.sum, compensation: -self.compensation }
    }

    fn is_zero(self) -> bool {
        self.sum == 0.0 && self.compensation == 0.0
    }

    fn started_again(self, start: Compensated) -> Compensated {
        Compensated { sum: start.sum, compensation: self.compensation }
    }
}

/// One side of a histogram. Spans may come from strangers: they can promise more or fewer buckets than there are.
#[derive(Clone, Debug)]
pub(super) struct Runs<'a, C: Clone> {
    pub(super) spans: Cow<'a, [Span]>,
    pub(super) counts: Cow<'a, [C]>,
}

impl<'a, C: Count> Runs<'a, C> {
    pub(super) fn borrowed(spans: &'a [Span], counts: &'a [C]) -> Runs<'a, C> {
        Runs { spans: Cow::Borrowed(spans), counts: Cow::Borrowed(counts) }
    }

    /// Index and count of every bucket, in order. Never more than there are counts, whatever the spans say.
    pub(super) fn cells(&self) -> impl Iterator<Item = (i64, C)> + '_ {
        let counts = self.counts.iter();
        counts.zip(indexes(&self.spans)).map(|(count, index)| (index, *count))
    }

    /// Both sides in one; equal indexes are added up.
    pub(super) fn merged(
        left: impl Iterator<Item = (i64, C)>,
        right: impl Iterator<Item = (i64, C)>,
    ) -> Runs<'static, C> {
        let (mut left, mut right) = (left.peekable(), right.peekable());
        let mut builder = Builder::default();
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some((a, x)), Some((b, y))) if a == b => {
                    let sum = (*a, x.plus(*y));
                    left.next();
                    right.next();
                    Some(sum)
                }
                (Some((a, _)), Some((b, _))) if a < b => left.next(),
                (Some(_), None) => left.next(),
                _ => right.next(),
            };
            match next {
                Some((index, count)) => builder.push(index, count),
                None => return builder.runs(),
            }
        }
    }
}

/// The index of every bucket that `spans` announce, in order. Lazy: a span of four billion buckets costs nothing.
pub(super) fn indexes(spans: &[Span]) -> impl Iterator<Item = i64> + '_ {
    let mut end = 0i64;
    spans.iter().flat_map(move |span| {
        let start = end + i64::from(span.offset);
        end = start + i64::from(span.length);
        start..end
    })
}

/// The indexes of the first `limit` buckets, last one first.
pub(super) fn indexes_backwards(spans: &[Span], limit: usize) -> impl Iterator<Item = i64> + '_ {
    // So many spans count, the last of them with its first buckets only; `end` is one after the last of those.
    let (mut used, mut of_last, mut end, mut left) = (0, 0, 0i64, limit as u64);
    for span in spans {
        if left == 0 {
            break;
        }
        of_last = u64::from(span.length).min(left) as i64;
        left -= of_last as u64;
        end += i64::from(span.offset) + of_last;
        used += 1;
    }
    spans[..used].iter().rev().enumerate().flat_map(move |(i, span)| {
        let start = end - if i == 0 { of_last } else { i64::from(span.length) };
        let range = start..end;
        end = start - i64::from(span.offset);
        range.rev()
    })
}

/// Merges neighbouring buckets that fall into one bucket of a schema lower by `shift`.
pub(super) fn folded<C: Count>(cells: impl Iterator<Item = (i64, C)>, shift: u32) -> impl Iterator<Item = (i64, C)> {
    let mut cells = cells.map(move |(index, count)| (folded_index(index, shift), count)).peekable();
    std::iter::from_fn(move || {
        let (index, mut sum) = cells.next()?;
        while let Some((_, count)) = cells.next_if(|(next, _)| *next == index) {
            sum = sum.plus(count);
        }
        Some((index, sum))
    })
}

/// The bucket that bucket `index` falls into in a schema lower by `shift`.
pub(super) fn folded_index(index: i64, shift: u32) -> i64 {
    ((index - 1) >> shift.min(63)) + 1
}

/// Lays out spans for buckets that come one by one.
pub(super) struct Builder<C> {
    spans: Vec<Span>,
    counts: Vec<C>,
    end: i64,
}

impl<C> Default for Builder<C> {
    fn default() -> Builder<C> {
        Builder { spans: Vec::new(), counts: Vec::new(), end: 0 }
    }
}

impl<C: Count> Builder<C> {
    /// The next bucket.
    pub(super) fn push(&mut self, index: i64, count: C) {
        match self.spans.last_mut() {
            Some(span) if index == self.end && span.length < u32::MAX => span.length += 1,
            _ => self.spans.push(Span { offset: clamped(index - self.end), length: 1 }),
        }
        self.end = index + 1;
        self.counts.push(count);
    }

    /// Where the bucket after the last one would be; 0 at the beginning.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Whether no bucket came yet.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(super) fn runs(self) -> Runs<'static, C> {
        Runs { spans: Cow::Owned(self.spans), counts: Cow::Owned(self.counts) }
    }
}

fn clamped(offset: i64) -> i32 {
    offset.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32
}
