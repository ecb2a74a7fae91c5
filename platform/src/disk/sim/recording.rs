//! Every place where the power could have been cut, from one run of a workload.

use super::ledger::{Crash, Ledger, Op};
use super::tree::Tree;
use crate::entropy::SplitMix;

/// All steps of a workload since it began to be recorded.
#[derive(Clone, Debug)]
pub struct Recording {
    pub(super) start: Ledger,
    pub(super) ops: Vec<Op>,
}

/// When and how the power was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// Number of steps done before.
    pub steps: usize,
    /// What became of unsynced changes.
    pub crash: Crash,
    /// The last mark before, usually what was acknowledged by then.
    pub mark: Option<u64>,
}

impl Recording {
    /// Number of recorded steps.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// What a power cut may have left: see [`Recording::crashes`].
    pub(super) fn images(&self, limit: usize, seed: u64) -> impl Iterator<Item = (CrashPoint, Tree)> + '_ {
        const WAYS: usize = 5;
        let points = (self.ops.len() + 1) * WAYS;
        let stride = points.div_ceil(limit.max(1));
        let mut rng = SplitMix::new(seed);
        let mut ledger = self.start.clone();
        let (mut done, mut mark) = (0, None);
        (0..points).step_by(stride).map(move |point| {
            let (steps, way) = (point / WAYS, (point + point / stride / WAYS) % WAYS);
            for op in &self.ops[done..steps] {
                ledger.record(op);
                if let Op::Mark(value) = op {
                    mark = Some(*value);
                }
            }
            done = steps;
            let crash = match way {
                0 => Crash::LoseUnsynced,
                1 => Crash::KeepAll,
                2 => Crash::Torn { seed: rng.next_u64() },
                _ => Crash::Random { seed: rng.next_u64() },
            };
            (CrashPoint { steps, crash, mark }, ledger.crash(crash))
        })
    }
}
