//! Labels and annotations in notifications.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::value::{Field, List, Map, Object, Signature, Type, Under, Value};

const NONE: Signature = Signature::of(&[]);

/// Texts by name, with `.SortedPairs .Remove .Names .Values`.
#[derive(Debug, Clone)]
pub struct Kv(Arc<Map>);

impl Kv {
    /// These entries.
    #[must_use]
    pub fn new<S: Into<Arc<str>>, T: Into<Arc<str>>>(entries: impl IntoIterator<Item = (S, T)>) -> Self {
        let entries = entries.into_iter().map(|(name, text)| (name.into(), Value::Str(text.into()))).collect();
        Self::of(entries)
    }

    fn of(entries: BTreeMap<Arc<str>, Value>) -> Self {
        Self(Arc::new(Map::new("map[string]string", "".into(), entries)))
    }

    /// The pairs by name, `alertname` first.
    fn sorted_pairs(&self) -> Pairs {
        let entries = self.0.entries();
        let first = entries.get_key_value("alertname");
        let others = entries.iter().filter(|(name, _)| &***name != "alertname");
        let text = |value: &Value| Arc::from(value.as_str().unwrap_or_default());
        Pairs(first.into_iter().chain(others).map(|(n, v)| Pair { name: n.clone(), value: text(v) }).collect())
    }

    fn without(&self, names: &Value) -> Self {
        let names = match names.plain() {
            Value::List(list) => list,
            _ => Arc::new(List::new("[]string", Vec::new())),
        };
        let names: BTreeSet<&str> = names.items().iter().filter_map(Value::as_str).collect();
        let kept = self.0.entries().iter().filter(|(name, _)| !names.contains(&***name));
        Self::of(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

impl Object for Kv {
    fn type_name(&self) -> &str {
        "template.KV"
    }

    fn under(&self) -> Under {
        Under::Plain(Value::Map(self.0.clone()))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        match name {
            "SortedPairs" | "Names" | "Values" | "String" => Some(NONE),
            "Remove" => Some(Signature::of(&[Type::Is("[]string")])),
            _ => None,
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Result<Value, String> {
        match name {
            "SortedPairs" => Ok(Value::object(self.sorted_pairs())),
            "Remove" => Ok(Value::object(self.without(args.first().unwrap_or(&Value::Nil)))),
            _ => self.sorted_pairs().call(name, args),
        }
    }

    fn text(&self) -> Option<Arc<str>> {
        self.sorted_pairs().text()
    }
}

/// A name and a text.
#[derive(Debug, Clone)]
pub struct Pair {
    /// `.Name`
    pub name: Arc<str>,
    /// `.Value`
    pub value: Arc<str>,
}

impl Object for Pair {
    fn type_name(&self) -> &str {
        "template.Pair"
    }

    fn under(&self) -> Under {
        Under::Struct(vec![
            Field { name: "Name", json: "Name", value: Value::Str(self.name.clone()) },
            Field { name: "Value", json: "Value", value: Value::Str(self.value.clone()) },
        ])
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Name" => Some(Value::Str(self.name.clone())),
            "Value" => Some(Value::Str(self.value.clone())),
            _ => None,
        }
    }
}

/// Pairs in an order, with `.Names` and `.Values`.
#[derive(Debug, Clone)]
pub struct Pairs(pub Vec<Pair>);

impl Object for Pairs {
    fn type_name(&self) -> &str {
        "template.Pairs"
    }

    fn under(&self) -> Under {
        let pairs = self.0.iter().cloned().map(Value::object).collect();
        Under::Plain(Value::List(Arc::new(List::new("[]template.Pair", pairs))))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "Names" | "Values" | "String").then_some(NONE)
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        let texts: Vec<Arc<str>> = match name {
            "Names" => self.0.iter().map(|pair| pair.name.clone()).collect(),
            "Values" => self.0.iter().map(|pair| pair.value.clone()).collect(),
            _ => return Ok(Value::Str(self.text().unwrap_or_default())),
        };
        Ok(Value::object(Strings(texts)))
    }

    fn part(&self, items: &[Value]) -> Option<Value> {
        let text = |item: &Value, name| match item {
            Value::Object(pair) => pair.field(name).and_then(|v| v.as_str().map(Arc::from)).unwrap_or_default(),
            _ => Arc::default(),
        };
        let pairs = items.iter().map(|item| Pair { name: text(item, "Name"), value: text(item, "Value") });
        Some(Value::object(Pairs(pairs.collect())))
    }

    fn text(&self) -> Option<Arc<str>> {
        let shown: Vec<String> = self.0.iter().map(|pair| format!("{}={}", pair.name, pair.value)).collect();
        Some(shown.join(", ").into())
    }
}

/// Texts in an order, with `.Join`.
#[derive(Debug, Clone)]
pub struct Strings(pub Vec<Arc<str>>);

impl Object for Strings {
    fn type_name(&self) -> &str {
        "template.Strings"
    }

    fn under(&self) -> Under {
        Under::Plain(Value::strings(self.0.iter().cloned()))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "Join").then_some(Signature::of(&[Type::STRING]))
    }

    fn call(&self, _: &str, args: &[Value]) -> Result<Value, String> {
        let separator = args.first().and_then(Value::as_str).unwrap_or_default();
        let texts: Vec<&str> = self.0.iter().map(|text| &**text).collect();
        Ok(texts.join(separator).into())
    }

    fn part(&self, items: &[Value]) -> Option<Value> {
        Some(Value::object(Strings(items.iter().filter_map(Value::as_str).map(Arc::from).collect())))
    }
}
