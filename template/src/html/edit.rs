//! Changes to trees: escapers in pipelines, cleaned texts, calls of copies.

use std::collections::HashMap;
use std::sync::Arc;

use crate::parse::{Action, Branch, Call, Command, Expr, ExprKind, Node, Pipe, Text, Tree};

/// What is to change at one node.
#[derive(Debug, Clone)]
pub(super) enum Edit {
    /// These escapers go to the end of the pipeline.
    Escape(Vec<&'static str>),
    /// The template called is this one.
    Call(String),
    Text(String),
}

/// Edits by template and position of the node.
pub(super) type Edits = HashMap<(String, usize), Edit>;

/// The tree with its edits made, under the name of its copy.
pub(super) fn apply(name: &str, tree: &Tree, edits: &Edits) -> Tree {
    let editor = Editor { name, edits };
    Tree { name: name.into(), root: editor.list(&tree.root), ..tree.clone() }
}

struct Editor<'a> {
    name: &'a str,
    edits: &'a Edits,
}

impl Editor<'_> {
    fn edit(&self, pos: usize) -> Option<&Edit> {
        self.edits.get(&(self.name.to_owned(), pos))
    }

    fn list(&self, nodes: &[Node]) -> Vec<Node> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn branch(&self, branch: &Branch) -> Branch {
        let otherwise = branch.otherwise.as_ref().map(|list| self.list(list));
        Branch { list: self.list(&branch.list), otherwise, pipe: branch.pipe.clone(), ..*branch }
    }

    fn node(&self, node: &Node) -> Node {
        match (node, self.edit(node.pos())) {
            (Node::If(branch), _) => Node::If(self.branch(branch)),
            (Node::Range(branch), _) => Node::Range(self.branch(branch)),
            (Node::With(branch), _) => Node::With(self.branch(branch)),
            (Node::Text(text), Some(Edit::Text(new))) => Node::Text(Text { pos: text.pos, text: new.as_str().into() }),
            (Node::Template(call), Some(Edit::Call(name))) => {
                Node::Template(Call { name: name.as_str().into(), ..call.clone() })
            }
            (Node::Action(action), Some(Edit::Escape(escapers))) => {
                Node::Action(Action { pipe: with_escapers(&action.pipe, escapers), ..*action })
            }
            _ => node.clone(),
        }
    }
}

/// Go's own escapers, which authors may put at the end of a pipeline.
pub(super) fn is_predefined(name: &str) -> bool {
    matches!(name, "html" | "urlquery")
}

/// Escapers that protect against the same things have the same equivalent.
fn equivalent(name: &str) -> &str {
    match name {
        "_html_template_attrescaper" | "_html_template_htmlescaper" | "_html_template_rcdataescaper" => "html",
        "_html_template_urlescaper" | "_html_template_urlnormalizer" => "urlquery",
        other => other,
    }
}

/// Whether `next` changes nothing that `last` has made.
fn is_redundant(last: &str, next: &str) -> bool {
    match last {
        "_html_template_commentescaper" => {
            matches!(next, "_html_template_attrescaper" | "_html_template_htmlescaper")
        }
        "_html_template_cssescaper"
        | "_html_template_jsregexpescaper"
        | "_html_template_jsstrescaper"
        | "_html_template_jstmpllitescaper" => next == "_html_template_attrescaper",
        "_html_template_urlescaper" => next == "_html_template_urlnormalizer",
        _ => false,
    }
}

pub(super) fn function_of(command: &Command) -> Option<&str> {
    match &command.args[0].kind {
        ExprKind::Function(name) => Some(name),
        _ => None,
    }
}

fn call(name: &str, pos: usize) -> Command {
    Command { pos, args: vec![Expr { pos, kind: ExprKind::Function(name.into()) }] }
}

/// The pipeline with the escapers at its end. One that the author has put there counts.
fn with_escapers(pipe: &Pipe, escapers: &[&'static str]) -> Pipe {
    let mut pipe = pipe.clone();
    let mut wanted: Vec<Arc<str>> = escapers.iter().map(|name| Arc::from(*name)).collect();
    let own = pipe.commands.last().and_then(function_of).filter(|name| is_predefined(name)).map(Arc::<str>::from);
    if let Some(own) = own {
        evaluate_first(&mut pipe, &own);
        let mut merged = false;
        for name in wanted.iter_mut().filter(|name| equivalent(&own) == equivalent(name)) {
            *name = own.clone();
            merged = true;
        }
        if merged {
            pipe.commands.pop();
        }
    }
    let there: Vec<String> =
        pipe.commands.iter().filter_map(function_of).map(|name| equivalent(name).to_owned()).collect();
    for name in wanted {
        let last = pipe.commands.last().and_then(function_of).unwrap_or_default();
        if !there.iter().any(|known| known == equivalent(&name)) && !is_redundant(last, &name) {
            pipe.commands.push(call(&name, pipe.pos));
        }
    }
    pipe
}

/// `{{ html a b }}` becomes `{{ _eval_args_ a b | html }}`.
fn evaluate_first(pipe: &mut Pipe, own: &str) {
    if let [command] = &mut pipe.commands[..]
        && command.args.len() > 1
    {
        command.args[0].kind = ExprKind::Function("_eval_args_".into());
        pipe.commands.push(call(own, pipe.pos));
    }
}
