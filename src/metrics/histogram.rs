//! Observations in classic buckets.

use crate::exposition::Exposition;

/// Upper bounds of durations in seconds that Go's client library suggests, without the last, infinity.
pub const GO_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Observations in classic buckets.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Upper bounds, inclusive and growing; above the last is one more bucket.
    bounds: &'static [f64],
    counts: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// Nothing observed. `bounds` are inclusive upper bounds, growing, without infinity.
    pub fn new(bounds: &'static [f64]) -> Histogram {
        Histogram { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// Counts one observation.
    pub fn observe(&mut self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
    }

    /// Takes in the observations of another one with the same bounds.
    pub fn add(&mut self, other: &Histogram) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.sum += other.sum;
    }

    /// How many observations.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Writes buckets, sum and count of one child of a family.
    pub fn expose(&self, out: &mut Exposition, name: &str, labels: &[(&str, &str)]) {
        let bucket = format!("{name}_bucket");
        let mut cumulative = 0;
        for (bound, count) in self.bounds.iter().chain([&f64::INFINITY]).zip(&self.counts) {
            cumulative += count;
            let le = nightjar_model::number::format_g(*bound);
            out.sample(&bucket, &[labels, &[("le", le.as_str())]].concat(), cumulative as f64);
        }
        out.sample(&format!("{name}_sum"), labels, self.sum);
        out.sample(&format!("{name}_count"), labels, cumulative as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive() {
        let mut one = Histogram::new(&[1.0, 2.0]);
        [0.5, 1.0, 1.5, 9.0].into_iter().for_each(|value| one.observe(value));
        let mut both = one.clone();
        both.add(&one);
        let mut out = Exposition::new();
        both.expose(&mut out, "x", &[("a", "b")]);
        let lines = [
            r#"x_bucket{a="b",le="1"} 4"#,
            r#"x_bucket{a="b",le="2"} 6"#,
            r#"x_bucket{a="b",le="+Inf"} 8"#,
            r#"x_sum{a="b"} 24"#,
            r#"x_count{a="b"} 8"#,
        ];
        assert_eq!(out.into_text().lines().collect::<Vec<_>>(), lines);
        assert_eq!(both.count(), 8);
    }
}
