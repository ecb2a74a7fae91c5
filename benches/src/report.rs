//! The answers as one table, with the machine they were found on.

use crate::server::Kind;

/// Figures by question and server.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(String, Vec<(String, String)>)>,
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
