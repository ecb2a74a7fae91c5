//! Columns come back to the bit, cost what they should, and never trust bytes.

use nightjar_model::STALE_NAN;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn round_trip(floats: &[f64]) -> usize {
    let mut bytes = Vec::new();
    encode(floats, &mut bytes);
    let mut back = vec![42.0];
    decode(&bytes, floats.len(), &mut back).unwrap();
    let bits = |v: &[f64]| v.iter().map(|f| f.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&back[1..]), bits(floats));
    for wanted in [0, 1, floats.len() / 3, floats.len().saturating_sub(1)] {
        let mut prefix = Vec::new();
        decode_prefix(&bytes, floats.len(), wanted, &mut prefix).unwrap();
        assert_eq!(bits(&prefix), bits(&floats[..wanted.min(floats.len())]));
    }
    bytes.len()
}

fn round_trip_i64(integers: &[i64]) -> usize {
    let mut bytes = Vec::new();
    encode_i64(integers, &mut bytes);
    let len = bytes.len();
    bytes.push(0xaa);
    let mut cursor = Cursor::new(&bytes);
    let mut back = Vec::new();
    decode_i64(&mut cursor, integers.len(), &mut back).unwrap();
    assert_eq!((back.as_slice(), cursor.at()), (integers, len));
    len
}

fn column(n: usize, f: impl FnMut(usize) -> f64) -> Vec<f64> {
    (0..n).map(f).collect()
}

/// Typical columns of 480 samples and the most bytes they may take.
#[test]
fn typical_columns_are_small() {
    let noise = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let mut stale = column(480, |i| i as f64 * 3.0);
    stale[100] = STALE_NAN;
    stale[479] = STALE_NAN;
    let table: [(&str, Vec<f64>, usize); 13] = [
        ("zero", column(480, |_| 0.0), 3),
        ("constant", column(480, |_| 1234.5678), 6),
        ("constant NaN", column(480, |_| f64::NAN), 14),
        ("line", column(480, |i| 100.0 + 15.0 * i as f64), 7),
        ("line of tenths", column(480, |i| (100 + 15 * i) as f64 / 10.0), 7),
        ("rare change", column(480, |i| (i / 160) as f64), 16),
        ("few states", column(480, |i| (noise(i) % 4) as f64), 150),
        ("pages", column(480, |i| (4096 * (noise(i) % 8) + (1 << 30)) as f64), 210),
        ("counter", column(480, |i| (10_000 * i as u64 + noise(i) % 256) as f64), 560),
        ("seconds", column(480, |i| (1000 * i as u64 + noise(i) % 256) as f64 / 100.0), 560),
        ("stale markers", stale, 64),
        ("float32", column(480, |i| f64::from((noise(i) % 1024) as f32 / 977.0)), 2000),
        ("true doubles", column(480, |i| 1.0 / (1.0 + noise(i) as f64)), 3900),
    ];
    for (name, floats, limit) in table {
        let len = round_trip(&floats);
        assert!(len <= limit, "{name}: {len} bytes, at most {limit}");
    }
}

#[test]
fn strange_floats() {
    let strange = [
        0.0,
        -0.0,
        f64::NAN,
        STALE_NAN,
        f64::from_bits(0xfff8_dead_beef_0001),
        f64::from_bits(0x7ff0_0000_0000_0001),
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        9_007_199_254_740_993.0,
        9_223_372_036_854_775_808.0,
        -9_223_372_036_854_775_808.0,
        0.1,
        1e-18,
        1e22,
        123_456_789.123_456_78,
        2_251_799_813_685_248.5,
    ];
    for a in strange {
        for b in strange {
            for n in [1, 2, 3, 65, 130] {
                round_trip(&column(n, |i| if i % 3 == 1 { a } else { b }));
                round_trip(&column(n, |i| if i == n / 2 { a } else { i as f64 }));
                round_trip(&column(n, |i| if i < n / 2 { a } else { b }));
            }
        }
    }
    round_trip(&[]);
}

#[test]
fn integers_at_the_edges() {
    let edges = [0, 1, -1, i64::MIN, i64::MAX, i64::MIN + 1, 1 << 62, -(1 << 62), 4096];
    for a in edges {
        for b in edges {
            for c in edges {
                round_trip_i64(&[a, b, c]);
                round_trip_i64(&[a, b, c, a, b, a, a, a, c].repeat(20));
            }
        }
    }
}

#[test]
fn a_jittered_timeline_takes_a_byte_a_sample() {
    let times: Vec<i64> = (0..480).map(|i| 1_700_000_000_000 + 15_000 * i + (i * 7919) % 8).collect();
    let len = round_trip_i64(&times);
    assert!(len < 300, "{len}");
    let grid: Vec<i64> = (0..480).map(|i| 1_700_000_000_000 + 15_000 * i).collect();
    assert!(round_trip_i64(&grid) < 14);
}

fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1000i32..1000).prop_map(|m| f64::from(m) / 100.0),
        4 => any::<i32>().prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(STALE_NAN),
        1 => any::<f64>(),
    ]
}

/// Columns as they occur: walks and counters with odd values sprinkled in.
fn walk() -> impl Strategy<Value = Vec<f64>> {
    let odd = proptest::collection::btree_map(0usize..300, float(), 0..6);
    (vec(-50i64..60, 1..300), 0u32..6, 0i64..1 << 40, odd, any::<bool>()).prop_map(
        |(deltas, digits, start, odd, sparse)| {
            let mut m = start;
            let mut floats: Vec<f64> = deltas
                .into_iter()
                .map(|d| {
                    m += if sparse && d < 50 { 0 } else { d };
                    m as f64 / 10f64.powi(digits as i32)
                })
                .collect();
            for (i, v) in odd {
                if let Some(slot) = floats.get_mut(i) {
                    *slot = v;
                }
            }
            floats
        },
    )
}

proptest! {
    #[test]
    fn floats_round_trip(floats in vec(float(), 0..200)) {
        round_trip(&floats);
    }

    #[test]
    fn walks_round_trip(floats in walk()) {
        round_trip(&floats);
    }

    #[test]
    fn arbitrary_bits_round_trip(bits in vec(any::<u64>(), 0..200)) {
        round_trip(&bits.into_iter().map(f64::from_bits).collect::<Vec<_>>());
    }

    #[test]
    fn integers_round_trip(small in vec(-5i64..5, 1..200), scale: i64, offset: i64, wide in vec(any::<i64>(), 0..100)) {
        round_trip_i64(&small.iter().map(|v| v.wrapping_mul(scale).wrapping_add(offset)).collect::<Vec<_>>());
        round_trip_i64(&wide);
    }

    #[test]
    fn a_plan_costs_what_it_says(integers in vec(prop_oneof![any::<i64>(), -9i64..9, Just(3i64)], 1..200)) {
        let mut encoder = ints::Encoder::default();
        let plan = encoder.plan(&integers);
        let mut out = Vec::new();
        encoder.write(&plan, &mut out);
        prop_assert!(out.len() <= plan.cost, "{} > {}", out.len(), plan.cost);
    }

    #[test]
    fn arbitrary_bytes_are_answered(mut bytes in vec(any::<u8>(), 0..300), n in 0usize..5000, scheme in 0u8..20, mode in 0u8..8) {
        for _ in 0..2 {
            let mut floats = Vec::new();
            let ok = decode(&bytes, n, &mut floats).is_ok();
            prop_assert!(floats.len() <= n && (!ok || floats.len() == n));
            let mut integers = Vec::new();
            let ok = decode_i64(&mut Cursor::new(&bytes), n, &mut integers).is_ok();
            prop_assert!(integers.len() <= n && (!ok || integers.len() == n));
            bytes.splice(0..0, [scheme, mode]);
        }
    }
}

/// The examples of `docs/format/column.md`.
#[test]
fn documented_examples() {
    let hex = |floats: &[f64]| {
        let mut bytes = Vec::new();
        encode(floats, &mut bytes);
        bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ")
    };
    let steps = column(200, |i| if i < 150 { 0.5 } else { 0.7 });
    let table = [
        (vec![0.0; 480], "00 00 00"),
        (vec![100.0, 115.0, 130.0, 145.0], "00 81 c8 01 0f 02"),
        (steps, "01 82 0a 02 01 95 01 02"),
        (vec![1.0, 2.0, 7.0, 5.0], "00 04 02 04 a2 03"),
        (vec![1.0, 2.0, STALE_NAN, 4.0], "80 01 02 01 03 02 02 02 20"),
        (vec![1.0 / 3.0, 0.1], "81 01 00 00 55 55 55 55 55 55 d5 3f 00 02"),
    ];
    for (floats, expected) in table {
        assert_eq!(hex(&floats), expected);
    }
}
