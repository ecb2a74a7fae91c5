//! YAML text to a tree that remembers where everything stood.
//!
//! Scalars keep their text: `channel: 007` is the text `007` for a setting that wants text. Sizes and depth are bounded.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::error::{ConfigError, Position};

/// How deep a document may nest.
const MAX_DEPTH: usize = 100;
/// How many nodes a document may have once its aliases are expanded.
const MAX_NODES: usize = 1_000_000;
/// The same for a text that does not come from the operator.
const FOREIGN_NODES: usize = 20_000;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    /// Text; `plain` when it was written without quotes, so that it may be a number or a truth value.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// What the value is, for complaints.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Scalar { .. } => "a scalar",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
        }
    }
}

/// Reads the first document of a text; an empty text is null.
pub(crate) fn read(text: &str) -> Result<Node, ConfigError> {
    Reader::new(text, MAX_NODES).first()
}

/// Reads a text of a stranger: with fewer nodes, and nothing may follow the value.
pub(crate) fn read_foreign(text: &str) -> Result<Node, ConfigError> {
    let mut reader = Reader::new(text, FOREIGN_NODES);
    let node = reader.first()?;
    loop {
        match reader.next()? {
            (Event::DocumentEnd, _) => {}
            (Event::StreamEnd, _) => return Ok(node),
            (_, span) => return Err(ConfigError::new("yaml: something follows the value").at(position(&span))),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    most_nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, most_nodes: usize) -> Reader<'a> {
        Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0, most_nodes }
    }

    fn first(&mut self) -> Result<Node, ConfigError> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd | Event::DocumentEnd, span) => {
                    return Ok(Node { at: position(&span), kind: Kind::Null });
                }
                (event, span) => return self.node(event, &span, 0),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), ConfigError> {
        loop {
            return match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => continue,
                Some(Ok(next)) => Ok(next),
                Some(Err(error)) => {
                    let marker = error.marker();
                    let at = Position { line: marker.line() as u32, column: marker.col() as u32 + 1 };
                    Err(ConfigError::new(format!("yaml: {}", error.info())).at(at))
                }
                None => Err(ConfigError::new("yaml: the text ends in the middle of a value")),
            };
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, ConfigError> {
        let at = position(span);
        let before = self.nodes;
        self.count(1, at)?;
        if depth > MAX_DEPTH {
            return Err(ConfigError::new(format!("yaml: nested deeper than {MAX_DEPTH} levels")).at(at));
        }
        let (kind, anchor) = match event {
            Event::Alias(id) => {
                let (node, nodes) = self
                    .anchors
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| ConfigError::new("yaml: an alias refers to the value it stands in").at(at))?;
                self.count(nodes, at)?;
                return Ok(node);
            }
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let null = plain && matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                (if null { Kind::Null } else { Kind::Scalar { text: text.into_owned(), plain } }, anchor)
            }
            Event::SequenceStart(_, anchor, _) => (self.list(depth)?, anchor),
            Event::MappingStart(_, anchor, _) => (self.map(depth)?, anchor),
            _ => return Err(ConfigError::new("yaml: unexpected end of a value").at(at)),
        };
        let node = Node { at, kind };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before));
        }
        Ok(node)
    }

    fn count(&mut self, nodes: usize, at: Position) -> Result<(), ConfigError> {
        self.nodes += nodes;
        match self.nodes > self.most_nodes {
            true => Err(ConfigError::new(format!("yaml: more than {} values", self.most_nodes)).at(at)),
            false => Ok(()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Kind, ConfigError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Kind::List(items)),
                (event, span) => items.push(self.node(event, &span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, ConfigError> {
        let (mut entries, mut merged): (Vec<(Node, Node)>, Vec<Node>) = (Vec::new(), Vec::new());
        let mut seen = std::collections::HashSet::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => break,
                (event, span) => self.node(event, &span, depth + 1)?,
            };
            let (event, span) = self.next()?;
            let value = self.node(event, &span, depth + 1)?;
            if matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<") {
                merged.push(value);
                continue;
            }
            if let Some(name) = key.text()
                && !seen.insert(name.to_owned())
            {
                return Err(ConfigError::new(format!("key {name:?} already set in map")).at(key.at));
            }
            entries.push((key, value));
        }
        for source in merged {
            merge(&mut entries, source)?;
        }
        Ok(Kind::Map(entries))
    }
}

/// `<<`: entries of other maps that this one does not set itself.
fn merge(entries: &mut Vec<(Node, Node)>, source: Node) -> Result<(), ConfigError> {
    match source.kind {
        Kind::Map(more) => {
            for (key, value) in more {
                if !entries.iter().any(|(known, _)| known.text() == key.text()) {
                    entries.push((key, value));
                }
            }
            Ok(())
        }
        Kind::List(sources) => sources.into_iter().try_for_each(|source| match source.kind {
            Kind::Map(_) => merge(entries, source),
            _ => Err(ConfigError::new("map merge requires map or sequence of maps as the value").at(source.at)),
        }),
        _ => Err(ConfigError::new("map merge requires map or sequence of maps as the value").at(source.at)),
    }
}

fn position(span: &Span) -> Position {
    Position { line: span.start.line() as u32, column: span.start.col() as u32 + 1 }
}
