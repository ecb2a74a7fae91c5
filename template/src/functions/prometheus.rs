//! The functions of Prometheus' rules and consoles.

use std::sync::Arc;

use super::humanize::{
    humanize, humanize_1024, humanize_duration, humanize_percentage, humanize_timestamp, number, to_duration, to_time,
};
use super::{duration, items, network, query_escape, text, title, url};
use crate::function::{Body, Functions};
use crate::value::{List, Signature, Type, Under, Value};

const NONE: Signature = Signature::of(&[]);
const ONE: Signature = Signature::of(&[Type::STRING]);
const NUMBER: Signature = Signature::of(&[Type::Any]);
const RESULT: Type = Type::Is("template.queryResult");
const SAMPLE: Type = Type::Is("*template.sample");

/// What Go says when a function looks into a sample that is not there.
const NIL_SAMPLE: &str = "runtime error: invalid memory address or nil pointer dereference";

/// All of them; `tmpl` is only in [`console`].
#[must_use]
pub fn prometheus() -> Functions {
    super::text::shared().and(results()).and(numbers()).and(addresses())
}

/// Those of [`prometheus`], and `tmpl`, for pages rendered as HTML.
#[must_use]
pub fn console() -> Functions {
    prometheus().with_body("tmpl", Signature::of(&[Type::STRING, Type::Any]), Body::Template)
}

fn results() -> Functions {
    Functions::new()
        .with("query", ONE, |context, args| {
            let samples = context.host().query(text(args, 0))?;
            let samples = samples.into_iter().map(|s| Value::pointer(Value::object(s))).collect();
            Ok(Value::List(Arc::new(List::new("template.queryResult", samples))))
        })
        .with("first", Signature::of(&[RESULT]), |_, args| {
            items(&args[0]).first().cloned().ok_or_else(|| "first() called on vector with no elements".to_owned())
        })
        .with("label", Signature::of(&[Type::STRING, SAMPLE]), |_, args| Ok(label(&args[1], text(args, 0))?.into()))
        .with("strvalue", Signature::of(&[SAMPLE]), |_, args| Ok(label(&args[0], "__value__")?.into()))
        .with("value", Signature::of(&[SAMPLE]), |_, args| sample_field(&args[0], "Value"))
        .with("sortByLabel", Signature::of(&[Type::STRING, RESULT]), |_, args| {
            let mut samples = items(&args[1]);
            samples.sort_by_cached_key(|sample| label(sample, text(args, 0)).unwrap_or_default());
            Ok(Value::List(Arc::new(List::new("template.queryResult", samples))))
        })
        .with("args", Signature::variadic(&[Type::Any]), |context, args| {
            context.shallow(Value::map(args.iter().enumerate().map(|(i, arg)| (format!("arg{i}"), arg.clone()))))
        })
}

fn sample_field(sample: &Value, name: &str) -> Result<Value, String> {
    match sample.target() {
        Value::Object(object) if matches!(object.under(), Under::Struct(_)) => {
            object.field(name).ok_or_else(|| NIL_SAMPLE.to_owned())
        }
        _ => Err(NIL_SAMPLE.to_owned()),
    }
}

fn label(sample: &Value, name: &str) -> Result<String, String> {
    match sample_field(sample, "Labels")?.plain() {
        Value::Map(map) => Ok(map.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()),
        _ => Ok(String::new()),
    }
}

fn numbers() -> Functions {
    Functions::new()
        .with("humanize", NUMBER, |_, args| Ok(humanize(number(&args[0])?).into()))
        .with("humanize1024", NUMBER, |_, args| Ok(humanize_1024(number(&args[0])?).into()))
        .with("humanizeDuration", NUMBER, |_, args| Ok(humanize_duration(number(&args[0])?).into()))
        .with("humanizePercentage", NUMBER, |_, args| Ok(humanize_percentage(number(&args[0])?).into()))
        .with("humanizeTimestamp", NUMBER, |_, args| Ok(humanize_timestamp(number(&args[0])?)?.into()))
        .with("toTime", NUMBER, |_, args| Ok(Value::pointer(Value::Time(to_time(number(&args[0])?)?))))
        .with("toDuration", NUMBER, |_, args| Ok(Value::pointer(Value::Duration(to_duration(number(&args[0])?)))))
        .with("now", NONE, |context, _| {
            let now = context.host().now();
            Ok(Value::Float((now.unix_s() * 1000 + i64::from(now.nanos() / 1_000_000)) as f64 / 1000.0))
        })
        .with("parseDuration", ONE, |_, args| duration::parse_seconds(text(args, 0)).map(Value::Float))
}

fn addresses() -> Functions {
    let link = |tab: u8| {
        move |_: &mut crate::Context<'_>, args: &[Value]| {
            Ok(format!("/graph?g0.expr={}&g0.tab={tab}", query_escape(text(args, 0))).into())
        }
    };
    Functions::new()
        .with("title", ONE, |_, args| Ok(title::title(text(args, 0), false).into()))
        .with("graphLink", ONE, link(0))
        .with("tableLink", ONE, link(1))
        .with("stripPort", ONE, |_, args| Ok(network::strip_port(text(args, 0)).into()))
        .with("stripDomain", ONE, |_, args| Ok(network::strip_domain(text(args, 0)).into()))
        .with("pathPrefix", NONE, |context, _| Ok(url::path(context.host().external_url()).into()))
        .with("externalURL", NONE, |context, _| Ok(context.host().external_url().into()))
        .with("urlQueryEscape", ONE, |_, args| Ok(query_escape(text(args, 0)).into()))
}
