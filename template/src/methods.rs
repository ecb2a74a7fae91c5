//! The methods of times and durations.

use crate::time::{Civil, Duration, Time, days_to};
use crate::value::{Object, Signature, Type, Under, Value};

const NONE: Signature = Signature::of(&[]);
const STRING: Signature = Signature::of(&[Type::STRING]);
const DURATION: Signature = Signature::of(&[Type::Is("time.Duration")]);
const TIME: Signature = Signature::of(&[Type::Is("time.Time")]);
const DATE: Signature = Signature::of(&[Type::Is("int"), Type::Is("int"), Type::Is("int")]);

/// The parameters of the method of a value, if its type has one of this name.
pub(crate) fn signature(value: &Value, name: &str) -> Option<Signature> {
    match value {
        Value::Time(_) => Some(match name {
            "Add" | "Truncate" | "Round" => DURATION,
            "AddDate" => DATE,
            "After" | "Before" | "Equal" | "Compare" | "Sub" => TIME,
            "Format" => STRING,
            "Day" | "Hour" | "Minute" | "Month" | "Nanosecond" | "Second" | "Weekday" | "Year" | "YearDay"
            | "IsZero" | "Local" | "Location" | "String" | "UTC" | "Unix" | "UnixMicro" | "UnixMilli" | "UnixNano" => {
                NONE
            }
            _ => return None,
        }),
        Value::Duration(_) => Some(match name {
            "Round" | "Truncate" => DURATION,
            "Abs" | "Hours" | "Microseconds" | "Milliseconds" | "Minutes" | "Nanoseconds" | "Seconds" | "String" => {
                NONE
            }
            _ => return None,
        }),
        Value::Object(object) => object.method(name),
        _ => None,
    }
}

/// Calls a method that [`signature`] knows.
pub(crate) fn call(value: &Value, name: &str, args: &[Value]) -> Result<Value, String> {
    match value {
        Value::Time(time) => Ok(of_time(time, name, args)),
        Value::Duration(duration) => Ok(of_duration(*duration, name, args)),
        Value::Object(object) => object.call(name, args),
        _ => Err(format!("no method {name}")),
    }
}

fn duration_arg(args: &[Value]) -> Duration {
    match args.first().map(Value::target) {
        Some(Value::Duration(duration)) => *duration,
        _ => Duration::from_nanos(0),
    }
}

fn of_duration(duration: Duration, name: &str, args: &[Value]) -> Value {
    let ns = duration.nanos();
    match name {
        "Round" => Value::Duration(duration.round(duration_arg(args))),
        "Truncate" => Value::Duration(duration.truncate(duration_arg(args))),
        "Abs" => Value::Duration(Duration::from_nanos(ns.saturating_abs())),
        "Hours" => Value::Float(duration.in_units(3_600_000_000_000)),
        "Minutes" => Value::Float(duration.in_units(60_000_000_000)),
        "Seconds" => Value::Float(duration.seconds()),
        "Milliseconds" => Value::Int(ns / 1_000_000),
        "Microseconds" => Value::Int(ns / 1000),
        "Nanoseconds" => Value::Int(ns),
        _ => duration.to_string().into(),
    }
}

fn of_time(time: &Time, name: &str, args: &[Value]) -> Value {
    let other = || match args.first().map(Value::target) {
        Some(Value::Time(other)) => other.clone(),
        _ => Time::zero(),
    };
    let order = || time.unix_ns().cmp(&other().unix_ns());
    let int = |n: u32| Value::Int(n.into());
    let unix_in = |unit_ns: i128| Value::Int(time.unix_ns().div_euclid(unit_ns) as i64);
    match name {
        "Add" => Value::Time(time.plus(duration_arg(args))),
        "AddDate" => Value::Time(add_date(time, args)),
        "Truncate" | "Round" => Value::Time(to_multiple(time, duration_arg(args), name == "Round")),
        "After" => order().is_gt().into(),
        "Before" => order().is_lt().into(),
        "Equal" => order().is_eq().into(),
        "Compare" => Value::Int(order() as i64),
        "Sub" => Value::Duration(time.since(&other())),
        "Format" => time.format(args.first().and_then(Value::as_str).unwrap_or_default()).into(),
        "IsZero" => time.is_zero().into(),
        "Local" | "UTC" => Value::Time(time.utc()),
        "Location" => time.location().name().into(),
        "Unix" => Value::Int(time.unix_s()),
        "UnixMilli" => unix_in(1_000_000),
        "UnixMicro" => unix_in(1000),
        "UnixNano" => unix_in(1),
        "Nanosecond" => int(time.nanos()),
        "String" => time.to_string().into(),
        _ => of_civil(&time.civil(), name),
    }
}

fn of_civil(civil: &Civil, name: &str) -> Value {
    let named = |type_name, n: u32, name| Value::object(Named { type_name, number: n.into(), name });
    match name {
        "Year" => Value::Int(civil.year),
        "Month" => named("time.Month", civil.month, crate::time::MONTHS[civil.month as usize - 1]),
        "Weekday" => named("time.Weekday", civil.weekday, crate::time::WEEKDAYS[civil.weekday as usize]),
        "Day" => Value::Int(civil.day.into()),
        "YearDay" => Value::Int(civil.year_day.into()),
        "Hour" => Value::Int(civil.hour.into()),
        "Minute" => Value::Int(civil.minute.into()),
        _ => Value::Int(civil.second.into()),
    }
}

fn add_date(time: &Time, args: &[Value]) -> Time {
    let arg = |i: usize| match args.get(i) {
        Some(Value::Int(n)) => (*n).clamp(-1_000_000_000, 1_000_000_000),
        _ => 0,
    };
    let civil = time.civil();
    let days = days_to(civil.year + arg(0), i64::from(civil.month) + arg(1), i64::from(civil.day) + arg(2));
    Time::of_civil(days, civil.second_of_day(), time.nanos(), time.place())
}

/// Down, or to the nearest, multiple of `unit` since the year 1.
fn to_multiple(time: &Time, unit: Duration, nearest: bool) -> Time {
    if unit.nanos() <= 0 {
        return time.clone();
    }
    let since_zero = time.unix_ns() - Time::zero().unix_ns();
    let rest = since_zero.rem_euclid(i128::from(unit.nanos())) as i64;
    let up = nearest && i128::from(rest) * 2 >= i128::from(unit.nanos());
    time.plus(Duration::from_nanos(if up { unit.nanos() - rest } else { -rest }))
}

/// A number with a name, such as a month.
#[derive(Debug)]
struct Named {
    type_name: &'static str,
    number: i64,
    name: &'static str,
}

impl Object for Named {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn under(&self) -> Under {
        Under::Plain(Value::Int(self.number))
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "String").then_some(NONE)
    }

    fn call(&self, _: &str, _: &[Value]) -> Result<Value, String> {
        Ok(self.name.into())
    }

    fn text(&self) -> Option<std::sync::Arc<str>> {
        Some(self.name.into())
    }
}
