//! The answers as one table, with the machine they were found on.

use crate::server::Kind;

/// Figures by question and server.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(String, Vec<(String, String)>)>,
    answers: Vec<(String, String, Vec<f64>)>,
}

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
