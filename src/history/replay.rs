//! What alerting rules would have done.

use std::collections::BTreeMap;
use std::io::{self, Write};

use nightjar_model::duration::format_duration_ms;
use nightjar_ruler::replay::{Firing, replay};

use super::{Task, shown};
use crate::safe_text::escaped;

/// Replays all groups and tells what came of it.
pub(super) fn run(task: &Task) -> Result<(), String> {
    let mut out = io::stdout().lock();
    let (mut firings, mut failures) = (Vec::new(), BTreeMap::new());
    let mut rules = Vec::new();
    for group in &task.groups {
        let name = format!("replaying {}", group.name);
        let replayed = replay(group, &task.settings, &task.remote, task.stretch, &mut |at| task.progress(&name, at))?;
        firings.extend(replayed.firings);
        failures.extend(replayed.failures);
        rules.extend(group.rules.iter().filter(|rule| rule.alerting.is_some()).map(|rule| rule.name.clone()));
    }
    task.progressed();
    firings.sort_by_key(|firing| firing.from);
    let text = report(task, &rules, &firings, &failures);
    match out.write_all(text.as_bytes()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => return Err(e.to_string()),
        _ => {}
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(format!("{} rules could not be evaluated", failures.len())),
    }
}

/// How long a firing lasted; one that goes on, up to the end.
fn lasted(task: &Task, firing: &Firing) -> i64 {
    firing.to.unwrap_or(task.stretch.end) - firing.from
}

fn report(task: &Task, rules: &[String], firings: &[Firing], failures: &BTreeMap<String, String>) -> String {
    let mut text = format!("{} to {}\n", shown(task.stretch.start), shown(task.stretch.end));
    for firing in firings {
        let duration = format_duration_ms(lasted(task, firing));
        let end = if firing.to.is_some() { "" } else { ", still firing" };
        text += &format!("{}  {duration}{end}  {}\n", shown(firing.from), escaped(&firing.labels.to_string()));
    }
    text.push('\n');
    let mut seen = BTreeMap::new();
    for rule in rules {
        let of = |f: &&Firing| f.labels.get("alertname") == Some(rule);
        let mine: Vec<&Firing> = firings.iter().filter(of).collect();
        let whole: i64 = mine.iter().map(|firing| lasted(task, firing)).sum();
        let longest = mine.iter().map(|firing| lasted(task, firing)).max().unwrap_or(0);
        let line = match (failures.get(rule), mine.len()) {
            (Some(reason), _) => format!("{rule}: failed: {}", escaped(reason)),
            (None, 0) => format!("{rule}: never"),
            (None, times) => format!(
                "{rule}: {times} {}, {} in all, longest {}",
                if times == 1 { "page" } else { "pages" },
                format_duration_ms(whole),
                format_duration_ms(longest)
            ),
        };
        // Rules of one name are told once: their alerts cannot be told apart.
        if seen.insert(rule.as_str(), ()).is_none() {
            text += &format!("{line}\n");
        }
    }
    text
}
