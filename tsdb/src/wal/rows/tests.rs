use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Told = Vec<(i64, u32, u64, i64)>;
/// Time, and value and start by member.
type Run = (i64, BTreeMap<u32, (u64, i64)>);

#[derive(Default)]
struct Collect {
    t: i64,
    samples: Told,
}

impl RowSink for Collect {
    fn run(&mut self, t: i64) {
        self.t = t;
    }
    fn sample(&mut self, column: u32, bits: u64, start: i64) {
        self.samples.push((self.t, column, bits, start));
    }
}

/// Writes runs as one epoch, and tells what the members in `wanted` have.
fn encode(runs: &[Run], wanted: &[u32], absolute: bool) -> (Vec<u8>, Told) {
    let (mut out, mut encoder) = (Vec::new(), RunEncoder::default());
    let (mut scales, mut last) = (vec![0; MAX_MEMBERS as usize], HashMap::new());
    let mut starts: HashMap<u32, i64> = HashMap::new();
    let (mut previous, mut expected) = (0, Vec::new());
    for (t, run) in runs {
        if absolute {
            scales.fill(0);
            last.clear();
            starts.clear();
        }
        let members: Vec<_> = run
            .iter()
            .map(|(i, (bits, _))| Member { index: *i, slot: *i, bits: *bits, base: *last.get(i).unwrap_or(&0) })
            .collect();
        let changed: Vec<_> =
            run.iter().filter(|(i, (_, s))| *s != *starts.get(i).unwrap_or(&0)).map(|(i, (_, s))| (*i, *s)).collect();
        starts.extend(changed.iter().copied());
        encoder.encode(RunHead { t: *t, previous, starts: &changed }, &members, &mut scales, &mut out);
        previous = *t;
        for (i, (bits, start)) in run {
            if *bits != nightjar_model::STALE_NAN_BITS {
                last.insert(*i, *bits);
            }
            if let Ok(column) = wanted.binary_search(i) {
                expected.push((*t, column as u32, *bits, *start));
            }
        }
    }
    (out, expected)
}

/// The same, read back.
fn round_trip(runs: &[Run], wanted: &[u32], absolute: bool) -> (usize, Told, Told) {
    let (out, expected) = encode(runs, wanted, absolute);
    let mut sink = Collect::default();
    Chain::new(wanted).decode(&out, 0, absolute, &mut sink).unwrap();
    (out.len(), sink.samples, expected)
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![
        (0..100u64).prop_map(|v| (v as f64).to_bits()),
        (0..1000u64).prop_map(|v| (v as f64 / 100.0).to_bits()),
        Just(nightjar_model::STALE_NAN_BITS),
        any::<u64>(),
    ]
}

fn member() -> impl Strategy<Value = u32> {
    prop_oneof![0..200u32, 0..MAX_MEMBERS]
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(
        runs in prop::collection::vec(
            (any::<i32>().prop_map(i64::from), prop::collection::btree_map(member(), (value(), 0..3i64), 1..150)), 1..6),
        wanted in prop::collection::btree_set(member(), 0..150),
        absolute: bool,
    ) {
        // A start equal to the sample's own time means nothing and is told as unknown.
        let runs: Vec<_> = runs.into_iter().map(|(t, r)| (t + (1i64 << 40), r)).collect();
        let wanted: Vec<_> = wanted.into_iter().collect();
        let (_, got, expected) = round_trip(&runs, &wanted, absolute);
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn presence_is_what_decoding_says(
        runs in prop::collection::vec(
            (any::<i32>().prop_map(i64::from), prop::collection::btree_map(member(), (value(), 0..3i64), 1..150)), 1..6),
    ) {
        let runs: Vec<_> = runs.into_iter().map(|(t, r)| (t + (1i64 << 40), r)).collect();
        let mut told = Vec::new();
        presence(&encode(&runs, &[], false).0, 0, |t, chunk, present, stale| {
            told.extend(bits(present).map(|bit| (t, chunk * CHUNK + bit, stale >> bit & 1 == 1)));
        }).unwrap();
        let stale = |bits: u64| bits == nightjar_model::STALE_NAN_BITS;
        let own = runs.iter().flat_map(|(t, r)| r.iter().map(|(m, (bits, _))| (*t, *m, stale(*bits))));
        prop_assert_eq!(told, own.collect::<Vec<_>>());
    }

    #[test]
    fn foreign_bytes_never_panic(bytes: Vec<u8>, absolute: bool) {
        let _ = presence(&bytes, 0, |_, _, _, _| {});
        let _ = Chain::new(&[0, 1, 5, 64, 130]).decode(&bytes, 0, absolute, &mut Collect::default());
    }
}

#[test]
fn a_steady_target_costs_little() {
    let run = |t: i64| {
        (
            t,
            (0..2720)
                .map(|i| (i, ((i % 7) as f64 * 1000.0 + if i % 4 == 0 { t as f64 } else { 0.0 }).to_bits()))
                .map(|(i, b)| (i, (b, 0)))
                .collect(),
        )
    };
    let runs: Vec<Run> = (1..=64).map(run).collect();
    let wanted: Vec<u32> = (0..2720).collect();
    let (bytes, got, expected) = round_trip(&runs, &wanted, false);
    assert_eq!(got, expected);
    assert!(bytes < 64 * 2720 / 2, "{bytes} bytes for {} samples", 64 * 2720);
}
