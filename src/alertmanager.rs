//! `nightjar alertmanager`: the router alone, in the place of an Alertmanager.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nightjar_alertmanager::machine::Options;
use nightjar_alertmanager::matcher::MatcherMode;
use nightjar_platform::entropy::{Entropy, RealEntropy};
use nightjar_platform::net::{Net, RealNet};
use nightjar_platform::{Clock, RealClock};

use crate::alerting::carrier::Network;
use crate::alerting::load::Source;
use crate::alerting::peers::{Member, PeerOptions, Peers};
use crate::alerting::service::{Alerting, StartOptions};
use crate::app::VERSION;
use crate::flags::AlertmanagerCommand;
use crate::http;
use crate::log;
use crate::metrics::Metrics;
use crate::server::{self, Patience, Server, ServerLimits};
use crate::signals::{Asked, Signals};

/// How long running requests may finish when the server ends.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until a signal ends it.
pub fn run(command: AlertmanagerCommand) -> Result<(), String> {
    let clock = Arc::new(RealClock::new());
    log::start(&command.log, Arc::clone(&clock) as _);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| format!("cannot start threads: {e}"))?;
    let outcome = runtime.block_on(serve(command, clock));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve(command: AlertmanagerCommand, clock: Arc<RealClock>) -> Result<(), String> {
    tracing::info!(version = VERSION, "Starting the router of alerts");
    let given = command.without_effect.given();
    if !given.is_empty() {
        tracing::warn!(flags = given.join(" "), "these flags have no effect here");
    }
    let (external_url, prefix) = urls(&command)?;
    let mut listeners = Vec::new();
    for address in &command.listen_addresses {
        let failed = |e| format!("cannot listen on {address}: {e}; --web.listen-address chooses another address");
        listeners.push(server::bind(address).await.map_err(failed)?);
    }
    let addresses: Vec<_> = listeners.iter().filter_map(|l| l.local_addr().ok()).collect();
    let mut signals = Signals::new().map_err(|e| format!("cannot wait for signals: {e}"))?;
    let alerting = start(&command, external_url, clock)?;
    let metrics = Arc::new(Metrics::default());
    let patience =
        Patience { head: Duration::from_secs(10), rest: Duration::from_secs(300), write: Duration::from_secs(60) };
    let limits = ServerLimits { max_connections: 4096, patience };
    let cluster = join(&command, &alerting, limits, &metrics).await?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let get_concurrency = if command.get_concurrency == 0 { cores.max(8) } else { command.get_concurrency };
    let options = http::AloneOptions { prefix, get_concurrency, timeout: command.timeout };
    let router = http::alone(&alerting, &options, &metrics);
    let server = Server::start(listeners, router, limits, metrics);
    for address in addresses {
        tracing::info!(address = %address, "Listening on");
    }
    loop {
        match signals.next().await {
            Asked::Reload => reload(&alerting).await,
            Asked::Stop(name) => {
                tracing::info!(signal = name, "stopping");
                break;
            }
        }
    }
    if !server.shutdown(GRACE).await {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
    if let Some(cluster) = cluster {
        cluster.shutdown(Duration::ZERO).await;
    }
    let _ = tokio::task::spawn_blocking(move || alerting.stop()).await;
    tracing::info!("stopped");
    Ok(())
}

/// Listens for other instances and talks to those that are known; `None` when this one shall be alone.
async fn join(
    command: &AlertmanagerCommand,
    alerting: &Arc<Alerting>,
    limits: ServerLimits,
    metrics: &Arc<Metrics>,
) -> Result<Option<Server>, String> {
    let flags = &command.cluster;
    if flags.listen_address.is_empty() {
        return Ok(None);
    }
    let address = &flags.listen_address;
    let failed =
        |e| format!("cannot listen on {address}: {e}; --cluster.listen-address= (empty) runs one instance alone");
    let listener = server::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let advertised = flags.advertise_address.clone().unwrap_or_else(|| advertised(bound));
    let name = flags.peer_name.clone().unwrap_or_else(made_up_name);
    let options = PeerOptions {
        own: Member { name, address: advertised },
        peers: flags.peers.clone(),
        peer_timeout: flags.peer_timeout,
        full_interval: flags.pushpull_interval,
        settle_timeout: flags.settle_timeout,
    };
    alerting.join(Arc::new(Peers::new(options, alerting.clock(), log::abort_on_panic())));
    Ok(Some(Server::start(vec![listener], http::peers(alerting), limits, Arc::clone(metrics))))
}

/// The address others reach a listener at.
fn advertised(bound: SocketAddr) -> String {
    if !bound.ip().is_unspecified() {
        return bound.to_string();
    }
    let found = RealNet.resolve(&nightjar_platform::process::host_name(), bound.port()).unwrap_or_default();
    let found = found.into_iter().find(|address| !address.ip().is_loopback());
    found.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], bound.port()))).to_string()
}

fn made_up_name() -> String {
    format!("{:016X}{:010X}", RealEntropy.next_u64(), RealEntropy.next_u64() >> 24)
}

async fn reload(alerting: &Arc<Alerting>) {
    let own = Arc::clone(alerting);
    match tokio::task::spawn_blocking(move || own.reload()).await {
        Ok(Ok(())) => tracing::info!("Completed loading of configuration file"),
        Ok(Err(error)) => tracing::error!(error, "Loading configuration file failed; the old one stays in force"),
        Err(_) => {}
    }
}

fn start(command: &AlertmanagerCommand, external_url: String, clock: Arc<dyn Clock>) -> Result<Arc<Alerting>, String> {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 8);
    Alerting::start(StartOptions {
        source: Source { path: Some(command.config_file.clone()), external_url, mode: mode(&command.enable_feature)? },
        directory: command.storage_path.clone(),
        directory_flag: "--storage.path",
        max_silence_bytes: command.max_silence_size_bytes,
        options: Options {
            max_silences: command.max_silences,
            retention_ms: ms(command.retention),
            start_delay_ms: ms(command.start_delay),
            strict_mutes: command.strict_mutes,
            ..Options::default()
        },
        carrier: Arc::new(Network::new(command.destinations.guard(), Arc::clone(&clock))),
        clock,
        on_panic: log::abort_on_panic(),
    })
}

/// Features that are always on here, or concern parts this server does not have.
const WITHOUT_EFFECT: [&str; 5] =
    ["alert-names-in-metrics", "auto-gomemlimit", "event-recorder", "group-key-in-metrics", "receiver-name-in-metrics"];

fn mode(features: &[String]) -> Result<MatcherMode, String> {
    let mut mode = MatcherMode::Fallback;
    for feature in features.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        mode = match (feature, mode) {
            ("classic-mode", MatcherMode::Utf8Strict) | ("utf8-strict-mode", MatcherMode::Classic) => {
                return Err("classic-mode and utf8-strict-mode cannot be enabled together".to_owned());
            }
            ("classic-mode", _) => MatcherMode::Classic,
            ("utf8-strict-mode", _) => MatcherMode::Utf8Strict,
            (name, mode) if WITHOUT_EFFECT.contains(&name) => mode,
            (name, _) => return Err(format!("Unknown option {name:?} for --enable-feature")),
        };
    }
    Ok(mode)
}

/// The URL for links and the prefix of routes: empty, or `/path` without a slash at the end.
fn urls(command: &AlertmanagerCommand) -> Result<(String, String), String> {
    let external = match command.external_url.as_deref().unwrap_or("") {
        "" => {
            let address = command.listen_addresses.first().map_or(":9093", String::as_str);
            let port = address.rsplit_once(':').map_or("9093", |(_, port)| port);
            format!("http://{}:{port}", nightjar_platform::process::host_name())
        }
        url => url.trim_end_matches('/').to_owned(),
    };
    let rest = external.strip_prefix("http://").or_else(|| external.strip_prefix("https://"));
    let rest = rest
        .filter(|rest| !rest.is_empty())
        .ok_or_else(|| format!("--web.external-url={external:?} is not a URL; write http://host/path"))?;
    let path = rest.split_once('/').map_or("", |(_, path)| path).to_owned();
    let prefix = command.route_prefix.clone().unwrap_or(path);
    let prefix = prefix.trim_matches('/');
    if prefix.contains(['{', '}', '*', '?', '#']) {
        return Err(format!("--web.route-prefix={prefix:?} is not a path"));
    }
    Ok((external.clone(), if prefix.is_empty() { String::new() } else { format!("/{prefix}") }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::{Command, parse};

    fn command(args: &[&str]) -> AlertmanagerCommand {
        let (cli, _) = parse([&["nightjar", "alertmanager"], args].concat()).unwrap();
        match cli.command {
            Some(Command::Alertmanager(command)) => *command,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_flags_of_the_acceptance_suites() {
        let line = "--config.file f --log.level debug --web.listen-address 127.0.0.1:0 --storage.path d \
            --cluster.listen-address 127.0.0.1:0 --cluster.settle-timeout 0s --enable-feature classic-mode \
            --web.route-prefix /foo --dispatch.start-delay 5s --cluster.peer=a:1 --cluster.peer=b:2 --web.ui-path=x";
        let command = command(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(command.cluster.peers, ["a:1", "b:2"]);
        assert_eq!(mode(&command.enable_feature), Ok(MatcherMode::Classic));
        assert_eq!(urls(&command).unwrap().1, "/foo");
        assert_eq!(command.start_delay, Duration::from_secs(5));
    }

    #[test]
    fn addresses() {
        let table: [(&[&str], &str, &str); 3] = [
            (&["--web.external-url=https://x.org/am/"], "https://x.org/am", "/am"),
            (&["--web.external-url=http://x/am", "--web.route-prefix=/"], "http://x/am", ""),
            (&["--web.external-url=http://x"], "http://x", ""),
        ];
        for (args, external, prefix) in table {
            assert_eq!(urls(&command(args)), Ok((external.to_owned(), prefix.to_owned())), "{args:?}");
        }
        assert!(urls(&command(&["--web.external-url=ftp://x"])).is_err());
        assert!(mode(&["classic-mode".to_owned(), "utf8-strict-mode".to_owned()]).is_err());
    }
}
