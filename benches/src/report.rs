//! The answers as one table, with the machine they were found on.

use crate::server::Kind;

/// Figures by question and server.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(String, Vec<(String, String)>)>,
    answers: Vec<(String, String, Vec<f64>)>,
    costs: Vec<Cost>,
}

/// What a question cost a server.
struct Cost {
    table: String,
    row: String,
    server: String,
    cpu_ms: f64,
}

/// Whose costs are held against the others'.
const OURS: &str = "nightjar";
/// CPU is counted in steps; a cost below this is taken for it.
const LEAST_MS: f64 = 0.01;

impl Report {
    /// Notes a figure and says it at once.
    pub(crate) fn add(&mut self, row: &str, server: &str, figure: String) {
        println!("  {server}: {row}: {figure}");
        let at = self.rows.iter().position(|(name, _)| name == row).unwrap_or_else(|| {
            self.rows.push((row.to_owned(), Vec::new()));
            self.rows.len() - 1
        });
        self.rows[at].1.push((server.to_owned(), figure));
    }

    /// Notes what a question cost; questions of one table are summed up together.
    pub(crate) fn cost(&mut self, table: &str, row: &str, server: &str, cpu_ms: f64, wall_ms: f64) {
        self.add(&format!("{row}, CPU ms (wall ms)"), server, format!("{cpu_ms:.2} ({wall_ms:.2})"));
        let (table, row, server) = (table.to_owned(), row.to_owned(), server.to_owned());
        self.costs.push(Cost { table, row, server, cpu_ms: cpu_ms.max(LEAST_MS) });
    }

    /// How much more CPU than ours each peer took: the geometric mean over the questions of a table that both
    /// answered, and the question that is worst for us.
    pub(crate) fn sum_up(&mut self) {
        let costs = std::mem::take(&mut self.costs);
        let mut tables: Vec<(&str, &str)> = costs.iter().map(|c| (c.table.as_str(), c.server.as_str())).collect();
        tables.retain(|(_, server)| *server != OURS);
        tables.sort_unstable();
        tables.dedup();
        for (table, peer) in tables {
            let ours = |row: &str| costs.iter().find(|c| c.server == OURS && c.table == table && c.row == row);
            let theirs = costs.iter().filter(|c| c.server == peer && c.table == table);
            let ratio = |c: &'_ Cost| ours(&c.row).map(|own| (c.cpu_ms / own.cpu_ms, c.row.clone()));
            let mut ratios: Vec<(f64, String)> = theirs.filter_map(ratio).collect();
            ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
            let Some((least, row)) = ratios.first() else { continue };
            let mean = (ratios.iter().map(|r| r.0.ln()).sum::<f64>() / ratios.len() as f64).exp();
            let figure = format!("{mean:.1} times ours over {} questions; least {least:.2} ({row})", ratios.len());
            self.add(&format!("{table}: CPU, geometric mean"), peer, figure);
        }
    }

    /// Notes an answer, to be held against Prometheus' in the end.
    pub(crate) fn compare(&mut self, row: &str, server: &str, answer: Vec<f64>) {
        self.answers.push((row.to_owned(), server.to_owned(), answer));
    }

    /// Says how far answers are from Prometheus'.
    pub(crate) fn judge(&mut self) {
        let answers = std::mem::take(&mut self.answers);
        for (row, server, answer) in &answers {
            let judge = answers.iter().find(|(r, s, _)| r == row && s == "prometheus");
            let verdict = judge.map_or("nobody to compare with".to_owned(), |(_, _, right)| distance(answer, right));
            self.add(row, server, verdict);
        }
    }

    /// A Markdown table.
    pub(crate) fn print(&self, servers: &[(Kind, String)]) {
        println!("\n{}\n", machine());
        let heads: Vec<String> = servers.iter().map(|(kind, version)| format!("{} {version}", kind.name)).collect();
        println!("| | {} |", heads.join(" | "));
        println!("|---|{}", "---|".repeat(heads.len()));
        for (row, figures) in &self.rows {
            let cell =
                |name: &String| figures.iter().find(|(n, _)| n == name).map_or("-", |(_, figure)| figure.as_str());
            let cells: Vec<&str> = servers.iter().map(|(kind, _)| cell(&kind.name)).collect();
            println!("| {row} | {} |", cells.join(" | "));
        }
    }
}

fn distance(answer: &[f64], right: &[f64]) -> String {
    if answer.len() != right.len() {
        return format!("{} values instead of {}", answer.len(), right.len());
    }
    let far =
        |(a, b): (&f64, &f64)| if a.to_bits() == b.to_bits() { 0.0 } else { (a - b).abs() / a.abs().max(b.abs()) };
    let most = answer.iter().zip(right).map(far).fold(0.0, f64::max);
    if most == 0.0 { format!("{} values, equal", answer.len()) } else { format!("off by up to {most:.0e}") }
}

/// The machine in a line.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model =
        cpuinfo.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(": ")).map_or("?", |p| p.1);
    let cores = cpuinfo.lines().filter(|l| l.starts_with("processor")).count();
    let meminfo = read("/proc/meminfo");
    let memory =
        meminfo.lines().next().and_then(|l| l.split_ascii_whitespace().nth(1)).and_then(|kb| kb.parse::<f64>().ok());
    let kernel = read("/proc/sys/kernel/osrelease");
    let profile = if cfg!(debug_assertions) { " - DEBUG BUILD, figures mean nothing" } else { "" };
    format!(
        "{cores} cores {model}, {:.0} GiB, Linux {}{profile}",
        memory.unwrap_or(0.0) / (1 << 20) as f64,
        kernel.trim()
    )
}

/// A large number with its thousands apart.
pub(crate) fn grouped(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}
