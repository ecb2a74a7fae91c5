//! Durations as a summary: quantiles over the last ones, sum and count over all.

use std::collections::VecDeque;
use std::time::Duration;

use crate::exposition::Exposition;

/// How many durations quantiles look at.
const KEPT: usize = 1024;

/// Durations.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    last: VecDeque<f64>,
    sum_seconds: f64,
    count: u64,
}

impl Recent {
    /// Counts one duration.
    pub fn observe(&mut self, duration: Duration) {
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(duration.as_secs_f64());
        self.sum_seconds += duration.as_secs_f64();
        self.count += 1;
    }

    /// Writes it as a summary.
    pub fn expose(&self, out: &mut Exposition, name: &str, help: &str, quantiles: &[f64]) {
        let mut sorted: Vec<f64> = self.last.iter().copied().collect();
        sorted.sort_by(f64::total_cmp);
        out.family(name, "summary", help);
        for quantile in quantiles {
            let rank = (quantile * sorted.len() as f64).ceil() as usize;
            let value = sorted.get(rank.saturating_sub(1)).map_or(f64::NAN, |v| *v);
            out.sample(name, &[("quantile", &quantile.to_string())], value);
        }
        out.sample(&format!("{name}_sum"), &[], self.sum_seconds);
        out.sample(&format!("{name}_count"), &[], self.count as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary() {
        let mut recent = Recent::default();
        (1..=4).for_each(|s| recent.observe(Duration::from_secs(s)));
        let mut out = Exposition::new();
        recent.expose(&mut out, "x", "X.", &[0.5, 0.99]);
        let lines = ["# HELP x X.", "# TYPE x summary", "x{quantile=\"0.5\"} 2", "x{quantile=\"0.99\"} 4", "x_sum 10"];
        assert!(out.into_text().starts_with(&lines.join("\n")));
    }
}
