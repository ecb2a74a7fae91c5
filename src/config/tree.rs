//! YAML as a tree in the order of the file, for showing it again without its secrets.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// What replaces a secret.
const SECRET: &str = "<secret>";

/// Endings of keys whose value is a secret.
const SECRET_KEYS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "credentials",
    "_key",
    "apikey",
    "authorization",
    "headers",
    "sas_url",
];

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The tree without secrets: values of secret keys, values of `http_headers`, passwords inside URLs.
    pub(super) fn masked(self) -> Node {
        match self {
            Node::List(items) => Node::List(items.into_iter().map(Node::masked).collect()),
            Node::Map(members) => Node::Map(members.into_iter().map(mask_member).collect()),
            Node::Text(text) => Node::Text(mask_url(text)),
            other => other,
        }
    }

    /// All texts and numbers below replaced.
    fn hidden(self) -> Node {
        match self {
            Node::Null => Node::Null,
            Node::List(items) => Node::List(items.into_iter().map(Node::hidden).collect()),
            Node::Map(members) => Node::Map(members.into_iter().map(|(key, node)| (key, node.hidden())).collect()),
            _ => Node::Text(SECRET.to_owned()),
        }
    }

    /// As YAML text.
    pub(super) fn to_yaml(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_default()
    }
}

fn mask_member((key, node): (String, Node)) -> (String, Node) {
    let lower = key.to_ascii_lowercase();
    let file = lower.ends_with("_file") || lower.ends_with("_ref");
    let secret = lower == "key" || SECRET_KEYS.iter().any(|ending| lower.ends_with(ending));
    match node {
        // `authorization: {type: Bearer, credentials: x}` has members of its own.
        Node::Map(_) if lower == "authorization" => (key, node.masked()),
        node if secret && !file => (key, node.hidden()),
        node => (key, node.masked()),
    }
}

/// `http://user:password@host` loses its password.
fn mask_url(text: String) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text };
    let authority_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority_end].rfind('@') {
        Some(at) => match rest[..at].split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:{SECRET}{}", &rest[at..]),
            None => text,
        },
        None => text,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        Node::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Node::Float(value as f64), Node::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(member) = members.next_entry::<String, Node>()? {
            map.push(member);
        }
        Ok(Node::Map(map))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Null => serializer.serialize_unit(),
            Node::Bool(value) => serializer.serialize_bool(*value),
            Node::Integer(value) => serializer.serialize_i64(*value),
            Node::Float(value) => serializer.serialize_f64(*value),
            Node::Text(value) => serializer.serialize_str(value),
            Node::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Node::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
