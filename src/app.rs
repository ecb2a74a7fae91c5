//! What all requests share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use nightjar_model::TimestampMs;
use nightjar_model::regex::Regex;
use nightjar_platform::Clock;
use nightjar_query::{AnswerCache, Engine, Features, MaxSourceResolution, MemoryPool, ParserOptions};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};

pub use crate::alerting::carrier::ALERTMANAGER_VERSION;
use crate::alerting::service::Alerting;
use crate::config::Config;
use crate::execution::Execution;
use crate::exposition::Exposition;
use crate::ingest::Ingest;
use crate::memory::MemoryGuard;
use crate::metrics::Metrics;
use crate::queries::Queries;
use crate::rules;
use crate::rules::service::Rules;
use crate::rules::written::Written;
use crate::store::StoreSlot;

/// The version of Prometheus whose API this server speaks.
pub const PROMETHEUS_VERSION: &str = "3.14.0";

/// Our own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What stays the same while the server runs.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Prefix of all routes: empty, or `/path` without a slash at the end.
    pub route_prefix: String,
    /// Path under which people reach this server; for links.
    pub external_path: String,
    /// Whether `/-/reload` and `/-/quit` work.
    pub enable_lifecycle: bool,
    /// Whether the admin API works.
    pub enable_admin_api: bool,
    /// Origins that may read the API; `None` = all.
    pub cors_origin: Option<Arc<Regex>>,
    /// Title of pages.
    pub page_title: String,
    /// Largest write request, compressed and decompressed.
    pub max_write_bytes: usize,
    /// Grammar beyond the stable language.
    pub parser: ParserOptions,
    /// Feature switches of the language.
    pub features: Features,
    /// Whether `stats=all` counts per step.
    pub per_step_stats: bool,
    /// Which downsampled samples queries may read that say nothing of it.
    pub max_source_resolution: MaxSourceResolution,
    /// All flags as text.
    pub flags: BTreeMap<String, String>,
    /// Where the data lies.
    pub data_directory: PathBuf,
    /// Retention as people read it.
    pub retention: String,
}

/// What an operator asks of the running server.
#[derive(Debug)]
pub enum Control {
    /// Read the configuration again; the answer tells what is wrong with it.
    Reload(oneshot::Sender<Result<(), String>>),
    /// Put the rules into force again, under the configuration that is in force; the answer tells what is wrong.
    ReloadRules(oneshot::Sender<Result<(), String>>),
    /// End.
    Quit,
    /// End, because of this.
    Failed(String),
}

/// The configuration in force and how loading went.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The configuration in force.
    pub config: Arc<Config>,
    /// Whether the last attempt to load succeeded.
    pub successful: bool,
    /// When the configuration in force was loaded.
    pub at: TimestampMs,
}

/// What all requests share.
pub struct App {
    /// What stays the same while the server runs.
    pub settings: Settings,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// When the server started.
    pub started: TimestampMs,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Storage, once open.
    pub store: StoreSlot,
    /// Places for queries.
    pub execution: Execution,
    /// Which queries run, and which ran.
    pub queries: Arc<Queries>,
    /// Memory for queries.
    pub query_memory: Arc<MemoryPool>,
    /// Answers of range queries.
    pub query_cache: Arc<AnswerCache>,
    /// Whether there is memory for writes.
    pub memory: MemoryGuard,
    /// Threads for writes.
    pub ingest: Ingest,
    /// Answers PromQL; replaced on reload.
    pub engine: RwLock<Arc<Engine>>,
    /// Rule groups.
    pub rules: Arc<Rules>,
    /// Rule groups written through the API, if that is on.
    pub written: Option<Arc<Mutex<Written>>>,
    /// The Alertmanager inside.
    pub alerting: Arc<Alerting>,
    /// The configuration; replaced on reload.
    pub loaded: RwLock<Loaded>,
    /// The way to the one who runs the server.
    pub control: mpsc::Sender<Control>,
}

impl App {
    /// The engine in force.
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine.read())
    }

    /// Everything there is to know about this server, for `/metrics`.
    pub fn exposition(&self) -> String {
        let mut out = Exposition::new();
        build_info(&mut out);
        process(&mut out);
        self.metrics.expose(&mut out, self.execution.limits().max_concurrency);
        self.queries(&mut out);
        let loaded = self.loaded.read().clone();
        out.gauge(
            "prometheus_config_last_reload_successful",
            "Whether the last attempt to load the configuration succeeded.",
            f64::from(u8::from(loaded.successful)),
        );
        out.gauge(
            "prometheus_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was loaded.",
            loaded.at as f64 / 1000.0,
        );
        out.gauge("nightjar_memory_limit_bytes", "Memory for everything; 0 = no limit.", self.memory.limit() as f64);
        let help = "Writes told to come back because memory was short.";
        out.counter("nightjar_memory_refused_writes_total", help, self.memory.refused() as f64);
        rules::metrics::expose(&self.rules.view(), &mut out);
        self.rules.expose(&mut out);
        if let Some(store) = self.store.get() {
            store.expose(&mut out);
        }
        out.into_text()
    }
}

impl App {
    fn queries(&self, out: &mut Exposition) {
        let (memory, queries) = (&self.query_memory, &self.queries);
        out.gauge("nightjar_query_memory_held_bytes", "Memory queries have reserved.", memory.held() as f64);
        let limits = [
            ("nightjar_query_memory_limit_bytes", memory.total()),
            ("nightjar_query_memory_per_query_limit_bytes", memory.per_query()),
        ];
        for (name, bytes) in limits {
            let bytes = if bytes == u64::MAX { f64::INFINITY } else { bytes as f64 };
            out.gauge(name, "Most memory queries may reserve.", bytes);
        }
        let counters = [
            (
                "nightjar_queries_refused_memory_total",
                "Queries refused or stopped for want of memory.",
                memory.refused(),
            ),
            ("nightjar_queries_canceled_total", "Queries stopped by an operator.", queries.canceled.get()),
            (
                "prometheus_engine_query_log_failures_total",
                "Lines that could not be written to the query log.",
                queries.log_failures.get(),
            ),
        ];
        for (name, help, count) in counters {
            out.counter(name, help, count as f64);
        }
        let cache = self.query_cache.figures();
        let counters = [
            ("nightjar_query_cache_hits_total", "Range queries of which a part was kept from before.", cache.hits),
            ("nightjar_query_cache_misses_total", "Range queries of which a part might have been kept.", cache.misses),
            ("nightjar_query_cache_steps_total", "Steps of range queries that were not evaluated again.", cache.steps),
        ];
        for (name, help, count) in counters {
            out.counter(name, help, count as f64);
        }
        out.gauge("nightjar_query_cache_bytes", "Memory kept answers take.", cache.bytes as f64);
        out.gauge("nightjar_query_cache_answers", "Answers kept.", cache.answers as f64);
        let logs = f64::from(u8::from(queries.logs()));
        out.gauge("prometheus_engine_query_log_enabled", "Whether there is a query log.", logs);
    }
}

/// What this server is.
pub fn build_info(out: &mut Exposition) {
    let versions = [
        ("nightjar_build_info", "This server.", VERSION),
        ("prometheus_build_info", "The Prometheus whose API this server speaks.", PROMETHEUS_VERSION),
        ("alertmanager_build_info", "The Alertmanager whose API this server speaks.", ALERTMANAGER_VERSION),
    ];
    for (name, help, version) in versions {
        out.family(name, "gauge", help);
        out.sample(name, &[("branch", ""), ("goversion", ""), ("revision", ""), ("version", version)], 1.0);
    }
}

/// What the system knows of this process.
pub fn process(out: &mut Exposition) {
    let Ok(usage) = nightjar_platform::process::usage() else { return };
    out.counter("process_cpu_seconds_total", "CPU time in user and system mode.", usage.cpu_seconds);
    let gauges = [
        ("process_resident_memory_bytes", "Memory in RAM.", usage.resident_bytes as f64),
        ("process_virtual_memory_bytes", "Address space.", usage.virtual_bytes as f64),
        ("process_start_time_seconds", "When the process started.", usage.start_time_seconds),
        ("process_open_fds", "Open file descriptors.", usage.open_fds as f64),
        ("process_max_fds", "Most file descriptors it may open.", usage.max_fds as f64),
        ("process_threads", "Threads.", usage.threads as f64),
    ];
    for (name, help, value) in gauges {
        out.gauge(name, help, value);
    }
}
