//! The state of alerts on disk, shared by the threads that evaluate.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nightjar_platform::RealDisk;
use nightjar_ruler::{SavedState, StateChange, StateLog};
use parking_lot::Mutex;

use crate::exposition::Exposition;

/// Where it lies below the data directory.
const DIRECTORY: &str = "rules";

/// The state of alerts on disk.
#[derive(Default)]
pub struct Keeping {
    log: Mutex<Option<StateLog<RealDisk>>>,
    failing: AtomicBool,
    failures: AtomicU64,
}

impl Keeping {
    /// Opens it below the data directory; answers what was there. Rules work without it, too: after a restart they
    /// then know only what series tell.
    pub fn open(data: &Path) -> (Keeping, SavedState) {
        let opened = RealDisk::new(data).and_then(|disk| StateLog::open(disk, Path::new(DIRECTORY)));
        match opened {
            Ok((log, found)) => {
                if found.damaged > 0 {
                    let (places, path) = (found.damaged, data.join(DIRECTORY));
                    tracing::error!(places, path = %path.display(), "state of alerts is damaged; the file was set aside");
                }
                (Keeping { log: Mutex::new(Some(log)), ..Keeping::default() }, found.state)
            }
            Err(error) => {
                let path = data.join(DIRECTORY);
                tracing::error!(%error, path = %path.display(), "cannot keep the state of alerts; a restart will reset them");
                (Keeping::default(), SavedState::default())
            }
        }
    }

    /// Writes what changed; answers whether it is written.
    pub fn keep(&self, change: &StateChange) -> bool {
        let mut log = self.log.lock();
        let Some(log) = log.as_mut() else { return true };
        match log.keep(change) {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the state of alerts is written again");
                }
                true
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "cannot write the state of alerts; it is tried again at each evaluation");
                }
                false
            }
        }
    }

    /// Writes its own metrics.
    pub fn expose(&self, out: &mut Exposition) {
        let help = "How often the state of alerts could not be written to disk.";
        out.counter("nightjar_rule_state_write_failures_total", help, self.failures.load(Ordering::Relaxed) as f64);
    }
}
