//! The functions of Alertmanager's notification templates.

use super::{base64, humanize, items, text, title, url};
use crate::function::Functions;
use crate::json::to_json;
use crate::time::Time;
use crate::value::{Content, Signature, Type, Value};

const ONE: Signature = Signature::of(&[Type::STRING]);
const TWO: Signature = Signature::of(&[Type::STRING, Type::STRING]);
const ANY: Signature = Signature::variadic(&[Type::Any]);
const STRINGS: Type = Type::Is("[]string");
const LIST: Type = Type::Is("[]interface {}");
const TIME: Type = Type::Is("time.Time");

/// All of them. `routeLabels` asks the host.
#[must_use]
pub fn alertmanager() -> Functions {
    super::text::shared().and(texts()).and(times()).and(collections())
}

fn texts() -> Functions {
    Functions::new()
        .with("title", ONE, |_, args| Ok(title::title(text(args, 0), true).into()))
        .with("trimSpace", ONE, |_, args| Ok(text(args, 0).trim().into()))
        .with("join", Signature::of(&[Type::STRING, STRINGS]), |context, args| {
            super::text::join(context, &args[1], text(args, 0))
        })
        .with("safeUrl", ONE, |_, args| Ok(Value::Safe(Content::Url, text(args, 0).into())))
        .with("urlUnescape", ONE, |_, args| Ok(url::query_unescape(text(args, 0))?.into()))
        .with("base64encode", ONE, |_, args| Ok(base64::encode(text(args, 0).as_bytes()).into()))
        .with("base64decode", ONE, |_, args| Ok(base64::decode(text(args, 0))?.into()))
        .with("routeLabels", ONE, |context, args| Ok(context.host().route_label(text(args, 0))?.into()))
        .with("toJson", Signature::of(&[Type::Any]), |context, args| Ok(to_json(&args[0], context.room())?.into()))
}

fn time(value: &Value) -> Time {
    match value.target() {
        Value::Time(time) => time.clone(),
        _ => Time::zero(),
    }
}

fn times() -> Functions {
    let now = |context: &mut crate::Context<'_>, _: &[Value]| Ok(Value::Time(context.host().now()));
    Functions::new()
        .with("now", Signature::of(&[]), now)
        .with("since", Signature::of(&[TIME]), |context, args| {
            Ok(Value::Duration(context.host().now().since(&time(&args[0]))))
        })
        .with("date", Signature::of(&[Type::STRING, TIME]), |_, args| Ok(time(&args[1]).format(text(args, 0)).into()))
        .with("tz", Signature::of(&[Type::STRING, TIME]), |context, args| {
            let time = time(&args[1]);
            match text(args, 0) {
                "" | "UTC" => Ok(Value::Time(time.utc())),
                name => Ok(Value::Time(time.within(context.host().location(name)?))),
            }
        })
        .with("toDate", TWO, |_, args| {
            Ok(Value::Time(Time::parse(text(args, 0), text(args, 1)).unwrap_or_else(|_| Time::zero())))
        })
        .with("mustToDate", TWO, |_, args| Time::parse(text(args, 0), text(args, 1)).map(Value::Time))
        .with("humanizeDuration", Signature::of(&[Type::Any]), |_, args| {
            Ok(humanize::humanize_duration(humanize::number(&args[0])?).into())
        })
}

fn collections() -> Functions {
    Functions::new()
        .with("stringSlice", Signature::variadic(&[Type::STRING]), |_, args| {
            Ok(Value::strings(args.iter().filter_map(Value::as_str)))
        })
        .with("list", ANY, |context, args| context.shallow(Value::list(args.to_vec())))
        .with("append", Signature::variadic(&[LIST, Type::Any]), |context, args| {
            let mut all = items(&args[0]);
            all.extend_from_slice(&args[1..]);
            context.shallow(Value::list(all))
        })
        .with("dict", ANY, |context, args| {
            if args.len() % 2 != 0 {
                return Err("dict requires an even number of arguments".to_owned());
            }
            let entry = |pair: &[Value]| match &pair[0] {
                Value::Str(name) => Ok((name.clone(), pair[1].clone())),
                _ => Err("dict keys must be strings".to_owned()),
            };
            let entries: Result<Vec<_>, String> = args.chunks_exact(2).map(entry).collect();
            context.shallow(Value::map(entries?))
        })
}
