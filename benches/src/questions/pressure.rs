//! Whether a server survives a million series of which a tenth is replaced every minute, in a control group of one
//! gibibyte. Needs root and the memory controller.

use std::path::{Path, PathBuf};

use nightjar_remote_write::Protocol;

use crate::Outcome;
use crate::bench::Bench;
use crate::fleet::Fleet;
use crate::load::send;
use crate::options::Order;
use crate::report::{Report, grouped};
use crate::server::{Kind, Server};

const LIMIT: u64 = 1 << 30;
/// Five minutes at 15 s.
const SCRAPES: usize = 20;
const CHURN: usize = 10;

pub(crate) fn measure(bench: &Bench<'_>, kind: &Kind, report: &mut Report) -> Outcome<()> {
    let group = Group::create(&format!("nightjar-benches-{}", std::process::id()))?;
    let hosts = bench.options.series.div_ceil(bench.capture.series.len());
    let fleet = Fleet::new(&bench.capture, hosts, bench.pick(SCRAPES / 4, SCRAPES), bench.now);
    let churn = if bench.options.order.churn == 0 { CHURN } else { bench.options.order.churn };
    let fleet = fleet.ordered(Order { churn, shuffle: false });
    let (server, _) = bench.fresh_within(kind, "pressure", Some((LIMIT, &group.path)))?;
    let (mut most, mut refused, mut sent, mut outcome) = (0, 0, 0, Ok(()));
    for scrape in 0..fleet.scrapes() {
        let load = fleet.load(Protocol::V1, bench.options.connections, bench.options.batch, scrape..scrape + 1)?;
        // A sender repeats what was refused.
        for _ in 0..60 {
            match send(&load, server.port, Protocol::V1) {
                Ok(done) if done.refused == 0 => {
                    sent += load.samples;
                    break;
                }
                Ok(done) => refused += done.refused,
                Err(problem) => outcome = Err(problem),
            }
            if outcome.is_err() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        most = most.max(server.usage().map_or(0, |usage| usage.resident_bytes));
    }
    let survived = outcome.is_ok() && answers(&server);
    let mut add = |row: &str, figure| report.add(&format!("1 GiB, series replaced: {row}"), &kind.name, figure);
    add("survived", if survived { "yes".to_owned() } else { "no".to_owned() });
    add("killed for memory", group.kills());
    add("samples taken in", grouped(sent as f64));
    add("requests told to come back", grouped(refused as f64));
    add("most RSS, MiB", grouped((most >> 20) as f64));
    Ok(())
}

fn answers(server: &Server) -> bool {
    server.number("vector(1)", 1_000).is_ok_and(|answer| answer == Some(1.0))
}

/// A control group; gone when dropped.
struct Group {
    path: PathBuf,
}

impl Group {
    fn create(name: &str) -> Outcome<Group> {
        let (root, file) = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
            .into_iter()
            .find(|(root, _)| Path::new(root).join("cgroup.procs").exists())
            .ok_or("there is no memory controller")?;
        let path = Path::new(root).join(name);
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}; this needs root", path.display()))?;
        let group = Group { path };
        let limit = group.path.join(file);
        std::fs::write(&limit, LIMIT.to_string()).map_err(|e| format!("{}: {e}", limit.display()))?;
        Ok(group)
    }

    /// How many processes were killed because there was no memory left.
    fn kills(&self) -> String {
        let text = ["memory.oom_control", "memory.events"].map(|file| std::fs::read_to_string(self.path.join(file)));
        let lines = text.into_iter().flatten().collect::<String>();
        let kills = lines.lines().find_map(|line| line.strip_prefix("oom_kill "));
        kills.unwrap_or("?").trim().to_owned()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}
