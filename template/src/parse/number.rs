//! Number literals under all the types they fit, as Go's untyped constants.

use std::sync::Arc;

use crate::numeral::{parse_float, parse_int, parse_uint};
use crate::quote::{quote, unquote_char};

/// A number or character constant.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    pub(crate) text: Arc<str>,
    pub(crate) int: Option<i64>,
    pub(crate) uint: Option<u64>,
    pub(crate) float: Option<f64>,
}

impl Number {
    /// Reads `'x'`. Errors are Go's.
    pub(crate) fn character(text: &str) -> Result<Self, String> {
        let (unit, rest) = text
            .strip_prefix('\'')
            .and_then(|inner| unquote_char(inner, '\''))
            .ok_or_else(|| "invalid syntax".to_owned())?;
        if rest != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let n = unit.number();
        Ok(Self { text: text.into(), int: Some(n.into()), uint: Some(n.into()), float: Some(n.into()) })
    }

    /// Reads a number. Imaginary ones are refused: nothing that alerts computes with them.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut number =
            Self { text: text.into(), int: parse_int(text).ok(), uint: parse_uint(text).ok(), float: None };
        if number.int == Some(0) {
            number.uint = Some(0);
        }
        match (number.int, number.uint) {
            (Some(int), _) => number.float = Some(int as f64),
            (None, Some(uint)) => number.float = Some(uint as f64),
            (None, None) => {
                if let Ok(float) = parse_float(text) {
                    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
                        return Err(format!("integer overflow: {}", quote(text)));
                    }
                    number.float = Some(float);
                    number.int = (float as i64 as f64 == float && float.abs() < 9.3e18).then_some(float as i64);
                    number.uint = (float as u64 as f64 == float && float >= 0.0).then_some(float as u64);
                }
            }
        }
        match number.float {
            Some(_) => Ok(number),
            None => Err(format!("illegal number syntax: {}", quote(text))),
        }
    }

    /// The literal looks like a float, so without further knowledge it is one.
    pub(crate) fn looks_float(&self) -> bool {
        let hex = self.text.starts_with("0x") || self.text.starts_with("0X");
        let hex_int = hex && self.text.len() > 2 && !self.text.contains(['p', 'P']);
        !hex_int && !self.text.starts_with('\'') && self.text.contains(['.', 'e', 'E', 'p', 'P'])
    }
}
