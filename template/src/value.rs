//! The data templates work on: Go's dynamic values, as far as the two products show them.

mod collection;
mod object;
mod signature;

pub use collection::{List, Map};
pub use object::{Field, Object, Under};
pub use signature::{Signature, Type};

use std::borrow::Cow;
use std::sync::Arc;

use crate::time::{Duration, Time};

/// What a safe string may be written into without escaping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A CSS value or declaration.
    Css,
    /// A piece of HTML.
    Html,
    /// An HTML attribute with its value.
    HtmlAttr,
    /// A JavaScript expression.
    Js,
    /// The inside of a JavaScript string.
    JsStr,
    /// A URL, whatever its scheme.
    Url,
    /// The value of a `srcset` attribute.
    Srcset,
}

/// A value in a template.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing: a missing key, `nil`.
    Nil,
    /// true or false.
    Bool(bool),
    /// Go's `int`.
    Int(i64),
    /// Go's `uint`, also the bytes of a string.
    Uint(u64),
    /// Go's `float64`.
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// Text that is known to be safe in one context of HTML.
    Safe(Content, Arc<str>),
    /// An instant.
    Time(Time),
    /// Elapsed time.
    Duration(Duration),
    /// A sequence.
    List(Arc<List>),
    /// Values by name.
    Map(Arc<Map>),
    /// A value of the caller, with fields or methods.
    Object(Arc<dyn Object>),
    /// A Go pointer: mostly the same as what it points to, but of another type.
    Pointer(Arc<Value>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Str(text.into())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl Value {
    /// A list of anything: Go's `[]interface {}`.
    #[must_use]
    pub fn list(items: Vec<Value>) -> Self {
        Value::List(Arc::new(List::new("[]interface {}", items)))
    }

    /// A list of texts: Go's `[]string`.
    #[must_use]
    pub fn strings<S: Into<Arc<str>>>(texts: impl IntoIterator<Item = S>) -> Self {
        Value::List(Arc::new(List::new("[]string", texts.into_iter().map(|t| Value::Str(t.into())).collect())))
    }

    /// A map to anything: Go's `map[string]interface {}`.
    #[must_use]
    pub fn map<S: Into<Arc<str>>>(entries: impl IntoIterator<Item = (S, Value)>) -> Self {
        let entries = entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
        Value::Map(Arc::new(Map::new("map[string]interface {}", Value::Nil, entries)))
    }

    /// A map from text to text, such as labels: Go's `map[string]string`. A missing name is the empty text.
    #[must_use]
    pub fn string_map<S: Into<Arc<str>>, T: Into<Arc<str>>>(entries: impl IntoIterator<Item = (S, T)>) -> Self {
        let entries = entries.into_iter().map(|(name, text)| (name.into(), Value::Str(text.into()))).collect();
        Value::Map(Arc::new(Map::new("map[string]string", "".into(), entries)))
    }

    /// A value of the caller's own type.
    #[must_use]
    pub fn object(object: impl Object + 'static) -> Self {
        Value::Object(Arc::new(object))
    }

    /// A pointer to a value.
    #[must_use]
    pub fn pointer(to: Value) -> Self {
        Value::Pointer(Arc::new(to))
    }

    /// HTML that is not escaped again.
    #[must_use]
    pub fn html(html: impl Into<Arc<str>>) -> Self {
        Value::Safe(Content::Html, html.into())
    }

    /// The name of its type, in Go's words.
    #[must_use]
    pub fn type_name(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Float(_) => "float64",
            Value::Str(_) => "string",
            Value::Safe(Content::Css, _) => "template.CSS",
            Value::Safe(Content::Html, _) => "template.HTML",
            Value::Safe(Content::HtmlAttr, _) => "template.HTMLAttr",
            Value::Safe(Content::Js, _) => "template.JS",
            Value::Safe(Content::JsStr, _) => "template.JSStr",
            Value::Safe(Content::Url, _) => "template.URL",
            Value::Safe(Content::Srcset, _) => "template.Srcset",
            Value::Time(_) => "time.Time",
            Value::Duration(_) => "time.Duration",
            Value::List(list) => list.type_name(),
            Value::Map(map) => map.type_name(),
            Value::Object(object) => object.type_name(),
            Value::Pointer(to) => return Cow::Owned(format!("*{}", to.type_name())),
        })
    }

    /// Whether a parameter of this Go type takes the value as it is.
    pub(crate) fn is(&self, type_name: &str) -> bool {
        match self {
            Value::Object(object) => object.is(type_name),
            Value::Pointer(to) => type_name.strip_prefix('*').is_some_and(|inner| to.is(inner)),
            _ => self.type_name() == type_name,
        }
    }

    /// What the pointers lead to.
    pub(crate) fn target(&self) -> &Value {
        let mut value = self;
        while let Value::Pointer(to) = value {
            value = to;
        }
        value
    }

    /// The plain value below pointers and named types; structs stay objects.
    pub(crate) fn plain(&self) -> Value {
        let mut value = self.target().clone();
        while let Value::Object(object) = &value {
            match object.under() {
                Under::Plain(plain) => value = plain.target().clone(),
                Under::Struct(_) => break,
            }
        }
        value
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) | Value::Safe(_, text) => Some(text),
            _ => None,
        }
    }

    /// Whether `if` takes it for true: not zero, not empty, not nil.
    #[must_use]
    pub fn truth(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(truth) => *truth,
            Value::Int(n) => *n != 0,
            Value::Uint(n) => *n != 0,
            Value::Float(n) => *n != 0.0,
            Value::Str(text) | Value::Safe(_, text) => !text.is_empty(),
            Value::Time(_) | Value::Pointer(_) => true,
            Value::Duration(duration) => duration.nanos() != 0,
            Value::List(list) => !list.items().is_empty(),
            Value::Map(map) => !map.entries().is_empty(),
            Value::Object(object) => match object.under() {
                Under::Struct(_) => true,
                Under::Plain(plain) => plain.truth(),
            },
        }
    }

    /// How many lists and maps lie inside each other here.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Value::List(list) => list.depth(),
            Value::Map(map) => map.depth(),
            Value::Pointer(to) => to.depth() + 1,
            _ => 0,
        }
    }

    /// An estimate of the bytes it holds itself, not counting what elements hold.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Value::Str(text) | Value::Safe(_, text) => text.len(),
            Value::List(list) => size_of_val(list.items()),
            Value::Map(map) => map.entries().len() * (size_of::<Value>() + 32),
            _ => 0,
        }
    }
}
