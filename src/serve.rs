//! The server: from flags to a running process and back to a closed directory.

mod settings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nightjar_platform::{Clock, Thread, spawn_background};
use nightjar_query::{AnswerCache, Engine, EngineOptions, MemoryPool};
use nightjar_ruler::file::ReadOptions;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;

use crate::alerting;
use crate::alerting::carrier::Network;
use crate::alerting::service::{Alerting, StartOptions};
use crate::app::{App, Control, Loaded, VERSION};
use crate::config::{self, Config};
use crate::execution::{Execution, Limits};
use crate::features::features;
use crate::flags::ServeFlags;
use crate::http;
use crate::ingest::{Ingest, IngestLimits};
use crate::log;
use crate::memory::{MemoryGuard, TooLow};
use crate::metrics::Metrics;
use crate::queries::Queries;
use crate::rules;
use crate::rules::destinations::Destinations;
use crate::rules::keeping::Keeping;
use crate::rules::senders::Senders;
use crate::rules::service::{Rules, Workplace};
use crate::rules::written::Written;
use crate::server::{self, Patience, Server, ServerLimits};
use crate::signals;
use crate::store::{Phase, Store, StoreOptions, StoreSlot};

/// How long running requests may finish when the server ends.
const GRACE: Duration = Duration::from_secs(5);

/// How often storage looks after itself.
const MAINTENANCE: Duration = Duration::from_secs(5);

/// So much of the data is read again each time, to find damage before a query does: 34 GB a day at most.
const SCRUB_BYTES: u64 = 2 << 20;

/// The configuration read when no flag names one, if it exists.
const DEFAULT_CONFIG: &str = "prometheus.yml";

/// The same for the Alertmanager inside.
const DEFAULT_ALERTMANAGER_CONFIG: &str = "alertmanager.yml";

/// Opens storage, telling the slot how far it got. The error is one sentence with the path and the remedy.
pub type OpenStore = Box<dyn FnOnce(StoreOptions, &StoreSlot) -> Result<Arc<dyn Store>, String> + Send>;

/// What the server is made of besides itself.
pub struct Parts {
    /// Opens storage.
    pub open_store: OpenStore,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Serves until a signal, `/-/quit` or a fatal error.
pub fn run(flags: ServeFlags, listing: BTreeMap<String, String>, parts: Parts) -> Result<(), String> {
    log::start(&flags.log, Arc::clone(&parts.clock));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("cannot start threads: {e}"))?;
    let outcome = runtime.block_on(async {
        let running = Running::start(flags, listing, parts).await?;
        running.until_stopped().await
    });
    // A store that is still being opened is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// A running server.
pub struct Running {
    /// What all requests share.
    pub app: Arc<App>,
    /// Where it listens.
    pub addresses: Vec<SocketAddr>,
    server: Server,
    flags: ServeFlags,
    /// The configuration file as it was read last, and a fingerprint of the rule files.
    content: (Option<String>, u64),
    control: mpsc::Receiver<Control>,
}

impl Running {
    /// Starts listening, and opening storage behind it.
    pub async fn start(flags: ServeFlags, listing: BTreeMap<String, String>, parts: Parts) -> Result<Running, String> {
        let config = load_config(&flags)?;
        let rules = load_rules(&config, &flags)?;
        let (sender, control) = mpsc::channel(16);
        let app = Arc::new(app(&flags, listing, config, &parts, sender)?);
        app.rules.replace(rules, &*app.clock);
        announce(&app, &flags);
        let mut listeners = Vec::new();
        for address in &flags.listen_addresses {
            let failed = |e| format!("cannot listen on {address}: {e}; --web.listen-address chooses another address");
            listeners.push(server::bind(address).await.map_err(failed)?);
        }
        let addresses: Vec<_> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
        let limits = ServerLimits {
            max_connections: flags.max_connections as usize,
            patience: Patience {
                head: Duration::from_secs(10).min(flags.read_timeout),
                rest: flags.read_timeout,
                write: Duration::from_secs(60),
            },
        };
        let server = Server::start(listeners, http::router(Arc::clone(&app)), limits, Arc::clone(&app.metrics));
        for address in &addresses {
            tracing::info!(version = VERSION, address = format!("http://{address}"), "listening");
        }
        open_behind(&app, &flags, parts.open_store);
        tokio::spawn(maintain(Arc::clone(&app)));
        tokio::spawn(compact(Arc::clone(&app)));
        let content = content(&app, &flags);
        Ok(Running { app, addresses, server, flags, content, control })
    }

    /// Runs until it is told to stop, then stops in good order.
    pub async fn until_stopped(mut self) -> Result<(), String> {
        let mut signals = signals::Signals::new().map_err(|e| format!("cannot wait for signals: {e}"))?;
        let mut auto_reload = tokio::time::interval(self.flags.auto_reload_interval.max(Duration::from_millis(100)));
        auto_reload.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let outcome = loop {
            tokio::select! {
                signal = signals.next() => match signal {
                    signals::Asked::Reload => { let _ = self.reload(); }
                    signals::Asked::Stop(name) => {
                        tracing::info!(signal = name, "stopping");
                        break Ok(());
                    }
                },
                asked = self.control.recv() => match asked {
                    Some(Control::Reload(done)) => { let _ = done.send(self.reload()); }
                    Some(Control::ReloadRules(done)) => { let _ = done.send(self.reload_rules()); }
                    Some(Control::Quit) | None => {
                        tracing::info!("stopping, as asked by /-/quit");
                        break Ok(());
                    }
                    Some(Control::Failed(sentence)) => break Err(sentence),
                },
                _ = auto_reload.tick(), if self.flags.auto_reload => self.reload_if_changed(),
            }
        };
        self.shutdown().await;
        outcome
    }

    /// Stops: no new requests, a few seconds for the running ones, then everything is written and closed.
    pub async fn shutdown(self) {
        self.app.store.stop();
        if !self.server.shutdown(GRACE).await {
            tracing::warn!("some requests did not finish in time and were cut off");
        }
        let app = self.app;
        let close = move || {
            app.rules.stop();
            app.ingest.close();
            if let Some(store) = app.store.get() {
                store.close();
            }
        };
        let _ = tokio::task::spawn_blocking(close).await;
        tracing::info!("stopped");
    }

    /// Reads the configuration again if it or a rule file is not what was read last.
    fn reload_if_changed(&mut self) {
        let content = content(&self.app, &self.flags);
        if content != self.content {
            let _ = self.reload();
            // With the rule files of the configuration that is in force now.
            self.content = (content.0, rules::load::fingerprint(&self.app.loaded.read().config));
        }
    }

    /// Reads the rule files of the configuration in force again.
    fn reload_rules(&self) -> Result<(), String> {
        let config = Arc::clone(&self.app.loaded.read().config);
        let rules = load_rules(&config, &self.flags)?;
        self.app.rules.replace(rules, &*self.app.clock);
        Ok(())
    }

    /// Reads the configuration again; keeps the old one when something is wrong.
    fn reload(&self) -> Result<(), String> {
        let routing = self.app.alerting.reload();
        if let Err(reason) = &routing {
            tracing::error!(
                error = reason,
                "the Alertmanager configuration was not reloaded; the old one stays in force"
            );
        }
        let loaded = load_config(&self.flags);
        let loaded = loaded.and_then(|config| {
            let rules = load_rules(&config, &self.flags)?;
            self.app.queries.log_to(query_log(&self.flags, &config))?;
            Ok((config, rules))
        });
        let outcome = match loaded {
            Ok((config, rules)) => {
                let (memory, cache) = (Arc::clone(&self.app.query_memory), Arc::clone(&self.app.query_cache));
                *self.app.engine.write() = Arc::new(engine(&self.flags, &config, memory, cache));
                self.app.rules.replace(rules, &*self.app.clock);
                report_ignored(&config);
                let at = self.app.clock.wall_ms();
                *self.app.loaded.write() = Loaded { config: Arc::new(config), successful: true, at };
                tracing::info!("configuration reloaded");
                Ok(())
            }
            Err(reason) => {
                self.app.loaded.write().successful = false;
                tracing::error!(error = reason, "the configuration was not reloaded; the old one stays in force");
                Err(reason)
            }
        };
        outcome.and(routing)
    }
}

/// What auto-reload looks at. A file that cannot be read is reported once: its content is "none".
fn content(app: &App, flags: &ServeFlags) -> (Option<String>, u64) {
    let rules = rules::load::fingerprint(&app.loaded.read().config);
    (config_path(flags).and_then(|path| config::content(&path).ok()), rules)
}

/// Lets storage look after itself until the server stops.
async fn maintain(app: Arc<App>) {
    while app.store.phase() != Phase::Stopping {
        tokio::time::sleep(MAINTENANCE).await;
        let app = Arc::clone(&app);
        let step = move || {
            if let (Phase::Ready, Some(store)) = (app.store.phase(), app.store.get()) {
                if app.memory.is_full() {
                    store.relieve();
                }
                if let Some(TooLow { used, needed }) = app.memory.too_low(app.clock.monotonic()) {
                    tracing::warn!(used, needed, "writes are still refused: --memory-limit is below what is needed");
                }
                store.maintain(app.clock.wall_ms());
            }
        };
        if tokio::task::spawn_blocking(step).await.is_err() {
            tracing::error!("looking after the data met a bug; the line above has details");
        }
    }
}

/// Lets storage make large blocks of small ones, and read them again, until the server stops.
async fn compact(app: Arc<App>) {
    while app.store.phase() != Phase::Stopping {
        tokio::time::sleep(MAINTENANCE).await;
        let app = Arc::clone(&app);
        let step = move || {
            let (Phase::Ready, Some(store)) = (app.store.phase(), app.store.get()) else { return };
            let store = Arc::clone(store);
            let thread = spawn_background("nightjar-compact", &log::abort_on_panic(), move || {
                store.scrub(SCRUB_BYTES);
                store.compact();
            });
            match thread.map(Thread::join) {
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "no thread for compaction; it is tried again"),
            }
        };
        // A panic of the thread has ended the process.
        let _ = tokio::task::spawn_blocking(step).await;
    }
}

fn config_path(flags: &ServeFlags) -> Option<PathBuf> {
    let default = || Some(PathBuf::from(DEFAULT_CONFIG)).filter(|path| path.is_file());
    flags.config_file.clone().or_else(default)
}

fn load_config(flags: &ServeFlags) -> Result<Config, String> {
    config_path(flags).map_or(Ok(Config::default()), |path| config::load(&path))
}

fn load_rules(config: &Config, flags: &ServeFlags) -> Result<rules::load::Loaded, String> {
    rules::load::load(config, &load_options(flags))
}

fn load_options(flags: &ServeFlags) -> rules::load::LoadOptions<'_> {
    rules::load::LoadOptions {
        flags: &flags.rules,
        features: features(flags.enable_feature.iter().map(String::as_str)).0,
        external_url: flags.external_url.as_deref(),
        written_below: flags.rules.api.then_some(&*flags.storage.path),
        listen_address: flags.listen_addresses.first().map_or("", String::as_str),
    }
}

fn report_ignored(config: &Config) {
    if config.ignored.is_empty() {
        return;
    }
    tracing::warn!(
        sections = config.ignored.join(", "),
        "these sections of the configuration have no effect here: this server is pushed to. \
         Let an agent scrape and send: remote_write: [{{url: \"http://<this host>:9090/api/v1/write\"}}]"
    );
}

fn announce(app: &App, flags: &ServeFlags) {
    let path = config_path(flags).unwrap_or_default();
    if !path.as_os_str().is_empty() {
        tracing::info!(path = %path.display(), "configuration loaded");
    }
    report_ignored(&app.loaded.read().config);
    if !flags.without_effect.is_empty() {
        tracing::warn!(flags = flags.without_effect.join(" "), "these flags have no effect here");
    }
    let (_, unknown) = features(flags.enable_feature.iter().map(String::as_str));
    for name in unknown {
        tracing::warn!(option = name, "Unknown option for --enable-feature");
    }
}

fn engine_options(flags: &ServeFlags, config: &Config) -> EngineOptions {
    EngineOptions {
        max_samples: flags.query.max_samples,
        lookback_ms: (flags.query.lookback_delta.as_millis() as i64).max(1),
        default_subquery_step_ms: (config.evaluation_interval.as_millis() as i64).max(1),
        features: features(flags.enable_feature.iter().map(String::as_str)).0,
    }
}

fn engine(flags: &ServeFlags, config: &Config, memory: Arc<MemoryPool>, cache: Arc<AnswerCache>) -> Engine {
    Engine::new(engine_options(flags, config)).with_memory(memory).with_cache(cache)
}

/// Where queries are logged; the file goes before the flag.
fn query_log<'a>(flags: &'a ServeFlags, config: &'a Config) -> Option<&'a Path> {
    config.query_log_file.as_deref().or(flags.query.log_file.as_deref())
}

fn app(
    flags: &ServeFlags,
    listing: BTreeMap<String, String>,
    config: Config,
    parts: &Parts,
    control: mpsc::Sender<Control>,
) -> Result<App, String> {
    let metrics = Arc::new(Metrics::default());
    let limits = Limits { max_concurrency: flags.query.max_concurrency as usize, timeout: flags.query.timeout };
    let memory_limit = settings::memory_limit(flags);
    let ingest = Ingest::start(IngestLimits::within(memory_limit), &log::abort_on_panic());
    let started = parts.clock.wall_ms();
    let query_memory = Arc::new(MemoryPool::new(flags.query.max_memory_per_query, flags.query.max_memory_total));
    let queries = Arc::new(Queries::new(Arc::clone(&parts.clock), flags.query.log_slower_than));
    queries.log_to(query_log(flags, &config))?;
    let query_cache = Arc::new(AnswerCache::new(flags.query.cache_size));
    let engine = engine(flags, &config, Arc::clone(&query_memory), Arc::clone(&query_cache));
    let alerting = start_alerting(flags, parts)?;
    Ok(App {
        settings: settings::settings(flags, listing, &config)?,
        clock: Arc::clone(&parts.clock),
        started,
        execution: Execution::new(limits, Arc::clone(&parts.clock), Arc::clone(&metrics)),
        metrics,
        store: StoreSlot::new(),
        rules: Arc::new(Rules::new(Destinations {
            embedded: Some(Arc::clone(&alerting) as _),
            senders: Senders::new(Arc::clone(&parts.clock), log::abort_on_panic()),
            relabel: Default::default(),
        })),
        alerting,
        memory: MemoryGuard::new(memory_limit),
        written: flags.rules.api.then(|| {
            let (features, _) = features(flags.enable_feature.iter().map(String::as_str));
            let read = ReadOptions { ignore_unknown_fields: false, parser: rules::arguments::grammar(features) };
            Arc::new(Mutex::new(Written::below(&flags.storage.path, read)))
        }),
        ingest: ingest.map_err(|e| format!("cannot start threads: {e}"))?,
        engine: RwLock::new(Arc::new(engine)),
        queries,
        query_memory,
        query_cache,
        loaded: RwLock::new(Loaded { config: Arc::new(config), successful: true, at: started }),
        control,
    })
}

/// Starts the Alertmanager inside.
fn start_alerting(flags: &ServeFlags, parts: &Parts) -> Result<Arc<Alerting>, String> {
    let default = || Some(PathBuf::from(DEFAULT_ALERTMANAGER_CONFIG)).filter(|path| path.is_file());
    let path = flags.alertmanager.config_file.clone().or_else(default);
    if let Some(path) = &path {
        tracing::info!(path = %path.display(), "Alertmanager configuration loaded");
    }
    let external_url = rules::load::external_url(&load_options(flags));
    let source = alerting::load::Source { path, external_url, mode: Default::default() };
    Alerting::start(StartOptions {
        source,
        directory: flags.storage.path.join("alertmanager"),
        directory_flag: "--storage.tsdb.path",
        max_silence_bytes: 0,
        options: Default::default(),
        clock: Arc::clone(&parts.clock),
        carrier: Arc::new(Network::new(flags.alertmanager.destinations.guard(), Arc::clone(&parts.clock))),
        on_panic: log::abort_on_panic(),
    })
}

/// Opens storage on a thread of its own; requests are answered 503 until it is done.
fn open_behind(app: &Arc<App>, flags: &ServeFlags, open: OpenStore) {
    let options = settings::storage(flags, &app.loaded.read().config);
    let data = options.path.clone();
    let app = Arc::clone(app);
    let (threads, timeout) = (flags.rules.max_concurrent_evals, flags.query.timeout);
    tokio::task::spawn_blocking(move || {
        let begin = app.clock.monotonic();
        let path = absolute(&options.path);
        match open(options, &app.store) {
            Ok(store) => {
                let overview = store.overview();
                app.store.open(Arc::clone(&store));
                if let Err(e) = start_rules(&app, store, &data, threads, timeout) {
                    let _ = app.control.blocking_send(Control::Failed(format!("cannot start threads: {e}")));
                }
                let took = format!("{:.3}s", app.clock.monotonic().saturating_sub(begin).as_secs_f64());
                tracing::info!(data = path, series = overview.series, took, "ready");
            }
            Err(sentence) => {
                let _ = app.control.blocking_send(Control::Failed(sentence));
            }
        }
    });
}

fn start_rules(
    app: &Arc<App>,
    store: Arc<dyn Store>,
    data: &Path,
    threads: u32,
    timeout: Duration,
) -> std::io::Result<()> {
    let (clock, engines, queries) = (Arc::clone(&app.clock), Arc::clone(app), Arc::clone(&app.queries));
    let (keeping, saved) = Keeping::open(data);
    let keeping = Arc::new(keeping);
    let work = Workplace { store, engine: Arc::new(move || engines.engine()), clock, timeout, keeping, queries };
    app.rules.start(work, saved, threads, &log::abort_on_panic())
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()).display().to_string()
}
