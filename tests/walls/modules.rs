//! The import graph of the top-level modules of a crate, read from the text of its sources.

use std::collections::{BTreeMap, BTreeSet};

use super::sources;

/// Module -> modules it imports.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The graph of one crate. The crate root is not a module: it may mention everyone.
pub fn graph(krate: &str) -> Graph {
    let files = sources::sources(krate);
    let module = |path: &str| {
        let inner = path.rsplit_once("src/").map_or(path, |(_, inner)| inner);
        inner.split(['/', '.']).next().unwrap_or_default().to_owned()
    };
    let names: BTreeSet<String> = files.iter().map(|(p, _)| module(p)).collect();
    let mut graph = Graph::new();
    for (path, text) in &files {
        let from = module(path);
        if from == "lib" || from == "main" {
            continue;
        }
        let to = graph.entry(from.clone()).or_default();
        for line in production(text) {
            for (at, _) in line.match_indices("crate::") {
                to.extend(
                    mentioned(&line[at + "crate::".len()..]).into_iter().filter(|m| names.contains(m) && *m != from),
                );
            }
        }
    }
    graph
}

/// Lines before the inline test module, without comments.
fn production(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|l| l.trim() != "#[cfg(test)]").filter(|l| !l.trim_start().starts_with("//"))
}

/// `a::b` -> a; `{a::b, c}` -> a, c.
fn mentioned(rest: &str) -> Vec<String> {
    let word =
        |s: &str| s.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned();
    match rest.strip_prefix('{') {
        Some(list) => {
            let mut depth = 0;
            let flat: String = list
                .chars()
                .filter(|c| {
                    depth += i32::from(*c == '{') - i32::from(*c == '}');
                    depth == 0
                })
                .collect();
            flat.split(',').map(word).collect()
        }
        None => vec![word(rest)],
    }
}

/// Some cycle, as a path that ends where it began.
pub fn cycle(graph: &Graph) -> Option<Vec<String>> {
    fn visit(at: &str, graph: &Graph, path: &mut Vec<String>, done: &mut BTreeSet<String>) -> Option<Vec<String>> {
        if let Some(i) = path.iter().position(|p| p == at) {
            return Some(path[i..].iter().cloned().chain([at.to_owned()]).collect());
        }
        if done.contains(at) {
            return None;
        }
        path.push(at.to_owned());
        for next in graph.get(at).into_iter().flatten() {
            if let Some(cycle) = visit(next, graph, path, done) {
                return Some(cycle);
            }
        }
        path.pop();
        done.insert(at.to_owned());
        None
    }
    let mut done = BTreeSet::new();
    graph.keys().find_map(|start| visit(start, graph, &mut Vec::new(), &mut done))
}

#[test]
fn a_planted_cycle_is_found() {
    let edge = |to: &[&str]| to.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
    let mut graph = Graph::from([("a".into(), edge(&["b"])), ("b".into(), edge(&["c"])), ("c".into(), edge(&[]))]);
    assert_eq!(cycle(&graph), None);
    graph.insert("c".into(), edge(&["a"]));
    assert_eq!(cycle(&graph).map(|c| c.join(" ")), Some("a b c a".into()));
    assert_eq!(mentioned("{labels::Labels, time::{A, B}, x}"), ["labels", "time", "x"]);
}
