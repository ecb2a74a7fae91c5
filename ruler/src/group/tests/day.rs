//! A day of 500 rules, twice, and once more with 50 restarts.

use std::fmt::Write;

use nightjar_model::Labels;
use nightjar_model::duration::{format_duration_ms, parse_duration_ms};
use nightjar_platform::SplitMix;

use crate::file::RuleFile;
use crate::stage::{Stage, rules};

const DAY_MS: i64 = 86_400_000;

/// Distance of evaluations; the day is coarser unless NIGHTJAR_DAY_INTERVAL=1m asks for more, for a test shall not take long.
fn interval_ms() -> i64 {
    let asked = std::env::var("NIGHTJAR_DAY_INTERVAL").ok();
    parse_duration_ms(asked.as_deref().unwrap_or("1h")).unwrap()
}

/// 25 groups of 20 rules: of four, one records and three alert, on what was recorded, on series, on alerts.
fn files(interval_ms: i64) -> Vec<(String, RuleFile)> {
    let time = |intervals: i64| format_duration_ms(interval_ms * intervals);
    let mut text = "groups:\n".to_owned();
    for g in 0..25 {
        let _ = write!(text, "- name: g{g}\n  interval: {}\n  rules:\n", time(1));
        for r in 0..5 {
            let (wait, keep) = (time(i64::from(r)), time(i64::from(r % 3)));
            let _ = write!(
                text,
                "  - {{record: 'g:m:sum{r}', expr: 'sum by (job) (m{{job=\"j{g}\"}}) + {r}', labels: {{g: g{g}}}}}
  - {{alert: Sum{r}, expr: 'g:m:sum{r}{{g=\"g{g}\"}} > 19{r}', for: {wait}, labels: {{severity: page}}, annotations: {{text: '{{{{ $value }}}} of {{{{ $labels.job }}}}'}}}}
  - {{alert: One{r}, expr: 'm{{job=\"j{g}\"}} > 6{r}', for: {wait}, keep_firing_for: {keep}}}
  - {{alert: Meta{r}, expr: 'count by (job) (ALERTS{{alertname=\"One{r}\", job=\"j{g}\", alertstate=\"firing\"}}) > 1'}}
"
            );
        }
    }
    vec![("day.yml".to_owned(), rules(&text))]
}

/// Everything that is sent in a day, with restarts at these moments.
fn day(restarts: &[i64]) -> Vec<String> {
    let interval_ms = interval_ms();
    let files = files(interval_ms);
    let mut stage = Stage::new();
    let mut random = SplitMix::new(7);
    for g in 0..25 {
        for i in 0..4 {
            let labels = Labels::from_pairs([("__name__", "m"), ("job", &format!("j{g}")), ("i", &i.to_string())]);
            let mut value = 50.0;
            let sample = |t: i64| {
                value = (value + (random.next_u64() % 41) as f64 - 20.0).clamp(0.0, 100.0);
                (t, labels.clone(), value)
            };
            let samples: Vec<_> = (0..DAY_MS).step_by(interval_ms as usize).map(sample).collect();
            stage.announce(samples);
        }
    }
    let mut ruler = stage.started(&files, false);
    let mut restarts = restarts.iter().copied().peekable();
    while let Some(due) = ruler.poll_timeout().filter(|due| *due < DAY_MS) {
        if let Some(moment) = restarts.next_if(|moment| *moment < due) {
            stage.advance(moment);
            ruler = stage.started(&files, false);
            continue;
        }
        stage.advance(due);
        stage.with(|world| ruler.handle_timeout(due, world));
    }
    assert_eq!(restarts.next(), None);
    stage.sent()
}

#[test]
fn restarts_leave_no_trace() {
    let undisturbed = day(&[]);
    let resolved = undisturbed.iter().filter(|line| line.contains(" resolved ")).count();
    assert!(undisturbed.len() > 500 && resolved > 100, "{} {resolved}", undisturbed.len());
    assert_eq!(day(&[]), undisturbed, "the same day twice");
    let mut random = SplitMix::new(42);
    let mut moments: Vec<i64> = (0..50).map(|_| (random.next_u64() % DAY_MS.unsigned_abs()) as i64).collect();
    moments.sort_unstable();
    let restarted = day(&moments);
    let differs = undisturbed.iter().zip(&restarted).position(|(a, b)| a != b);
    let near = differs.map(|at| (&undisturbed[at], &restarted[at]));
    assert!(restarted == undisturbed, "{} and {} lines, first difference {near:?}", undisturbed.len(), restarted.len());
}
