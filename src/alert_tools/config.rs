//! `nightjar config`.

use nightjar_alertmanager::config::Config;
use nightjar_alertmanager::matcher::MatcherMode;
use nightjar_alertmanager::route::RouteTree;
use nightjar_model::Labels;
use serde_json::Value;

use super::arguments::{ConfigCommand, ConfigKind, RoutesKind};
use super::server::ask;
use super::words;
use crate::files;
use crate::safe_text::escaped;

/// Answers what is to be printed.
pub(super) fn run(command: &ConfigCommand) -> Result<String, String> {
    match &command.kind {
        ConfigKind::Show => match &command.config_file {
            Some(_) => read(command).map(|config| config.shown().to_owned()),
            None => served(command),
        },
        ConfigKind::Routes { kind: None | Some(RoutesKind::Show) } => {
            let tree = RouteTree::new(&read(command)?.route);
            let mut out = String::from("Routing tree:\n");
            show(&tree, 0, 0, &mut out);
            Ok(out)
        }
        ConfigKind::Routes { kind: Some(RoutesKind::Test { labels, verify }) } => {
            test(&RouteTree::new(&read(command)?.route), labels, verify.as_deref())
        }
    }
}

fn served(command: &ConfigCommand) -> Result<String, String> {
    let status = ask(&command.server, "GET", "/api/v2/status", None)?;
    match &status["config"]["original"] {
        Value::String(text) => Ok(text.clone()),
        _ => Err("the answer is not understood; is this an Alertmanager API?".to_owned()),
    }
}

fn read(command: &ConfigCommand) -> Result<Config, String> {
    let (name, text) = match &command.config_file {
        Some(path) => {
            let text = files::read_text(path, 16 << 20).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            (path.display().to_string(), text)
        }
        // Secrets are hidden, and what stands for them must still be an address where one is needed.
        None => (command.server.server.clone(), served(command)?.replace(" <secret>\n", " http://secret.invalid/\n")),
    };
    Config::parse(&text, MatcherMode::Fallback).map_err(|error| format!("{name}: {error}"))
}

fn show(tree: &RouteTree, index: usize, depth: usize, out: &mut String) {
    let route = tree.get(index);
    let matchers = if route.matchers.is_empty() { "default-route".to_owned() } else { route.matchers.to_string() };
    let more = if route.continues() { "  continue: true" } else { "" };
    let line = format!("{matchers}{more}  receiver: {}", route.receiver);
    *out += &format!("{}└── {}\n", "    ".repeat(depth), escaped(&line));
    route.children().iter().for_each(|child| show(tree, *child, depth + 1, out));
}

fn test(tree: &RouteTree, labels: &[String], verify: Option<&str>) -> Result<String, String> {
    let labels = words::labels(labels).map_err(|e| format!("Failed to parse labels: {e}"))?;
    let labels = Labels::from_pairs(labels.iter().map(|(n, v)| (n.as_str(), v.as_str().unwrap_or(""))));
    let found: Vec<&str> = tree.matches(&labels).into_iter().map(|i| tree.get(i).receiver.as_str()).collect();
    let found = found.join(",");
    match verify {
        Some(wanted) if wanted != found => {
            Err(format!("WARNING: Expected receivers did not match resolved receivers.\n{found}"))
        }
        _ => Ok(format!("{found}\n")),
    }
}
