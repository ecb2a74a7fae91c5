//! Functions of templates, and what they may ask of the world.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits::Limits;
use crate::regex::Regex;
use crate::time::{Location, Time};
use crate::value::{Field, Object, Signature, Under, Value};

/// One result of a query: labels and a number, or a histogram.
#[derive(Debug, Clone)]
pub struct Sample {
    /// A [`Value::string_map`].
    pub labels: Value,
    /// Mostly a [`Value::Float`].
    pub value: Value,
}

impl Object for Sample {
    fn type_name(&self) -> &str {
        "template.sample"
    }

    fn under(&self) -> Under {
        Under::Struct(vec![
            Field { name: "Labels", json: "Labels", value: self.labels.clone() },
            Field { name: "Value", json: "Value", value: self.value.clone() },
        ])
    }

    fn is_boxed(&self, field: &str) -> bool {
        field == "Value"
    }
}

/// The world as functions see it. There is no other way out of a template.
pub trait Host {
    /// The time the rendering is for.
    fn now(&self) -> Time;

    /// The address people reach the server at.
    fn external_url(&self) -> &str {
        ""
    }

    /// The result of an instant query at the time of the rendering.
    ///
    /// # Errors
    /// What the engine says, or that there is none.
    fn query(&mut self, expression: &str) -> Result<Vec<Sample>, String> {
        let _ = expression;
        Err("queries are not available here".to_owned())
    }

    /// A time zone by its IANA name.
    ///
    /// # Errors
    /// If there is none of this name.
    fn location(&self, name: &str) -> Result<Arc<dyn Location>, String> {
        Err(format!("unknown time zone {name}"))
    }

    /// A compiled regular expression.
    ///
    /// # Errors
    /// Why the pattern is not one.
    fn regex(&self, pattern: &str) -> Result<Arc<dyn Regex>, String> {
        crate::regex::compile(pattern)
    }

    /// A label of the route of a notification, rendered.
    ///
    /// # Errors
    /// Why it does not render.
    fn route_label(&mut self, name: &str) -> Result<String, String> {
        let _ = name;
        Ok(String::new())
    }
}

/// How many compiled expressions one rendering keeps.
const MOST_REGEXES: usize = 32;

/// How deep lists and maps may lie inside each other.
const MOST_VALUE_DEPTH: usize = 64;

/// One rendering: the host and what is left of the limits.
pub struct Context<'a> {
    host: &'a mut dyn Host,
    limits: Limits,
    steps: u64,
    work_bytes: usize,
    pub(crate) depth: usize,
    pub(crate) nesting: usize,
    exhausted: bool,
    regexes: BTreeMap<String, Arc<dyn Regex>>,
}

impl<'a> Context<'a> {
    /// A rendering that may do as much as `limits` say.
    pub fn new(host: &'a mut dyn Host, limits: Limits) -> Self {
        Self {
            host,
            limits,
            steps: limits.steps,
            work_bytes: limits.work_bytes,
            depth: 0,
            nesting: 0,
            exhausted: false,
            regexes: BTreeMap::new(),
        }
    }

    /// The world.
    pub fn host(&mut self) -> &mut dyn Host {
        self.host
    }

    /// The bounds of this rendering.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether one of the limits has been passed.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Bytes that may still be made.
    #[must_use]
    pub fn room(&self) -> usize {
        self.work_bytes
    }

    pub(crate) fn exhaust<T>(&mut self, message: String) -> Result<T, String> {
        self.exhausted = true;
        Err(message)
    }

    /// Takes note of one step.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        match self.steps.checked_sub(1) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => self.exhaust(format!("template takes more than {} steps", self.limits.steps)),
        }
    }

    /// Takes note of `bytes` made. Functions call it before they make much from little.
    ///
    /// # Errors
    /// If that is more than the limit leaves.
    pub fn spend(&mut self, bytes: usize) -> Result<(), String> {
        match self.work_bytes.checked_sub(bytes) {
            Some(left) => {
                self.work_bytes = left;
                Ok(())
            }
            None => self.too_long(),
        }
    }

    /// The failure of making more bytes than the limit leaves.
    pub(crate) fn too_long<T>(&mut self) -> Result<T, String> {
        self.exhaust(format!("template makes more than {} bytes", self.limits.work_bytes))
    }

    /// The value, unless its lists and maps lie too deep inside each other to be handled safely.
    ///
    /// # Errors
    /// If they do.
    pub fn shallow(&mut self, value: Value) -> Result<Value, String> {
        if value.depth() > MOST_VALUE_DEPTH {
            return self.exhaust(format!("more than {MOST_VALUE_DEPTH} lists inside each other"));
        }
        Ok(value)
    }

    /// A compiled expression; each is compiled once.
    ///
    /// # Errors
    /// Why the pattern is not one.
    pub fn regex(&mut self, pattern: &str) -> Result<Arc<dyn Regex>, String> {
        if let Some(regex) = self.regexes.get(pattern) {
            return Ok(regex.clone());
        }
        self.spend(pattern.len().saturating_mul(16))?;
        let regex = self.host.regex(pattern)?;
        if self.regexes.len() >= MOST_REGEXES {
            self.regexes.clear();
        }
        self.regexes.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}

/// What a function does with arguments that fit its signature.
pub type Call = dyn Fn(&mut Context<'_>, &[Value]) -> Result<Value, String> + Send + Sync;

/// A function, as the executor runs it.
#[derive(Clone)]
pub(crate) enum Body {
    Call(Arc<Call>),
    /// `and`: the first false argument, or the last; later ones are not evaluated.
    And,
    /// `or`: the first true argument, or the last.
    Or,
    /// `tmpl`: the template of this name, rendered.
    Template,
}

/// A function and its parameters.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) signature: Signature,
    pub(crate) body: Body,
}

/// Functions by name.
#[derive(Clone, Default)]
pub struct Functions {
    table: BTreeMap<&'static str, Function>,
}

impl Functions {
    /// No functions at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function, in place of one of the same name.
    #[must_use]
    pub fn with(
        mut self,
        name: &'static str,
        signature: Signature,
        call: impl Fn(&mut Context<'_>, &[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> Self {
        self.table.insert(name, Function { signature, body: Body::Call(Arc::new(call)) });
        self
    }

    pub(crate) fn with_body(mut self, name: &'static str, signature: Signature, body: Body) -> Self {
        self.table.insert(name, Function { signature, body });
        self
    }

    /// Adds all of `others`, in place of those of the same name.
    #[must_use]
    pub fn and(mut self, others: Functions) -> Self {
        self.table.extend(others.table);
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Function> {
        self.table.get(name)
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.table.keys().copied()
    }
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
