//! Elements of a group of which some are chosen.

/// An element that may be chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Its value; 0 for histograms.
    pub(crate) value: f64,
    /// Which series it is of.
    pub(crate) series: u32,
}

/// The chosen elements of one group at one step: a heap with the first to go on top. It is kept exactly as Go's
/// `container/heap` would, so that of equal elements the same ones are chosen, and come in the same order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heap {
    /// In the order of the heap.
    pub(crate) items: Vec<Candidate>,
}

/// Whether `a` goes before `b`.
pub(crate) type Less = fn(f64, f64) -> bool;

/// The least on top.
pub(crate) fn less_for_top(a: f64, b: f64) -> bool {
    a.is_nan() || a < b
}

/// The greatest on top.
pub(crate) fn less_for_bottom(a: f64, b: f64) -> bool {
    a.is_nan() || a > b
}

impl Heap {
    /// Adds an element.
    pub(crate) fn push(&mut self, item: Candidate, less: Less) {
        self.items.push(item);
        self.up(less);
    }

    /// Adds an element to a heap of at most `k`, from which another may go.
    pub(crate) fn offer(&mut self, item: Candidate, k: usize, less: Less) {
        if self.items.len() < k {
            return self.push(item, less);
        }
        let Some(top) = self.items.first_mut() else { return };
        if !item.value.is_nan() && less(top.value, item.value) {
            *top = item;
            self.down(less);
        }
    }

    fn up(&mut self, less: Less) {
        let mut j = self.items.len() - 1;
        while j > 0 {
            let i = (j - 1) / 2;
            if !less(self.items[j].value, self.items[i].value) {
                break;
            }
            self.items.swap(i, j);
            j = i;
        }
    }

    fn down(&mut self, less: Less) {
        let (n, mut i) = (self.items.len(), 0);
        loop {
            let left = 2 * i + 1;
            if left >= n {
                return;
            }
            let right = left + 1;
            let j = if right < n && less(self.items[right].value, self.items[left].value) { right } else { left };
            if !less(self.items[j].value, self.items[i].value) {
                return;
            }
            self.items.swap(i, j);
            i = j;
        }
    }

    /// Best first; NaN last.
    pub(crate) fn sort(&mut self, less: Less) {
        self.items.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
            (true, true) => std::cmp::Ordering::Equal,
            (true, false) => std::cmp::Ordering::Greater,
            (false, true) => std::cmp::Ordering::Less,
            (false, false) if less(b.value, a.value) => std::cmp::Ordering::Less,
            (false, false) if less(a.value, b.value) => std::cmp::Ordering::Greater,
            (false, false) => std::cmp::Ordering::Equal,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_chosen_last() {
        let mut heap = Heap::default();
        for (series, value) in [f64::NAN, 1.0, 3.0, f64::NAN, 2.0].into_iter().enumerate() {
            heap.offer(Candidate { value, series: series as u32 }, 3, less_for_top);
        }
        heap.sort(less_for_top);
        assert_eq!(heap.items.iter().map(|c| c.value).collect::<Vec<_>>(), [3.0, 2.0, 1.0]);
        let mut heap = Heap::default();
        for (series, value) in [f64::NAN, 1.0].into_iter().enumerate() {
            heap.offer(Candidate { value, series: series as u32 }, 2, less_for_bottom);
        }
        heap.sort(less_for_bottom);
        assert_eq!(heap.items.iter().map(|c| c.series).collect::<Vec<_>>(), [1, 0]);
    }
}
