//! A located tree to typed settings, through serde.
//!
//! Three things differ from an ordinary decoder, all as Alertmanager has them: a setting without a value keeps its
//! default, text settings take any scalar as written, and every complaint carries the place of the innermost value.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::error::{ConfigError, Position};
use super::yaml::{Kind, Node};

/// Places of values that must not be shown.
pub(crate) type Secrets = RefCell<HashSet<Position>>;

/// The type name by which a value asks to be remembered as secret.
pub(crate) const SECRET: &str = "\0secret";

/// A value and where it stood.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(rename = "\0at")]
pub(crate) struct At<T> {
    line: u32,
    column: u32,
    pub(crate) value: T,
}

impl<T> At<T> {
    pub(crate) fn position(&self) -> Position {
        Position { line: self.line, column: self.column }
    }

    /// A complaint about this value.
    pub(crate) fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::new(message).at(self.position())
    }
}

/// Decodes a tree; places of secrets are added to `secrets`.
pub(crate) fn decode<'a, T: Deserialize<'a>>(node: &'a Node, secrets: &'a Secrets) -> Result<T, ConfigError> {
    T::deserialize(Source { node, secrets })
}

#[derive(Clone, Copy)]
struct Source<'a> {
    node: &'a Node,
    secrets: &'a Secrets,
}

impl<'a> Source<'a> {
    fn mismatch(self, wanted: &str) -> ConfigError {
        let found = match &self.node.kind {
            Kind::Scalar { text, .. } if text.len() <= 40 && !self.secrets.borrow().contains(&self.node.at) => {
                format!("{text:?}")
            }
            _ => self.node.kind_name().to_owned(),
        };
        ConfigError::new(format!("cannot take {found} as {wanted}")).at(self.node.at)
    }

    fn text(self, wanted: &str) -> Result<&'a str, ConfigError> {
        match &self.node.kind {
            Kind::Scalar { text, .. } => Ok(text),
            Kind::Null => Ok(""),
            _ => Err(self.mismatch(wanted)),
        }
    }

    fn number<T: std::str::FromStr>(self) -> Result<T, ConfigError> {
        self.text("a number")?.replace('_', "").parse().map_err(|_| self.mismatch("a number"))
    }

    fn located<T>(self, result: Result<T, ConfigError>) -> Result<T, ConfigError> {
        result.map_err(|error| error.at(self.node.at))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
            self.located(visitor.$visit(self.number::<$type>()?))
        }
    )*};
}

impl<'de> Deserializer<'de> for Source<'de> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        let result = match &self.node.kind {
            Kind::Null => visitor.visit_unit(),
            Kind::List(_) => return self.deserialize_seq(visitor),
            Kind::Map(_) => return self.deserialize_map(visitor),
            Kind::Scalar { text, plain: false } => visitor.visit_borrowed_str(text),
            Kind::Scalar { text, .. } => match (truth(text), text.parse::<i64>(), text.parse::<f64>()) {
                (Some(yes), _, _) => visitor.visit_bool(yes),
                (_, Ok(number), _) => visitor.visit_i64(number),
                (_, _, Ok(number)) if text.contains(|c: char| c.is_ascii_digit()) => visitor.visit_f64(number),
                _ => visitor.visit_borrowed_str(text),
            },
        };
        self.located(result)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match &self.node.kind {
            Kind::Scalar { text, plain: true } => match truth(text) {
                Some(yes) => self.located(visitor.visit_bool(yes)),
                None => Err(self.mismatch("true or false")),
            },
            _ => Err(self.mismatch("true or false")),
        }
    }

    numbers!(deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64);

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        self.located(visitor.visit_borrowed_str(self.text("text")?))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.node.is_null() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        if name == SECRET {
            self.secrets.borrow_mut().insert(self.node.at);
        }
        self.located(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match &self.node.kind {
            Kind::List(items) => self.located(visitor.visit_seq(Items { items: items.iter(), secrets: self.secrets })),
            Kind::Null => visitor.visit_seq(Items { items: [].iter(), secrets: self.secrets }),
            // One scalar where a list is wanted is a list of one, as Go's decoder has it for text.
            Kind::Scalar { .. } => {
                let items = std::slice::from_ref(self.node).iter();
                self.located(visitor.visit_seq(Items { items, secrets: self.secrets }))
            }
            Kind::Map(_) => Err(self.mismatch("a list")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        let entries = match &self.node.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Null => &[],
            _ => return Err(self.mismatch("a map")),
        };
        self.located(visitor.visit_map(Entries::new(entries, self.secrets, false)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        if name == "\0at" {
            return self.located(visitor.visit_map(Located { from: self, step: 0 }));
        }
        let entries = match &self.node.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Null => &[],
            _ => return Err(self.mismatch("a map")),
        };
        self.located(visitor.visit_map(Entries::new(entries, self.secrets, true)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        let text: StrDeserializer<'de, ConfigError> = self.text("a word")?.into_deserializer();
        self.located(visitor.visit_enum(text))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier }
}

/// The words YAML 1.1 knows for true and false.
fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Node>,
    secrets: &'a Secrets,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = ConfigError;

    fn next_element_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, ConfigError> {
        let secrets = self.secrets;
        self.items.next().map(|node| seed.deserialize(Source { node, secrets })).transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (Node, Node)>,
    secrets: &'a Secrets,
    value: Option<&'a Node>,
    /// Whether entries without a value are left out, after their key was looked at.
    settings: bool,
}

impl<'a> Entries<'a> {
    fn new(entries: &'a [(Node, Node)], secrets: &'a Secrets, settings: bool) -> Entries<'a> {
        Entries { entries: entries.iter(), secrets, value: None, settings }
    }
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = ConfigError;

    fn next_key_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, ConfigError> {
        for (key, value) in self.entries.by_ref() {
            if self.settings && value.is_null() {
                continue;
            }
            self.value = Some(value);
            let text: StrDeserializer<'a, ConfigError> =
                Source { node: key, secrets: self.secrets }.text("the name of a setting")?.into_deserializer();
            return seed.deserialize(text).map(Some).map_err(|error| error.at(key.at));
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, ConfigError> {
        match self.value.take() {
            Some(node) => {
                let from = Source { node, secrets: self.secrets };
                from.located(seed.deserialize(from))
            }
            None => Err(ConfigError::new("a value without a name")),
        }
    }
}

/// Presents a value as [`At`] wants it.
struct Located<'a> {
    from: Source<'a>,
    step: u8,
}

impl<'a> MapAccess<'a> for Located<'a> {
    type Error = ConfigError;

    fn next_key_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<Option<S::Value>, ConfigError> {
        self.step += 1;
        let name = ["line", "column", "value"].get(usize::from(self.step) - 1);
        let key = |name: &&'static str| -> StrDeserializer<'static, ConfigError> { (*name).into_deserializer() };
        name.map(|name| seed.deserialize(key(name))).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'a>>(&mut self, seed: S) -> Result<S::Value, ConfigError> {
        match self.step {
            1 => seed.deserialize(self.from.node.at.line.into_deserializer()),
            2 => seed.deserialize(self.from.node.at.column.into_deserializer()),
            _ => seed.deserialize(self.from),
        }
    }
}
