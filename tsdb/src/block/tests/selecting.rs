//! Matchers select what they would select series by series.

use std::collections::BTreeSet;

use nightjar_model::{Labels, MatchOp, Matcher};
use proptest::prelude::*;
use proptest::sample::select;

use super::super::BlockOptions;
use super::model::{Content, SMALL, Series, content, matches};

fn matcher() -> impl Strategy<Value = Matcher> {
    let op = select(vec![MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex]);
    let name = select(vec!["__name__", "instance", "device", "Zone", "absent", ""]);
    let value = select(vec![
        "",
        "up",
        "cpu_seconds",
        "cpu_.*",
        "0",
        "1",
        "[01]",
        "0|1|2|9",
        ".*",
        ".+",
        "a.?",
        "(a|b)+",
        "é.*",
        "up|",
        "[^0]*",
        "no",
        "u(p|q)",
        ".*s",
    ]);
    (op, name, value).prop_map(|(op, name, value)| Matcher::new(op, name, value).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn selections_and_listings(content in content(), sets in proptest::collection::vec(proptest::collection::vec(matcher(), 0..3), 12)) {
        let (_dir, block) = content.block(SMALL);
        let sorted = content.sorted();
        for matchers in &sets {
            let expected: Vec<u32> =
                (0..sorted.len() as u32).filter(|id| matches(&sorted[*id as usize].labels, matchers)).collect();
            prop_assert_eq!(block.select(matchers).unwrap().to_vec(), expected.clone(), "{:?}", matchers);
            let chosen = || expected.iter().flat_map(|id| sorted[*id as usize].labels.iter());
            let names: BTreeSet<_> = chosen().map(|l| l.name.to_owned()).collect();
            prop_assert_eq!(block.label_names(matchers).unwrap(), names.into_iter().collect::<Vec<_>>());
            for name in ["instance", "Zone", "absent"] {
                let values: BTreeSet<_> = chosen().filter(|l| l.name == name).map(|l| l.value.to_owned()).collect();
                let values: Vec<_> = values.into_iter().collect();
                prop_assert_eq!(&block.label_values(name, matchers, 0).unwrap(), &values);
                prop_assert_eq!(&block.label_values(name, matchers, 2).unwrap()[..], &values[..values.len().min(2)]);
            }
        }
    }
}

/// Enough values for several dictionary pages, long enough to share much.
#[test]
fn large_dictionaries() {
    let times = vec![2_000_000];
    let value = |i: usize| format!("pod-{}-{}", "x".repeat(i % 90), i * 7 % 5000);
    let one = |i: usize| Series {
        labels: Labels::from_pairs([("__name__", "up"), ("a", "1"), ("pod", &value(i)), ("z", &(i % 3).to_string())]),
        floats: vec![(2_000_000, i as f64, 0)],
        histograms: Vec::new(),
        exemplars: Vec::new(),
    };
    let content = Content { targets: vec![(times, (0..5000).map(one).collect())] };
    let (_dir, block) = content.block(BlockOptions::default());
    let sorted = content.sorted();
    let ask = |op, name: &str, value: &str| {
        let matchers = [Matcher::new(op, name, value).unwrap()];
        let expected: Vec<u32> = (0..5000).filter(|id| matches(&sorted[*id as usize].labels, &matchers)).collect();
        assert_eq!(block.select(&matchers).unwrap().to_vec(), expected, "{matchers:?}");
        expected.len()
    };
    for i in (0..5000).step_by(37) {
        assert_eq!(ask(MatchOp::Equal, "pod", &value(i)), 1);
        assert_eq!(ask(MatchOp::NotEqual, "pod", &value(i)), 4999);
    }
    for absent in ["a", "pod", "pod-", "pod-x-", "pod-xx", "zzz"] {
        assert_eq!(ask(MatchOp::Equal, "pod", absent), 0);
    }
    assert!(ask(MatchOp::Regex, "pod", "pod-xx.*") > 4000);
    assert!(ask(MatchOp::Regex, "pod", "pod-x{3}-.*1") > 0);
    assert!(ask(MatchOp::NotRegex, "pod", ".*9") > 0);
    assert_eq!(ask(MatchOp::Regex, "z", ".+"), 5000);
    let narrow = [Matcher::equal("z", "1")];
    assert_eq!(block.label_values("pod", &narrow, 0).unwrap().len(), 1667);
    assert_eq!(block.label_values("pod", &[], 3).unwrap().len(), 3);
    assert_eq!(block.label_values("z", &[Matcher::equal("a", "1")], 0).unwrap(), ["0", "1", "2"]);
}
