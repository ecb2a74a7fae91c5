//! `nightjar silence`, `nightjar alert`, `nightjar config` and `nightjar check alertmanager`: what amtool does, without it.

mod alert;
pub mod arguments;
pub mod check;
mod config;
mod server;
mod silence;
mod words;

use std::io::Write;

use arguments::{AlertCommand, ConfigCommand, SilenceCommand};

/// Runs `nightjar silence`.
pub fn silence(command: &SilenceCommand) -> Result<(), String> {
    silence::run(command).and_then(|text| print(&text))
}

/// Runs `nightjar alert`.
pub fn alert(command: &AlertCommand) -> Result<(), String> {
    alert::run(command).and_then(|text| print(&text))
}

/// Runs `nightjar config`.
pub fn config(command: &ConfigCommand) -> Result<(), String> {
    config::run(command).and_then(|text| print(&text))
}

fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        // The reader (`head`, a pager) has seen enough.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| e.to_string()),
    }
}

/// Rows of cells as aligned columns.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    use unicode_width::UnicodeWidthStr;
    let rows: Vec<Vec<String>> = std::iter::once(head.iter().map(|cell| (*cell).to_owned()).collect())
        .chain(rows.iter().map(|row| row.iter().map(|cell| crate::safe_text::escaped(cell)).collect()))
        .collect();
    let width = |i: usize| rows.iter().map(|row: &Vec<String>| row[i].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cell = |(cell, width): (&String, &usize)| format!("{cell}{}", " ".repeat(width - cell.width()));
        let cells: Vec<String> = row.iter().zip(&widths).map(cell).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
