//! What to measure and how much of it.

use std::path::PathBuf;

use crate::Outcome;

pub(crate) const USAGE: &str = "\
usage: nightjar-benches <question>... [options]

questions:
  decode     nanoseconds per sample of our own decoders, no server
  ingest     samples per CPU-second, remote write 1.0 and 2.0
  disk       bytes per sample on disk
  query      CPU per query over two hours of data, just written
  sealed     the same over data that was packed into blocks
  promql     CPU of the 43 expressions of Prometheus' own range query benchmark
  regex      CPU of regular expressions over a million label values
  memory     how far careless queries drive memory
  rules      CPU and lateness of 10,000 rules, and 10,000 alerts through a restart
  restart    memory per active series, and kill -9 to ready
  exporters  bytes per sample on disk, recording by recording
  pressure   a million series that come and go, in a control group of 1 GiB
  interference  what queries notice of half a day that comes in and is packed
  alerts     100,000 alerts in the router, beside Debian's Alertmanager
  all        the first five

options:
  --quick              a smaller load: about a minute
  --server NAME        only this server (repeatable): nightjar, prometheus, victoria-metrics
  --nightjar PATH      our binary (default: beside this one)
  --capture PATH       recorded scrapes (default: ../shared/capture/node.txt.zst)
  --connections N      parallel senders (default 8)
  --batch N            samples per request (default 2000)
  --rate N             samples per second to send in ingest (default: as many as are taken)
  --series N           active series for ingest (default about 100000), restart, rules and pressure (default 1000000)
  --shuffle            in ingest, series come in another order in every scrape
  --churn N            in ingest, N percent of the hosts are replaced every minute (pressure: 10)
  --keep               keep the data directories";

pub(crate) struct Options {
    pub(crate) questions: Vec<String>,
    pub(crate) quick: bool,
    pub(crate) servers: Vec<String>,
    pub(crate) nightjar: Option<PathBuf>,
    pub(crate) capture: PathBuf,
    pub(crate) connections: usize,
    pub(crate) batch: usize,
    pub(crate) rate: Option<usize>,
    pub(crate) series: usize,
    /// Whether `series` was asked for.
    pub(crate) sized: bool,
    pub(crate) order: Order,
    pub(crate) keep: bool,
}

/// In what order series come, and how long they live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    /// Another order in every scrape.
    pub(crate) shuffle: bool,
    /// Percent of the hosts replaced every minute.
    pub(crate) churn: usize,
}

const QUESTIONS: [&str; 14] = [
    "decode",
    "ingest",
    "disk",
    "query",
    "restart",
    "sealed",
    "promql",
    "regex",
    "memory",
    "rules",
    "exporters",
    "pressure",
    "interference",
    "alerts",
];
const SERVERS: [&str; 3] = ["nightjar", "prometheus", "victoria-metrics"];

impl Options {
    /// Reads arguments; `None`: help is wanted.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Outcome<Option<Options>> {
        let mut options = Options {
            questions: Vec::new(),
            quick: false,
            servers: Vec::new(),
            nightjar: None,
            capture: concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/capture/node.txt.zst").into(),
            connections: 8,
            batch: 2000,
            rate: None,
            series: 0,
            sized: false,
            order: Order::default(),
            keep: false,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "-h" | "--help" | "help" => return Ok(None),
                "--quick" => options.quick = true,
                "--keep" => options.keep = true,
                "--server" => options.servers.push(known(&SERVERS, value()?)?),
                "--nightjar" => options.nightjar = Some(value()?.into()),
                "--capture" => options.capture = value()?.into(),
                "--connections" => options.connections = number(&value()?)?,
                "--batch" => options.batch = number(&value()?)?,
                "--rate" => options.rate = Some(number(&value()?)?),
                "--series" => options.series = number(&value()?)?,
                "--shuffle" => options.order.shuffle = true,
                "--churn" => options.order.churn = number(&value()?)?,
                "all" => options.questions = QUESTIONS[..5].iter().map(|q| (*q).to_owned()).collect(),
                _ => options.questions.push(known(&QUESTIONS, arg)?),
            }
        }
        options.sized = options.series > 0;
        if !options.sized {
            options.series = if options.quick { 200_000 } else { 1_000_000 };
        }
        if options.servers.is_empty() {
            options.servers = SERVERS.map(str::to_owned).to_vec();
        }
        Ok((!options.questions.is_empty()).then_some(options))
    }
}

fn known(names: &[&str], name: String) -> Outcome<String> {
    if names.contains(&name.as_str()) { Ok(name) } else { Err(format!("{name:?} is not one of {}", names.join(", "))) }
}

fn number(text: &str) -> Outcome<usize> {
    text.parse().ok().filter(|n| *n > 0).ok_or(format!("{text:?} is not a positive number"))
}
