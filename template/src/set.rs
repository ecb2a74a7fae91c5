//! Templates that know each other by name.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::error::{Error, Stage};
use crate::exec::{MissingKey, Program, execute};
use crate::function::{Context, Function, Functions};
use crate::functions::builtins;
use crate::html;
use crate::parse::{Tree, parse};
use crate::quote::quote;
use crate::value::Value;

type Trees = BTreeMap<Arc<str>, Arc<Tree>>;

/// A set of templates and the functions they may call. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Set {
    functions: Arc<Functions>,
    missing_key: MissingKey,
    trees: Trees,
}

impl Set {
    /// No templates yet. Go's own functions are always there; `functions` may replace them.
    #[must_use]
    pub fn new(functions: Functions) -> Self {
        let functions = Arc::new(builtins().and(functions));
        Self { functions, missing_key: MissingKey::Default, trees: Trees::new() }
    }

    /// Decides what keys stand for that a map does not have.
    #[must_use]
    pub fn missing_key(mut self, missing_key: MissingKey) -> Self {
        self.missing_key = missing_key;
        self
    }

    /// Adds the template `name` and all that its text defines, in place of older ones; an empty template does not
    /// replace another. On failure nothing changes.
    ///
    /// # Errors
    /// Go's message, with the line.
    pub fn parse(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let known = |function: &str| self.functions.get(function).is_some();
        for (name, tree) in parse(name, text, &known)? {
            if !tree.is_empty() || !self.trees.contains_key(&name) {
                self.trees.insert(name, Arc::new(tree));
            }
        }
        Ok(())
    }

    /// The names of the templates, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(|name| &**name)
    }

    /// The text the template `name` makes of `data`.
    ///
    /// # Errors
    /// If there is no such template, it fails, or it passes a limit. The message names the place.
    pub fn render(&self, name: &str, data: &Value, context: &mut Context<'_>) -> Result<String, Error> {
        run(&Plain { set: self }, name, data, context)
    }

    /// The text a template makes of `data` that is not kept: one that may call those of the set.
    ///
    /// # Errors
    /// As [`Set::parse`] and [`Set::render`].
    pub fn expand(&self, text: &str, data: &Value, context: &mut Context<'_>) -> Result<String, Error> {
        let mut set = self.clone();
        set.parse("", text)?;
        set.render("", data, context)
    }

    /// As [`Set::expand`], as HTML.
    ///
    /// # Errors
    /// As [`Set::parse`] and [`Set::render_html`].
    pub fn expand_html(&self, text: &str, data: &Value, context: &mut Context<'_>) -> Result<String, Error> {
        let mut set = self.clone();
        set.parse("", text)?;
        set.render_html("", data, context)
    }

    /// The HTML the template `name` makes of `data`: values are escaped for the place they stand in.
    ///
    /// # Errors
    /// As [`Set::render`], and if the template is not HTML whose places can be told apart.
    pub fn render_html(&self, name: &str, data: &Value, context: &mut Context<'_>) -> Result<String, Error> {
        if !self.trees.contains_key(name) {
            return Err(Error::new(Stage::Execute, format!("html/template: {} is undefined", quote(name))));
        }
        let lookup = |name: &str| self.trees.get(name).map(|tree| &**tree);
        let trees = html::escape(&lookup, name)?;
        run(&Escaped { set: self, trees }, name, data, context)
    }
}

fn run(program: &dyn Program, name: &str, data: &Value, context: &mut Context<'_>) -> Result<String, Error> {
    let Some(tree) = program.tree(name) else {
        return Err(Error::new(Stage::Execute, format!("template: no template {} defined", quote(name))));
    };
    let mut out = String::new();
    execute(program, tree, data, context, &mut out)?;
    Ok(out)
}

/// Templates as text.
struct Plain<'a> {
    set: &'a Set,
}

impl Program for Plain<'_> {
    fn tree(&self, name: &str) -> Option<&Tree> {
        self.set.trees.get(name).map(|tree| &**tree)
    }

    fn function(&self, name: &str) -> Option<&Function> {
        self.set.functions.get(name)
    }

    fn render(&self, name: &str, data: &Value, context: &mut Context<'_>) -> Result<Value, Error> {
        run(self, name, data, context).map(Value::from)
    }

    fn missing_key(&self) -> MissingKey {
        self.set.missing_key
    }
}

/// The functions that escape, beside those of the set. Authors cannot call them: the parser does not know them.
static ESCAPERS: LazyLock<Functions> = LazyLock::new(html::functions);

/// Templates as HTML.
struct Escaped<'a> {
    set: &'a Set,
    trees: Trees,
}

impl Program for Escaped<'_> {
    fn tree(&self, name: &str) -> Option<&Tree> {
        self.trees.get(name).map(|tree| &**tree)
    }

    fn function(&self, name: &str) -> Option<&Function> {
        self.set.functions.get(name).or_else(|| ESCAPERS.get(name))
    }

    fn render(&self, name: &str, data: &Value, context: &mut Context<'_>) -> Result<Value, Error> {
        self.set.render_html(name, data, context).map(Value::html)
    }

    fn missing_key(&self) -> MissingKey {
        self.set.missing_key
    }
}
