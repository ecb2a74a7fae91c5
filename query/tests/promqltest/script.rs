//! The script language.

use nightjar_model::duration::parse_duration_ms;
use nightjar_model::{Labels, TimestampMs};
use regex_automata::meta::Regex;

use crate::series::{Series, Value, number, parse, parse_metric, quoted, repetition};

/// One command of a script.
pub enum Command {
    /// Forget all data.
    Clear,
    /// Add data.
    Load(Load),
    /// Evaluate and compare.
    Eval(Box<Eval>),
}

/// Data to add.
pub struct Load {
    pub gap_ms: i64,
    /// Group classic histograms into native ones too.
    pub with_nhcb: bool,
    /// Series with start times relative to each sample, where given.
    pub series: Vec<(Series, Option<Vec<Option<i64>>>)>,
}

/// When to evaluate.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Instant(TimestampMs),
    Range { start: TimestampMs, end: TimestampMs, step_ms: i64 },
}

/// A text or pattern a message must be.
#[derive(Debug)]
pub enum Pattern {
    Any,
    Text(String),
    Regex(Regex),
}

impl Pattern {
    pub fn matches(&self, message: &str) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Text(text) => text == message,
            Pattern::Regex(regex) => regex.is_match(message),
        }
    }
}

/// An evaluation and what is expected of it.
pub struct Eval {
    pub line: usize,
    pub expr: String,
    pub when: When,
    pub fail: Option<Pattern>,
    pub warn: Vec<Pattern>,
    pub info: Vec<Pattern>,
    pub some_warn: bool,
    pub some_info: bool,
    pub no_warn: bool,
    pub no_info: bool,
    pub ordered: bool,
    /// The answer of an instant query is a matrix on this grid.
    pub grid: Option<(TimestampMs, TimestampMs, i64)>,
    pub string: Option<String>,
    pub scalar: Option<f64>,
    pub series: Vec<Series>,
}

type Parsed<T> = Result<T, String>;

/// Reads a script.
pub fn read(text: &str) -> Parsed<Vec<Command>> {
    let lines: Vec<&str> =
        text.split('\n').map(str::trim).map(|line| if line.starts_with('#') { "" } else { line }).collect();
    let mut commands = Vec::new();
    let mut i = 0;
    while i < lines.len() {
        let line = lines[i];
        let end = i + lines[i..].iter().position(|line| line.is_empty()).unwrap_or(lines.len() - i);
        let word = line.split_whitespace().next().unwrap_or("").to_lowercase();
        let at = |e: String| format!("{}: {e}", i + 1);
        if word.is_empty() {
            i += 1;
        } else if word == "clear" {
            commands.push(Command::Clear);
            i += 1;
        } else if word.starts_with("load") {
            commands.push(Command::Load(load(&lines[i..end]).map_err(at)?));
            i = end;
        } else if word.starts_with("eval") {
            let (eval, used) = eval(&lines[i..end], i + 1).map_err(at)?;
            commands.push(Command::Eval(Box::new(eval)));
            i += used;
        } else {
            return Err(at(format!("invalid command {line}")));
        }
    }
    Ok(commands)
}

fn duration(text: &str) -> Parsed<i64> {
    parse_duration_ms(text).map_err(|e| format!("{text}: {e}"))
}

fn load(lines: &[&str]) -> Parsed<Load> {
    let (command, gap) = lines[0].split_once(char::is_whitespace).ok_or("load without step")?;
    let mut load = Load { gap_ms: duration(gap.trim())?, with_nhcb: command == "load_with_nhcb", series: Vec::new() };
    let mut starts: Option<(Labels, Vec<Option<i64>>)> = None;
    for line in &lines[1..] {
        let first = line.split_whitespace().next().unwrap_or("");
        if let Some(metric) = first.strip_suffix("@st") {
            let items = line[first.len()..].split_whitespace();
            let offsets = items.map(start_offsets).collect::<Parsed<Vec<_>>>()?.concat();
            starts = Some((parse_metric(metric)?.0, offsets));
            continue;
        }
        let series = parse(line).map_err(|e| format!("{line}: {e}"))?;
        let starts = match starts.take() {
            None => None,
            Some((labels, _)) if labels != series.labels => return Err("@st line of another metric".to_owned()),
            Some((_, offsets)) if offsets.len() != series.values.len() => {
                return Err("@st line of other length".to_owned());
            }
            Some((_, offsets)) => Some(offsets),
        };
        load.series.retain(|(other, _)| other.labels != series.labels);
        load.series.push((series, starts));
    }
    Ok(load)
}

/// `_`, `_xN`, `d`, `dxN`, `d+dxN`, `d-dxN`: start times relative to samples, in milliseconds.
fn start_offsets(item: &str) -> Parsed<Vec<Option<i64>>> {
    let (item, times) = repetition(item)?;
    if item == "_" {
        return Ok(vec![None; times.unwrap_or(1)]);
    }
    let signed = |text: &str| -> Parsed<i64> {
        match text.strip_prefix('-') {
            Some(text) => Ok(-duration(text)?),
            None => duration(text.strip_prefix('+').unwrap_or(text)),
        }
    };
    let (mut offset, step) = match item.char_indices().skip(1).find(|(_, c)| "+-".contains(*c)) {
        Some((at, _)) => (signed(&item[..at])?, signed(&item[at..])?),
        None => (signed(item)?, 0),
    };
    let one = |_| {
        let this = offset;
        offset += step;
        Some(this)
    };
    Ok((0..=times.unwrap_or(0)).map(one).collect())
}

/// The next word and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

fn keyword<'a>(text: &'a str, expected: &str) -> Parsed<&'a str> {
    match word(text) {
        (found, rest) if found == expected => Ok(rest),
        (found, _) => Err(format!("expected {expected}, found {found}")),
    }
}

fn range(text: &str) -> Parsed<(TimestampMs, TimestampMs, i64, &str)> {
    let (start, rest) = word(keyword(text, "from")?);
    let (end, rest) = word(keyword(rest, "to")?);
    let (step, rest) = word(keyword(rest, "step")?);
    Ok((duration(start)?, duration(end)?, duration(step)?, rest))
}

/// An evaluation and how many lines it takes.
fn eval(lines: &[&str], line: usize) -> Parsed<(Eval, usize)> {
    let (command, rest) = word(lines[0]);
    let (kind, rest) = word(rest);
    let (when, expr) = match kind {
        "instant" => {
            let (at, expr) = word(keyword(rest, "at")?);
            (When::Instant(duration(at)?), expr)
        }
        "range" => {
            let (start, end, step_ms, expr) = range(rest)?;
            (When::Range { start, end, step_ms }, expr)
        }
        other => return Err(format!("invalid evaluation {other}")),
    };
    let mut eval = Eval {
        line,
        expr: expr.to_owned(),
        when,
        fail: (command == "eval_fail").then_some(Pattern::Any),
        warn: Vec::new(),
        info: Vec::new(),
        some_warn: command == "eval_warn",
        some_info: command == "eval_info",
        no_warn: false,
        no_info: false,
        ordered: command == "eval_ordered",
        grid: None,
        string: None,
        scalar: None,
        series: Vec::new(),
    };
    for (i, line) in lines.iter().enumerate().skip(1) {
        if expectation(&mut eval, line)? {
            return Ok((eval, i + 1));
        }
    }
    Ok((eval, lines.len()))
}

/// Reads one line under `eval`; true when it is the last one.
fn expectation(eval: &mut Eval, line: &str) -> Parsed<bool> {
    if let Some(text) = line.strip_prefix("expected_fail_message") {
        eval.fail = Some(Pattern::Text(text.trim().to_owned()));
        return Ok(true);
    }
    if let Some(text) = line.strip_prefix("expected_fail_regexp") {
        eval.fail = Some(pattern("regex", text)?);
        return Ok(true);
    }
    if let Some(rest) = line.strip_prefix("expect range vector") {
        let (start, end, step_ms, _) = range(rest)?;
        eval.grid = Some((start, end, step_ms));
        eval.when = When::Instant(end);
    } else if let Some(text) = line.strip_prefix("expect string") {
        eval.string = Some(quoted(text.trim())?.0);
    } else if let Some(rest) = line.strip_prefix("expect ") {
        expect(eval, rest.trim())?;
    } else if let Ok(value) = line.parse::<f64>() {
        eval.scalar = Some(value);
        return Ok(true);
    } else {
        let series = parse(line).map_err(|e| format!("{line}: {e}"))?;
        if series.values.len() > 1 && matches!(eval.when, When::Instant(_)) && eval.grid.is_none() {
            return Err("several values expected of an instant evaluation".to_owned());
        }
        eval.series.push(series);
    }
    Ok(false)
}

fn expect(eval: &mut Eval, rest: &str) -> Parsed<()> {
    let (kind, rest) = word(rest);
    let pattern = match rest.split_once(':') {
        Some((how, text)) => pattern(how, text)?,
        None if rest.is_empty() => Pattern::Any,
        None => return Err(format!("invalid expect statement {rest}")),
    };
    match kind {
        "ordered" => eval.ordered = true,
        "fail" if eval.fail.is_some() => return Err("several expect fail lines".to_owned()),
        "fail" => eval.fail = Some(pattern),
        "warn" => eval.warn.push(pattern),
        "info" => eval.info.push(pattern),
        "no_warn" => eval.no_warn = true,
        "no_info" => eval.no_info = true,
        other => return Err(format!("cannot expect {other}")),
    }
    if (eval.no_warn && !eval.warn.is_empty()) || (eval.no_info && !eval.info.is_empty()) {
        return Err("contradicting expect lines".to_owned());
    }
    Ok(())
}

fn pattern(how: &str, text: &str) -> Parsed<Pattern> {
    match how {
        "msg" => Ok(Pattern::Text(text.trim().to_owned())),
        "regex" => Ok(Pattern::Regex(Regex::new(text.trim()).map_err(|e| e.to_string())?)),
        other => Err(format!("invalid token {other}")),
    }
}

/// Samples of a loaded series: time, start time, value.
pub fn samples(
    load: &Load,
    series: &Series,
    starts: Option<&Vec<Option<i64>>>,
) -> Vec<(TimestampMs, TimestampMs, Value)> {
    let sample = |(i, value): (usize, &Option<Value>)| {
        let t = i as i64 * load.gap_ms;
        let start = starts.and_then(|starts| starts[i]).map_or(0, |offset| t + offset);
        Some((t, start, value.clone()?))
    };
    series.values.iter().enumerate().filter_map(sample).collect()
}

/// A bucket bound.
pub fn bound(text: &str) -> Option<f64> {
    number(text).ok().filter(|v| !v.is_nan())
}
