//! YAML as a tree with places: the first document of a text, scalars as they are written.
//!
//! Rule files are read by Go's yaml.v3 everywhere else; [`decode`] takes what it takes and says what it says.

pub(crate) mod decode;

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span};

/// Most nodes of a document, those behind aliases counted each time.
const MOST_NODES: usize = 2_000_000;

/// One node.
#[derive(Debug)]
pub(crate) struct Node {
    /// Line, from 1.
    pub(crate) line: usize,
    /// Column in characters, from 1.
    pub(crate) column: usize,
    pub(crate) kind: Kind,
    /// Nodes in it, itself included.
    weight: usize,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A scalar and whether it stands without quotes.
    Scalar(String, bool),
    List(Vec<Arc<Node>>),
    Map(Vec<(Arc<Node>, Arc<Node>)>),
}

/// A document and whether another one follows.
pub(crate) struct Document {
    /// `None` for an empty text.
    pub(crate) root: Option<Arc<Node>>,
    pub(crate) more: bool,
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// Whether it stands for nothing.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(text, true) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// Reads the first document. The error is what Go's parser puts in front of its messages, and our message.
pub(crate) fn parse(text: &str) -> Result<Document, String> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    let mut root = None;
    while let Some(event) = parser.next_event() {
        // Whatever follows the first document is not read.
        let (event, span) = match event {
            Ok(event) => event,
            Err(_) if root.is_some() => return Ok(Document { root, more: true }),
            Err(e) => return Err(format!("yaml: line {}: {}", e.marker().line(), e.info())),
        };
        match event {
            Event::DocumentStart(..) if root.is_some() => return Ok(Document { root, more: true }),
            Event::DocumentEnd => root = builder.root.take(),
            event => builder.take(event, span)?,
        }
    }
    Ok(Document { root, more: false })
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    root: Option<Arc<Node>>,
}

/// A list or map that is still being read.
struct Open {
    line: usize,
    column: usize,
    anchor: usize,
    kind: Kind,
    key: Option<Arc<Node>>,
    weight: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let open = |anchor, kind| Open { line, column, anchor, kind, key: None, weight: 1 };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let kind = Kind::Scalar(text.into_owned(), plain);
                self.done(Node { line, column, kind, weight: 1 }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(open(anchor, Kind::List(Vec::new())));
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.open.push(open(anchor, Kind::Map(Vec::new())));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { line, column, anchor, kind, weight, .. }) => {
                    let kind = match kind {
                        Kind::Map(pairs) => Kind::Map(merged(pairs)),
                        other => other,
                    };
                    self.done(Node { line, column, kind, weight }, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.put(node),
                None => Err(format!("yaml: line {line}: anchor contains itself")),
            },
            _ => Ok(()),
        }
    }

    fn done(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        let node = Arc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        self.put(node)
    }

    fn put(&mut self, node: Arc<Node>) -> Result<(), String> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        parent.weight += node.weight;
        if parent.weight > MOST_NODES {
            return Err(format!("yaml: line {}: document contains more than {MOST_NODES} nodes", node.line));
        }
        match &mut parent.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(pairs) => match parent.key.take() {
                Some(key) => pairs.push((key, node)),
                None => parent.key = Some(node),
            },
            Kind::Scalar(..) => {}
        }
        Ok(())
    }
}

/// Maps behind `<<` lend the keys that are not there.
fn merged(pairs: Vec<(Arc<Node>, Arc<Node>)>) -> Vec<(Arc<Node>, Arc<Node>)> {
    let is_merge = |key: &Node| matches!(&key.kind, Kind::Scalar(text, true) if text == "<<");
    if !pairs.iter().any(|(key, _)| is_merge(key)) {
        return pairs;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(key, _)| is_merge(key));
    let mut lend = |source: &Node| {
        let Kind::Map(lent) = &source.kind else { return };
        for (key, value) in lent {
            if !own.iter().any(|(k, _)| k.scalar() == key.scalar()) {
                own.push((Arc::clone(key), Arc::clone(value)));
            }
        }
    };
    for (_, source) in merges {
        match &source.kind {
            Kind::List(sources) => sources.iter().for_each(|source| lend(source)),
            _ => lend(&source),
        }
    }
    own
}
