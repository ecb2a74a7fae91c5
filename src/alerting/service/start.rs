//! The beginning: the directory, the log, the threads.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, OnceLock};

use nightjar_alertmanager::machine::Options;
use nightjar_alertmanager::router::Router;
use nightjar_platform::entropy::{Entropy, RealEntropy};
use nightjar_platform::{Clock, Disk, PanicPolicy, RealDisk, spawn};
use parking_lot::{Mutex, RwLock};

use super::{Alerting, now};
use crate::alerting::carrier::Carrier;
use crate::alerting::couriers::{Couriers, Work};
use crate::alerting::history::History;
use crate::alerting::import;
use crate::alerting::inbox::Inbox;
use crate::alerting::load::{Setup, Source};

/// Where the log lies below the storage directory.
const LOG_DIRECTORY: &str = "alerts";

/// Where history lies.
const HISTORY_DIRECTORY: &str = "history";

/// What the service is started with.
pub struct StartOptions {
    /// The configuration.
    pub source: Source,
    /// The directory of everything that is kept.
    pub directory: PathBuf,
    /// The flag that chooses it, for errors.
    pub directory_flag: &'static str,
    /// Largest silence, as JSON; 0 = no limit.
    pub max_silence_bytes: usize,
    /// How the router works; its seed is replaced.
    pub options: Options,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who carries messages.
    pub carrier: Arc<dyn Carrier>,
    /// What happens when a thread panics.
    pub on_panic: PanicPolicy,
}

impl Alerting {
    /// Opens the log and starts to route. The error is a sentence with the remedy.
    pub fn start(start: StartOptions) -> Result<Arc<Alerting>, String> {
        let StartOptions {
            source,
            directory,
            directory_flag: flag,
            max_silence_bytes,
            mut options,
            clock,
            carrier,
            on_panic,
        } = start;
        let setup = Arc::new(source.load()?);
        report_ignored(&setup);
        let place = directory.display().to_string();
        let failed =
            |e: io::Error| format!("cannot open the alert log in {place}: {e}; {flag} chooses another directory");
        let disk = RealDisk::new(&directory).map_err(failed)?;
        let lock = disk.lock(Path::new("alerts.lock")).map_err(failed)?;
        let lock = lock.ok_or_else(|| {
            format!("{place} is locked: another process uses it; stop it, or choose another directory with {flag}")
        })?;
        options.seed = RealEntropy.next_u64();
        options.mode = source.mode;
        let now = now(&*clock);
        let history = History::open(disk.clone(), PathBuf::from(HISTORY_DIRECTORY)).map_err(failed)?;
        let opened = Router::open(disk, Path::new(LOG_DIRECTORY), Arc::clone(&setup.config), options, now);
        let (mut router, opened) = opened.map_err(failed)?;
        if opened.records == 0 {
            import::import(&mut router, &directory, now)?;
            router.commit(now).map_err(failed)?;
        }
        if opened.damaged_frames > 0 {
            let damaged = opened.damaged_frames;
            tracing::error!(damaged, directory = place, "the alert log was damaged; what could be read is in force");
        }
        tracing::info!(records = opened.records, torn_bytes = opened.torn_bytes, directory = place, "alert log read");
        let (setup, inbox, counters) = (Arc::new(RwLock::new(setup)), Arc::new(Inbox::default()), Arc::default());
        let work = Work {
            setup: Arc::clone(&setup),
            carrier,
            clock: Arc::clone(&clock),
            counters: Arc::clone(&counters),
            inbox: Arc::clone(&inbox),
        };
        let alerting = Arc::new(Alerting {
            router: RwLock::new(router),
            inbox,
            setup,
            mode: source.mode,
            source,
            couriers: Arc::new(Couriers::new(work, on_panic.clone())),
            counters,
            thread: Mutex::default(),
            peers: OnceLock::new(),
            history,
            max_silence_bytes,
            started: now.wall_ms,
            loaded_at: AtomicI64::new(now.wall_ms),
            loaded: AtomicBool::new(true),
            durable: AtomicBool::new(true),
            clock,
            _lock: lock,
        });
        let own = Arc::clone(&alerting);
        let thread =
            spawn("alerting", &on_panic, move || own.run()).map_err(|e| format!("cannot start threads: {e}"))?;
        *alerting.thread.lock() = Some(thread);
        Ok(alerting)
    }
}

pub(super) fn report_ignored(setup: &Setup) {
    if !setup.config.ignored.is_empty() {
        let sections = setup.config.ignored.join(", ");
        tracing::warn!(sections, "these sections of the Alertmanager configuration have no effect here");
    }
}
