//! Format strings: literal text and verbs with flags, width, precision and argument numbers.

use super::printer::{Flags, Printer};
use crate::value::Value;

/// The largest width, precision or argument number.
const MOST: usize = 1_000_000;

struct Run<'a> {
    format: &'a str,
    at: usize,
    args: &'a [Value],
    next: usize,
    reordered: bool,
    good_number: bool,
    after_number: bool,
}

/// Prints `format` with its operands.
pub(super) fn run(printer: &mut Printer, format: &str, args: &[Value]) {
    let mut run = Run { format, at: 0, args, next: 0, reordered: false, good_number: true, after_number: false };
    while run.at < format.len() && !printer.is_full() {
        let rest = &format[run.at..];
        let literal = rest.find('%').unwrap_or(rest.len());
        printer.push(&rest[..literal]);
        run.at += literal;
        if run.at < format.len() {
            run.at += 1;
            run.verb(printer);
        }
    }
    if !run.reordered && run.next < args.len() {
        extra(printer, &args[run.next..]);
    }
}

fn extra(printer: &mut Printer, args: &[Value]) {
    printer.flags = Flags::default();
    printer.push("%!(EXTRA ");
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            printer.push(", ");
        }
        if !matches!(arg, Value::Nil) {
            printer.push(&format!("{}=", arg.type_name()));
        }
        printer.arg(arg, 'v');
    }
    printer.push(")");
}

impl Run<'_> {
    fn peek(&self) -> Option<u8> {
        self.format.as_bytes().get(self.at).copied()
    }

    /// One verb; the percent sign is behind.
    fn verb(&mut self, printer: &mut Printer) {
        self.good_number = true;
        self.after_number = false;
        let mut flags = self.flags();
        self.number();
        self.width(printer, &mut flags);
        if self.peek() == Some(b'.') && self.at + 1 < self.format.len() {
            self.at += 1;
            self.precision(printer, &mut flags);
        }
        if !self.after_number {
            self.number();
        }
        let Some(verb) = self.format[self.at..].chars().next() else {
            return printer.push("%!(NOVERB)");
        };
        self.at += verb.len_utf8();
        match (verb, self.args.get(self.next)) {
            ('%', _) => printer.push("%"),
            _ if !self.good_number => printer.push(&format!("%!{verb}(BADINDEX)")),
            (_, None) => printer.push(&format!("%!{verb}(MISSING)")),
            (_, Some(arg)) => {
                if matches!(verb, 'v' | 'w') {
                    flags.sharp_v = std::mem::take(&mut flags.sharp);
                    flags.plus_v = std::mem::take(&mut flags.plus);
                }
                printer.flags = flags;
                printer.arg(arg, verb);
                printer.flags = Flags::default();
                self.next += 1;
            }
        }
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    /// `[2]`: which operand comes next.
    fn number(&mut self) {
        if self.peek() != Some(b'[') {
            self.after_number = false;
            return;
        }
        self.reordered = true;
        let inner = self.format[self.at + 1..].find(']').map(|end| &self.format[self.at + 1..self.at + 1 + end]);
        let index = inner.filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        let index = index.and_then(|d| d.parse::<usize>().ok()).filter(|n| *n <= MOST);
        self.at += inner.filter(|_| self.format.len() - self.at >= 3).map_or(1, |inner| inner.len() + 2);
        match index {
            Some(n) if (1..=self.args.len()).contains(&n) => self.next = n - 1,
            _ => self.good_number = false,
        }
        self.after_number = index.is_some();
    }

    fn width(&mut self, printer: &mut Printer, flags: &mut Flags) {
        if self.peek() == Some(b'*') {
            self.at += 1;
            let width = self.int_operand();
            if width.is_none() {
                printer.push("%!(BADWIDTH)");
            }
            if width.is_some_and(|w| w < 0) {
                flags.minus = true;
                flags.zero = false;
            }
            flags.width = width.map(|w| w.unsigned_abs() as usize);
            self.after_number = false;
        } else {
            flags.width = self.digits();
            self.good_number &= !(self.after_number && flags.width.is_some());
        }
    }

    fn precision(&mut self, printer: &mut Printer, flags: &mut Flags) {
        self.good_number &= !self.after_number;
        self.number();
        if self.peek() == Some(b'*') {
            self.at += 1;
            let precision = self.int_operand().filter(|p| *p >= 0);
            if precision.is_none() {
                printer.push("%!(BADPREC)");
            }
            flags.precision = precision.map(|p| p as usize);
            self.after_number = false;
        } else {
            flags.precision = Some(self.digits().unwrap_or(0));
        }
    }

    fn int_operand(&mut self) -> Option<i64> {
        let arg = self.args.get(self.next)?;
        self.next += 1;
        let n = match arg.plain() {
            Value::Int(n) => n,
            Value::Uint(n) => i64::try_from(n).ok()?,
            _ => return None,
        };
        (n.unsigned_abs() <= MOST as u64).then_some(n)
    }

    /// A number, as long as all but its last digit stay within the bound.
    fn digits(&mut self) -> Option<usize> {
        let rest = &self.format[self.at..];
        let len = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = rest[..len].parse().ok().filter(|n: &usize| n / 10 <= MOST);
        // A number too large is as if it ended the format.
        self.at += if len > 0 && number.is_none() { rest.len() } else { len };
        number
    }
}
