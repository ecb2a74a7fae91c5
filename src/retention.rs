//! Rules that keep some series for a shorter time: `7d:{env="dev"}`.

use std::time::Duration;

use nightjar_model::Matcher;
use nightjar_query::{ParserOptions, parse_selector};

use crate::units;

/// Series that are kept for a shorter time than the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// How long their samples are kept.
    pub keep: Duration,
    /// The series: all that satisfy these.
    pub matchers: Vec<Matcher>,
    /// The rule as it was written.
    pub text: String,
}

/// Reads `duration:selector`.
pub fn parse_rule(text: &str) -> Result<RetentionRule, String> {
    const SHAPE: &str = "write DURATION:SELECTOR, as 7d:{env=\"dev\"}";
    let (keep, selector) = text.split_once(':').ok_or_else(|| format!("there is no colon; {SHAPE}"))?;
    let keep = units::parse_duration(keep.trim()).map_err(|e| format!("{e}; {SHAPE}"))?;
    if keep.is_zero() {
        return Err(format!("a rule must keep samples for some time; {SHAPE}"));
    }
    let matchers = parse_selector(selector.trim(), &ParserOptions::default()).map_err(|e| format!("{e}; {SHAPE}"))?;
    if matchers.iter().all(Matcher::matches_empty) {
        return Err(format!(
            "the selector concerns every series: that is what --storage.tsdb.retention.time is for; {SHAPE}"
        ));
    }
    Ok(RetentionRule { keep, matchers, text: text.to_owned() })
}

/// Says which rule asks for more than `retention` (0 = everything is kept) allows.
pub fn check(rules: &[RetentionRule], retention: Duration) -> Result<(), String> {
    let too_long = rules.iter().find(|rule| !retention.is_zero() && rule.keep >= retention);
    too_long.map_or(Ok(()), |rule| {
        Err(format!(
            "--storage.retention.rule={} keeps samples as long as all others or longer: after {} everything is removed; \
             raise --storage.tsdb.retention.time or shorten the rule",
            rule.text,
            units::format_duration(retention)
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let rule = parse_rule("7d:{env=\"dev\",job=~\"a:b|c\"}").unwrap();
        assert_eq!((rule.keep, rule.matchers.len()), (Duration::from_secs(7 * 86_400), 2));
        assert_eq!(parse_rule("36h: up").unwrap().matchers, [Matcher::equal("__name__", "up")]);
        for bad in ["7d", "{env=\"dev\"}", "x:{env=\"dev\"}", "7d:{env=}", "7d:{}", "0s:up", "7d:{env=~\".*\"}"] {
            let error = parse_rule(bad).unwrap_err();
            assert!(error.contains("7d:{env=\"dev\"}"), "{bad}: {error}");
        }
        let days = |n: u64| Duration::from_secs(n * 86_400);
        assert!(
            check(std::slice::from_ref(&rule), days(15)).is_ok() && check(std::slice::from_ref(&rule), days(0)).is_ok()
        );
        assert!(check(&[rule], days(7)).unwrap_err().contains("retention.time"));
    }
}
