//! One value under one verb.

use super::{TooLong, float, integer};
use crate::quote::{can_backquote, quote, quote_ascii, quote_char};
use crate::value::{Field, Map, Under, Value};

/// The flags, width and precision of a verb.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags {
    pub(crate) plus: bool,
    pub(crate) minus: bool,
    pub(crate) sharp: bool,
    pub(crate) space: bool,
    pub(crate) zero: bool,
    /// `%+v`: names of fields.
    pub(crate) plus_v: bool,
    /// `%#v`: Go syntax.
    pub(crate) sharp_v: bool,
    pub(crate) width: Option<usize>,
    pub(crate) precision: Option<usize>,
}

/// Text growing up to a bound.
pub(crate) struct Printer {
    out: String,
    most_bytes: usize,
    too_long: bool,
    pub(crate) flags: Flags,
    /// Inside the report of a wrong verb, where methods are not asked.
    erroring: bool,
}

impl Printer {
    pub(crate) fn new(most_bytes: usize) -> Self {
        Self { out: String::new(), most_bytes, too_long: false, flags: Flags::default(), erroring: false }
    }

    pub(crate) fn finish(self) -> Result<String, TooLong> {
        if self.too_long { Err(TooLong) } else { Ok(self.out) }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.too_long
    }

    pub(crate) fn push(&mut self, text: &str) {
        if self.out.len() + text.len() > self.most_bytes {
            self.too_long = true;
        } else {
            self.out.push_str(text);
        }
    }

    fn fill(&mut self, count: usize) {
        let byte = if self.flags.zero && !self.flags.minus { "0" } else { " " };
        if count > self.most_bytes {
            self.too_long = true;
        } else if count > 0 {
            self.push(&byte.repeat(count));
        }
    }

    /// The text, filled up to the width.
    pub(crate) fn pad(&mut self, text: &str) {
        let missing = self.flags.width.map_or(0, |width| width.saturating_sub(text.chars().count()));
        if self.flags.minus {
            self.push(text);
            self.fill(missing);
        } else {
            self.fill(missing);
            self.push(text);
        }
    }

    fn pad_with_spaces(&mut self, text: &str) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text);
        self.flags.zero = zero;
    }

    /// An operand.
    pub(crate) fn arg(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'v' | 'T') => self.pad("<nil>"),
            (_, 'T') => {
                let name = value.type_name();
                self.string(&name, 's', value);
            }
            (Value::Pointer(_) | Value::List(_) | Value::Map(_), 'p') => self.address('x', value),
            _ => self.value(value, verb, 0),
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        if self.too_long {
            return;
        }
        if !self.erroring
            && !self.flags.sharp_v
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
            && let Some(text) = text_of(value)
        {
            return self.string(&text, verb, value);
        }
        let composite = matches!(value, Value::List(_) | Value::Map(_) | Value::Object(_) | Value::Pointer(_));
        if verb == 'w' && composite && !self.erroring {
            return self.wrong_verb(value, verb);
        }
        match value {
            Value::Nil if depth > 0 => self.push(if self.flags.sharp_v { "interface {}(nil)" } else { "<nil>" }),
            Value::Nil | Value::Time(_) => self.wrong_verb(value, verb),
            Value::Bool(truth) if matches!(verb, 'v' | 't') => self.pad(if *truth { "true" } else { "false" }),
            Value::Bool(_) => self.wrong_verb(value, verb),
            Value::Int(n) => self.integer(n.unsigned_abs(), *n < 0, verb, value),
            Value::Uint(n) => self.integer(*n, false, verb, value),
            Value::Duration(d) => self.integer(d.nanos().unsigned_abs(), d.nanos() < 0, verb, value),
            Value::Float(n) => self.float(*n, verb, value),
            Value::Str(text) | Value::Safe(_, text) => self.string(text, verb, value),
            Value::List(list) => self.list(list.type_name(), list.items(), verb, depth),
            Value::Map(map) => self.map(map.type_name(), map, verb, depth),
            Value::Object(object) => match object.under() {
                Under::Plain(Value::List(list)) => self.list(object.type_name(), list.items(), verb, depth),
                Under::Plain(Value::Map(map)) => self.map(object.type_name(), &map, verb, depth),
                Under::Plain(Value::Int(n)) => self.integer(n.unsigned_abs(), n < 0, verb, value),
                Under::Plain(plain) => self.value(&plain, verb, depth),
                Under::Struct(fields) => self.fields(object.type_name(), &fields, verb, depth),
            },
            Value::Pointer(to) => self.pointer(to, verb, depth, value),
        }
    }

    /// What encloses the elements of a composite.
    fn brackets(&self, type_name: &str, open: &str, close: &'static str) -> (String, &'static str) {
        if self.flags.sharp_v { (format!("{type_name}{{"), "}") } else { (open.to_owned(), close) }
    }

    fn separator(&mut self, i: usize) {
        if i > 0 {
            self.push(if self.flags.sharp_v { ", " } else { " " });
        }
    }

    fn list(&mut self, type_name: &str, items: &[Value], verb: char, depth: usize) {
        let (open, close) = self.brackets(type_name, "[", "]");
        self.push(&open);
        for (i, item) in items.iter().enumerate() {
            self.separator(i);
            self.value(item, verb, depth + 1);
        }
        self.push(close);
    }

    fn map(&mut self, type_name: &str, map: &Map, verb: char, depth: usize) {
        let (open, close) = self.brackets(type_name, "map[", "]");
        self.push(&open);
        for (i, (name, item)) in map.entries().iter().enumerate() {
            self.separator(i);
            self.string(name, verb, &Value::Str(name.clone()));
            self.push(":");
            self.value(item, verb, depth + 1);
        }
        self.push(close);
    }

    fn fields(&mut self, type_name: &str, fields: &[Field], verb: char, depth: usize) {
        let (open, close) = self.brackets(type_name, "{", "}");
        self.push(&open);
        for (i, field) in fields.iter().enumerate() {
            self.separator(i);
            if self.flags.plus_v || self.flags.sharp_v {
                self.push(&format!("{}:", field.name));
            }
            self.value(&field.value, verb, depth + 1);
        }
        self.push(close);
    }

    fn pointer(&mut self, to: &Value, verb: char, depth: usize, value: &Value) {
        let composite = match to {
            Value::List(_) | Value::Map(_) | Value::Time(_) => true,
            Value::Object(object) => {
                matches!(object.under(), Under::Struct(_) | Under::Plain(Value::List(_) | Value::Map(_)))
            }
            _ => false,
        };
        if depth == 0 && composite {
            self.push("&");
            return self.value(to, verb, depth + 1);
        }
        match verb {
            'v' | 'b' | 'o' | 'd' | 'x' | 'X' => self.address(verb, value),
            _ => self.wrong_verb(value, verb),
        }
    }

    /// There are no addresses here; a fixed one keeps the shape.
    fn address(&mut self, verb: char, value: &Value) {
        let sharp = self.flags.sharp;
        let verb = if verb == 'v' { 'x' } else { verb };
        self.flags.sharp = verb == 'x' && !sharp;
        self.integer(0x00c0_0000_0000, false, verb, value);
        self.flags.sharp = sharp;
    }

    /// `%!d(string=hi)`
    fn wrong_verb(&mut self, value: &Value, verb: char) {
        let erroring = std::mem::replace(&mut self.erroring, true);
        self.push(&format!("%!{verb}("));
        if matches!(value, Value::Nil) {
            self.push("<nil>");
        } else {
            self.push(&format!("{}=", value.type_name()));
            match value {
                // Go would show the inside of the struct.
                Value::Time(time) => self.push(&time.to_string()),
                _ => self.value(value, 'v', 0),
            }
        }
        self.push(")");
        self.erroring = erroring;
    }

    fn integer(&mut self, magnitude: u64, negative: bool, verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v && matches!(value, Value::Uint(_)) => self.push(&format!("0x{magnitude:x}")),
            'v' | 'd' | 'b' | 'o' | 'O' | 'x' | 'X' => self.number(magnitude, negative, verb),
            'c' | 'q' => {
                let valid = if negative { None } else { u32::try_from(magnitude).ok().and_then(char::from_u32) };
                let c = valid.unwrap_or(char::REPLACEMENT_CHARACTER);
                let ascii = self.flags.plus;
                self.pad(&if verb == 'c' { c.to_string() } else { quote_char(c, ascii) });
            }
            'U' => {
                let bits = if negative { magnitude.wrapping_neg() } else { magnitude };
                let digits = self.flags.precision.unwrap_or(4).clamp(4, self.most_bytes.max(4));
                let c = u32::try_from(bits).ok().and_then(char::from_u32).filter(|c| crate::unicode::is_print(*c));
                let shown = c.filter(|_| self.flags.sharp).map(|c| format!(" '{c}'")).unwrap_or_default();
                let digits = zero_filled(&format!("{bits:X}"), digits);
                self.pad_with_spaces(&format!("U+{digits}{shown}"));
            }
            _ => self.wrong_verb(value, verb),
        }
    }

    fn number(&mut self, magnitude: u64, negative: bool, verb: char) {
        let flags = self.flags;
        if flags.precision == Some(0) && magnitude == 0 {
            return self.pad_with_spaces("");
        }
        let sign = match negative {
            true => "-",
            false if flags.plus => "+",
            false if flags.space => " ",
            false => "",
        };
        let zeros = flags.width.filter(|_| flags.zero && !flags.minus).map(|width| width.saturating_sub(sign.len()));
        let least = flags.precision.or(zeros).unwrap_or(0);
        if least > self.most_bytes {
            self.too_long = true;
            return;
        }
        let digits = zero_filled(&integer::digits(magnitude, verb), least);
        let prefix = integer::prefix(&digits, verb, flags.sharp);
        self.pad_with_spaces(&format!("{sign}{prefix}{digits}"));
    }

    fn float(&mut self, number: f64, verb: char, value: &Value) {
        let (shape, default) = match verb {
            'v' | 'g' => ('g', None),
            'b' | 'G' | 'x' | 'X' => (verb, None),
            'e' | 'E' | 'f' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            _ => return self.wrong_verb(value, verb),
        };
        let precision = self.flags.precision.or(default);
        if precision.is_some_and(|p| p > self.most_bytes) {
            self.too_long = true;
            return;
        }
        let mut text = float::text(number, shape, precision);
        if self.flags.space && !self.flags.plus && text.starts_with('+') {
            text.replace_range(..1, " ");
        }
        if !number.is_finite() {
            let bare = number.is_nan() && !self.flags.space && !self.flags.plus;
            return self.pad_with_spaces(if bare { &text[1..] } else { &text });
        }
        if self.flags.sharp && shape != 'b' {
            text = with_point(&text, shape, precision);
        }
        if !self.flags.plus && text.starts_with('+') {
            return self.pad(&text[1..]);
        }
        let missing = self.flags.width.map_or(0, |width| width.saturating_sub(text.len()));
        if self.flags.zero && !self.flags.minus && missing > 0 {
            self.push(&text[..1]);
            self.fill(missing);
            return self.push(&text[1..]);
        }
        self.pad(&text);
    }

    fn string(&mut self, text: &str, verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v => self.pad(&quote(self.cut(text))),
            'v' | 's' => self.pad(self.cut(text)),
            'q' => {
                let text = self.cut(text);
                let quoted = match text {
                    _ if self.flags.sharp && can_backquote(text) => format!("`{text}`"),
                    _ if self.flags.plus => quote_ascii(text),
                    _ => quote(text),
                };
                self.pad(&quoted);
            }
            'x' | 'X' => self.hexadecimal(text, verb),
            _ => self.wrong_verb(value, verb),
        }
    }

    /// The first characters, as many as the precision says.
    fn cut<'a>(&self, text: &'a str) -> &'a str {
        let end = self.flags.precision.and_then(|most| text.char_indices().nth(most)).map(|(at, _)| at);
        &text[..end.unwrap_or(text.len())]
    }

    fn hexadecimal(&mut self, text: &str, verb: char) {
        let bytes = &text.as_bytes()[..self.flags.precision.unwrap_or(text.len()).min(text.len())];
        let prefix = match (self.flags.sharp, verb) {
            (true, 'x') => "0x",
            (true, _) => "0X",
            _ => "",
        };
        let mut out = String::with_capacity(bytes.len() * 2);
        for (i, byte) in bytes.iter().enumerate() {
            if i > 0 && self.flags.space {
                out.push(' ');
            }
            if i == 0 || self.flags.space {
                out.push_str(prefix);
            }
            out.push_str(&if verb == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") });
        }
        self.pad(&out);
    }
}

/// At least this many digits. (The width of `format!` ends at 65,535.)
fn zero_filled(digits: &str, least: usize) -> String {
    format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())))
}

/// What Go's `String` method of the value's type says.
fn text_of(value: &Value) -> Option<std::sync::Arc<str>> {
    match value {
        Value::Time(time) => Some(time.to_string().into()),
        Value::Duration(duration) => Some(duration.to_string().into()),
        Value::Object(object) => object.text(),
        Value::Pointer(to) if !matches!(**to, Value::Pointer(_)) => text_of(to),
        _ => None,
    }
}

/// `#`: a decimal point always, and for `g` also the trailing zeros.
fn with_point(text: &str, verb: char, precision: Option<usize>) -> String {
    let hex = matches!(verb, 'x' | 'X');
    let exponent = text.find(|c: char| matches!(c, 'p' | 'P') || (!hex && matches!(c, 'e' | 'E')));
    let (number, tail) = text.split_at(exponent.unwrap_or(text.len()));
    let mut number = number.to_owned();
    let significant = number.trim_start_matches(['+', '-', ' ', '0', '.']).chars().filter(|c| *c != '.').count();
    let wanted = if matches!(verb, 'g' | 'G' | 'x') { precision.unwrap_or(6) } else { 0 };
    let mut zeros = wanted.saturating_sub(significant);
    if !number.contains('.') {
        zeros = zeros.saturating_sub(usize::from(number.len() == 2 && number.ends_with('0')));
        number.push('.');
    }
    format!("{number}{}{tail}", "0".repeat(zeros))
}
