//! Go's `fmt`: values to text.

mod float;
mod integer;
mod printer;
mod verbs;

pub(crate) use float::digits as float_digits;
pub(crate) use printer::Printer;

use crate::value::Value;

/// More text than the printer may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// `fmt.Sprint`: the values in their default form, spaced where neither neighbour is text.
pub(crate) fn sprint(args: &[Value], most_bytes: usize) -> Result<String, TooLong> {
    let mut printer = Printer::new(most_bytes);
    for (i, arg) in args.iter().enumerate() {
        let text = |v: &Value| v.plain().as_str().is_some();
        if i > 0 && !text(arg) && !text(&args[i - 1]) {
            printer.push(" ");
        }
        printer.arg(arg, 'v');
    }
    printer.finish()
}

/// `fmt.Sprintln`: spaced everywhere, with a newline.
pub(crate) fn sprintln(args: &[Value], most_bytes: usize) -> Result<String, TooLong> {
    let mut printer = Printer::new(most_bytes);
    for (i, arg) in args.iter().enumerate() {
        if i > 0 {
            printer.push(" ");
        }
        printer.arg(arg, 'v');
    }
    printer.push("\n");
    printer.finish()
}

/// `fmt.Sprintf`.
pub(crate) fn sprintf(format: &str, args: &[Value], most_bytes: usize) -> Result<String, TooLong> {
    let mut printer = Printer::new(most_bytes);
    verbs::run(&mut printer, format, args);
    printer.finish()
}

/// `%.4g`, the form of most numbers people read.
pub(crate) fn four_digits(value: f64) -> String {
    let text = float::text(value, 'g', Some(4));
    if value.is_infinite() { text } else { text.trim_start_matches('+').to_owned() }
}

/// What `{{ value }}` writes.
pub(crate) fn display(value: &Value, most_bytes: usize) -> Result<String, TooLong> {
    match value.target() {
        Value::Nil => Ok("<no value>".to_owned()),
        Value::Str(text) if text.len() <= most_bytes => Ok(text.to_string()),
        target => sprint(std::slice::from_ref(target), most_bytes),
    }
}
