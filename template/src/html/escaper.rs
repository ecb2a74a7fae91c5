//! Finds the context of every action, through branches, loops and calls of templates.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::context::{Context, Delim, Element, Fault, Slash, State, UrlPart};
use super::edit::{Edit, Edits, apply, function_of, is_predefined};
use super::entity::unescape;
use super::js::is_script_type;
use super::markup::last_tag;
use super::transition::{find_any, shown, special_end, step};
use crate::error::{Error, Stage};
use crate::parse::{Action, Branch, Call, Node, Tree};
use crate::quote::quote;

/// Nodes looked at for one template. Loops inside loops are looked at twice each.
const MOST_STEPS: usize = 200_000;

/// Blocks and templates open at the same time.
const MOST_DEPTH: usize = 250;

/// The template `name` and all it calls, with escapers, by the names they then have.
pub(crate) fn escape<'a>(
    lookup: &'a dyn Fn(&str) -> Option<&'a Tree>,
    name: &str,
) -> Result<BTreeMap<Arc<str>, Arc<Tree>>, Error> {
    let mut steps = MOST_STEPS;
    let mut escaper = Escaper::new(lookup, &mut steps);
    let (context, _) = escaper.tree(Context::default(), name, None);
    let message = match context.fault {
        Some(fault) => fault.message(name),
        None if context.state != State::Text => {
            Fault::new(format!("ends in a non-text context: {context}")).message(name)
        }
        None => return Ok(escaper.finish()),
    };
    let stage = if steps == 0 { Stage::Limit } else { Stage::Escape };
    Err(Error::new(stage, message))
}

/// A break or continue: the context there, and where it stands.
struct Exit {
    context: Context,
    location: String,
    line: usize,
    word: &'static str,
}

type Exits = Vec<Exit>;

struct Escaper<'a, 's> {
    lookup: &'a dyn Fn(&str) -> Option<&'a Tree>,
    /// Where each copy of a template ends.
    output: HashMap<String, Context>,
    /// The template each copy is of.
    copies: HashMap<String, &'a Tree>,
    called: HashSet<String>,
    edits: Edits,
    loops: Vec<Exits>,
    /// The copy being escaped.
    name: String,
    tree: Option<&'a Tree>,
    depth: usize,
    steps: &'s mut usize,
}

impl<'a, 's> Escaper<'a, 's> {
    fn new(lookup: &'a dyn Fn(&str) -> Option<&'a Tree>, steps: &'s mut usize) -> Self {
        Self {
            lookup,
            output: HashMap::new(),
            copies: HashMap::new(),
            called: HashSet::new(),
            edits: Edits::new(),
            loops: Vec::new(),
            name: String::new(),
            tree: None,
            depth: 0,
            steps,
        }
    }

    fn finish(self) -> BTreeMap<Arc<str>, Arc<Tree>> {
        let copy =
            |(name, tree): (&String, &&Tree)| (Arc::from(name.as_str()), Arc::new(apply(name, tree, &self.edits)));
        self.copies.iter().map(copy).collect()
    }

    fn location(&self, pos: usize) -> String {
        self.tree.map(|tree| tree.location(pos)).unwrap_or_default()
    }

    fn edit(&mut self, pos: usize, edit: Edit) {
        self.edits.insert((self.name.clone(), pos), edit);
    }

    fn list(&mut self, mut context: Context, nodes: &'a [Node]) -> Context {
        for node in nodes {
            context = self.node(context, node);
            if context.state == State::Dead {
                break;
            }
        }
        context
    }

    fn node(&mut self, context: Context, node: &'a Node) -> Context {
        if *self.steps == 0 || self.depth >= MOST_DEPTH {
            *self.steps = 0;
            let what = format!("template takes more than {MOST_STEPS} steps or {MOST_DEPTH} levels to escape");
            return Context::error(Fault::at(self.location(node.pos()), what));
        }
        *self.steps -= 1;
        match node {
            Node::Text(text) => {
                let (context, edited) = literal(context, text.text.as_bytes());
                if let Some(edited) = edited {
                    self.edit(text.pos, Edit::Text(edited));
                }
                context
            }
            Node::Action(action) => self.action(context, node, action),
            Node::If(branch) => self.branch(context, branch, "if"),
            Node::With(branch) => self.branch(context, branch, "with"),
            Node::Range(branch) => self.range(context, branch),
            Node::Template(call) => self.call(context, call),
            Node::Break { pos, line } => self.leave_loop(context, *pos, *line, "break"),
            Node::Continue { pos, line } => self.leave_loop(context, *pos, *line, "continue"),
        }
    }

    fn leave_loop(&mut self, context: Context, pos: usize, line: usize, word: &'static str) -> Context {
        let location = self.location(pos);
        if let Some(exits) = self.loops.last_mut() {
            exits.push(Exit { context, location, line, word });
        }
        Context::of(State::Dead)
    }

    fn action(&mut self, context: Context, node: &Node, action: &Action) -> Context {
        if !action.pipe.variables.is_empty() {
            return context;
        }
        let mut context = context.nudge();
        if context.is_error() {
            return context;
        }
        let last = action.pipe.commands.len() - 1;
        let bare = context.state == State::Attr && context.delim == Delim::SpaceOrTagEnd;
        for (i, command) in action.pipe.commands.iter().enumerate() {
            let Some(name) = function_of(command).filter(|name| is_predefined(name)) else { continue };
            if i < last || (bare && name == "html") {
                let what = format!("predefined escaper {} disallowed in template", quote(name));
                return Context::error(Fault::at(self.location(action.pos), what));
            }
        }
        let Some(mut escapers) = escapers(&mut context) else {
            let what = format!("{node} appears in an ambiguous context within a URL");
            return Context::error(Fault::at(self.location(action.pos), what));
        };
        match context.delim {
            Delim::None => {}
            Delim::SpaceOrTagEnd => escapers.push("_html_template_nospaceescaper"),
            Delim::DoubleQuote | Delim::SingleQuote => escapers.push("_html_template_attrescaper"),
        }
        self.edit(action.pos, Edit::Escape(escapers));
        context
    }

    fn branch(&mut self, context: Context, branch: &'a Branch, word: &str) -> Context {
        self.depth += 1;
        let taken = self.list(context.clone(), &branch.list);
        let not = self.list(context, branch.otherwise.as_deref().unwrap_or_default());
        self.depth -= 1;
        taken.join(not, &|| self.location(branch.pos), word)
    }

    /// The body must end where it can begin again.
    fn range(&mut self, context: Context, branch: &'a Branch) -> Context {
        self.depth += 1;
        let location = |escaper: &Self| escaper.location(branch.pos);
        self.loops.push(Exits::new());
        let once = self.list(context.clone(), &branch.list);
        let once = join_exits(once, self.loops.pop().unwrap_or_default());
        if once.is_error() {
            self.depth -= 1;
            return once;
        }
        self.loops.push(Exits::new());
        let (twice, exits) = self.tried(once.clone(), &branch.list);
        self.loops.pop();
        let mut again = once.join(twice, &|| location(self), "range");
        if let Some(fault) = &mut again.fault {
            fault.line = branch.line;
            fault.description = format!("on range loop re-entry: {}", fault.description);
            self.depth -= 1;
            return again;
        }
        let body = join_exits(again, exits);
        if body.is_error() {
            self.depth -= 1;
            return body;
        }
        let not = self.list(context, branch.otherwise.as_deref().unwrap_or_default());
        self.depth -= 1;
        body.join(not, &|| location(self), "range")
    }

    /// Where the nodes end, without keeping anything else of what was found out.
    fn tried(&mut self, context: Context, nodes: &'a [Node]) -> (Context, Exits) {
        let mut trial = self.trial();
        trial.loops.push(Exits::new());
        let context = trial.list(context, nodes);
        let exits = trial.loops.pop().unwrap_or_default();
        (context, exits)
    }

    fn trial(&mut self) -> Escaper<'a, '_> {
        Escaper {
            lookup: self.lookup,
            output: self.output.clone(),
            copies: HashMap::new(),
            called: HashSet::new(),
            edits: Edits::new(),
            loops: Vec::new(),
            name: self.name.clone(),
            tree: self.tree,
            depth: self.depth,
            steps: self.steps,
        }
    }

    fn call(&mut self, context: Context, call: &Call) -> Context {
        let location = self.location(call.pos);
        let (context, name) = self.tree(context, &call.name, Some(location));
        if name != *call.name {
            self.edit(call.pos, Edit::Call(name));
        }
        context
    }

    /// Where a template ends that begins in this context, and the name of its copy.
    fn tree(&mut self, context: Context, name: &str, location: Option<String>) -> (Context, String) {
        let mangled = context.mangle(name);
        self.called.insert(mangled.clone());
        if let Some(output) = self.output.get(&mangled) {
            return (output.clone(), mangled);
        }
        let Some(tree) = (self.lookup)(name) else {
            let description = format!("no such template {}", quote(name));
            return (Context::error(Box::new(Fault { location, line: 0, description })), mangled);
        };
        self.copies.insert(mangled.clone(), tree);
        (self.body(context, &mangled, tree), mangled)
    }

    /// Assumes that a template that calls itself ends as it begins, or else as it then turned out to end.
    fn body(&mut self, context: Context, mangled: &str, tree: &'a Tree) -> Context {
        let (first, sure) = self.assuming(context, mangled, tree);
        if sure {
            return first;
        }
        if !first.is_error() || *self.steps > 0 {
            let (second, sure) = self.assuming(first.clone(), mangled, tree);
            if sure {
                return second;
            }
        }
        if first.is_error() {
            return first;
        }
        let what = format!("cannot compute output context for template {}", tree.name);
        Context::error(Fault::at(tree.location(tree.pos), what))
    }

    fn assuming(&mut self, context: Context, mangled: &str, tree: &'a Tree) -> (Context, bool) {
        self.output.insert(mangled.to_owned(), context.clone());
        let mut trial = self.trial();
        (trial.name, trial.tree, trial.depth) = (mangled.to_owned(), Some(tree), trial.depth + 1);
        let end = trial.list(context.clone(), &tree.root);
        let recursive = trial.called.contains(mangled);
        let sure = !end.is_error() && (!recursive || end == context);
        if sure {
            let Escaper { output, copies, called, edits, .. } = trial;
            self.output.extend(output);
            self.copies.extend(copies);
            self.called.extend(called);
            self.edits.extend(edits);
        }
        (end, sure)
    }
}

fn join_exits(mut context: Context, exits: Exits) -> Context {
    if context.is_error() {
        return context;
    }
    for exit in exits {
        context = context.join(exit.context, &|| exit.location.clone(), "range");
        if let Some(fault) = &mut context.fault {
            fault.line = exit.line;
            fault.description = format!("at range loop {}: {}", exit.word, fault.description);
            return context;
        }
    }
    context
}

/// What makes a value safe here; none if the place is ambiguous. The context moves past the value.
fn escapers(context: &mut Context) -> Option<Vec<&'static str>> {
    use State::{CssDqStr, CssDqUrl, CssSqStr, CssSqUrl, CssUrl};
    Some(match context.state {
        State::Url | CssDqStr | CssSqStr | CssDqUrl | CssSqUrl | CssUrl => {
            let whole = match context.state {
                CssDqStr | CssSqStr => "_html_template_cssescaper",
                _ => "_html_template_urlnormalizer",
            };
            match context.url_part {
                UrlPart::None => vec!["_html_template_urlfilter", whole],
                UrlPart::PreQuery => vec![whole],
                UrlPart::QueryOrFrag => vec!["_html_template_urlescaper"],
                UrlPart::Unknown => return None,
            }
        }
        State::MetaContent | State::Attr => vec![],
        State::MetaContentUrl => vec!["_html_template_urlfilter"],
        State::Js => {
            context.slash = Slash::DivOp;
            vec!["_html_template_jsvalescaper"]
        }
        State::JsDqStr | State::JsSqStr => vec!["_html_template_jsstrescaper"],
        State::JsTmplLit => vec!["_html_template_jstmpllitescaper"],
        State::JsRegexp => vec!["_html_template_jsregexpescaper"],
        State::Css => vec!["_html_template_cssvaluefilter"],
        State::Text => vec!["_html_template_htmlescaper"],
        State::Rcdata => vec!["_html_template_rcdataescaper"],
        State::AttrName | State::Tag => {
            context.state = State::AttrName;
            vec!["_html_template_htmlnamefilter"]
        }
        State::Srcset => vec!["_html_template_srcsetescaper"],
        // Comments, and what cannot be reached.
        _ => vec!["_html_template_commentescaper"],
    })
}

/// The context after a literal text, and the text as it is to be written if it differs: comments are dropped, and a
/// `<` that begins no tag is escaped.
fn literal(mut context: Context, s: &[u8]) -> (Context, Option<String>) {
    let (mut out, mut written, mut at) = (Vec::new(), 0, 0);
    while at < s.len() {
        let (next, read) = after(context.clone(), &s[at..]);
        let to = at + read;
        if matches!(context.state, State::Text | State::Rcdata) {
            let end = if next.state == context.state { to } else { at + last_tag(&s[at..to]) };
            for j in (at..end).filter(|j| s[*j] == b'<') {
                let doctype = s[j..].get(..9).is_some_and(|head| head.eq_ignore_ascii_case(b"<!DOCTYPE"));
                if !doctype {
                    out.extend_from_slice(&s[written..j]);
                    out.extend_from_slice(b"&lt;");
                    written = j + 1;
                }
            }
        } else if context.state.is_comment() && context.delim == Delim::None {
            match context.state {
                State::JsBlockCmt => {
                    let comment = String::from_utf8_lossy(&s[written..to]);
                    out.push(if comment.contains(['\n', '\r', '\u{2028}', '\u{2029}']) { b'\n' } else { b' ' });
                }
                State::CssBlockCmt => out.push(b' '),
                _ => {}
            }
            written = to;
        }
        if context.state != next.state && next.state.is_comment() && next.delim == Delim::None {
            let opening = match next.state {
                State::HtmlCmt | State::JsHtmlOpenCmt => 4,
                State::JsHtmlCloseCmt => 3,
                _ => 2,
            };
            out.extend_from_slice(s.get(written..to.saturating_sub(opening)).unwrap_or_default());
            written = to;
        }
        if context.state.is_in_script_literal() && has_script_tag(&s[at..to]) {
            out.extend_from_slice(&s[written..at]);
            escape_script_tags(&s[at..to], &mut out);
            written = to;
        }
        if read == 0 && context == next {
            break;
        }
        (context, at) = (next, to);
    }
    if written == 0 || context.is_error() {
        return (context, None);
    }
    if !context.state.is_comment() || context.delim != Delim::None {
        out.extend_from_slice(&s[written..]);
    }
    (context, Some(String::from_utf8_lossy(&out).into_owned()))
}

const SCRIPT_TAGS: [&[u8]; 3] = [b"<script", b"</script", b"<!--"];

fn script_tag_at(s: &[u8]) -> bool {
    SCRIPT_TAGS.iter().any(|tag| s.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag)))
}

fn has_script_tag(s: &[u8]) -> bool {
    (0..s.len()).any(|at| script_tag_at(&s[at..]))
}

fn escape_script_tags(s: &[u8], out: &mut Vec<u8>) {
    for (at, byte) in s.iter().enumerate() {
        if script_tag_at(&s[at..]) {
            out.extend_from_slice(b"\\x3C");
        } else {
            out.push(*byte);
        }
    }
}

/// One step over a literal text, watching for the end of the attribute or of a special element.
fn after(context: Context, s: &[u8]) -> (Context, usize) {
    if context.delim == Delim::None {
        let (ended, end) = special_end(context.clone(), s);
        if end == 0 {
            return (ended, 0);
        }
        return step(context, &s[..end]);
    }
    let end = find_any(s, context.delim.ends()).unwrap_or(s.len());
    if context.delim == Delim::SpaceOrTagEnd
        && let Some(at) = find_any(&s[..end], b"\"'<=`")
    {
        let (byte, value) = (shown(&s[at..=at], 1), shown(&s[..end], usize::MAX));
        return (Context::error(Fault::new(format!("{byte} in unquoted attr: {value}"))), s.len());
    }
    if end == s.len() {
        return (within_attribute(context, s), s.len());
    }
    let not_script = context.state == State::Attr
        && context.element == Element::Script
        && context.attr == super::context::Attr::ScriptType
        && !is_script_type(&String::from_utf8_lossy(&s[..end]));
    let element = if not_script { Element::None } else { context.element };
    let quote = usize::from(context.delim != Delim::SpaceOrTagEnd);
    (Context::with_element(State::Tag, element), end + quote)
}

/// The value goes on: its character references are decoded first.
fn within_attribute(mut context: Context, s: &[u8]) -> Context {
    let text = String::from_utf8_lossy(s);
    let text = unescape(&text);
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (next, read) = step(context.clone(), rest);
        if read == 0 && next == context {
            break;
        }
        (context, rest) = (next, &rest[read..]);
    }
    context
}
