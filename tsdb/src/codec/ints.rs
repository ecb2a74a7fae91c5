//! Columns of integers: the cheapest of seven forms, by exact cost.
//!
//! Every form starts from the first value; the others are `first + step * w`, where `step` is the greatest common
//! divisor of all differences. `w` is then constant, a line, a list of changes, or groups of 64 bit-packed values.

use super::bits::{self, GROUP, packed_len, width_of};
use crate::bytes::{Corrupt, Cursor, put_varint, put_zigzag, unzigzag, varint_len, zigzag};

/// How `w` is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All zero.
    Constant = 0,
    /// Equal differences: the difference.
    Line = 1,
    /// Few differences: how many, distances between them, the differences.
    Sparse = 2,
    /// Groups of distances from the smallest.
    Offset = 3,
    /// Groups of zigzag differences.
    Delta = 4,
    /// Groups of distances of differences from the smallest difference.
    DeltaOffset = 5,
    /// Groups of zigzag differences of differences.
    DeltaDelta = 6,
}

const MODES: [Mode; 7] =
    [Mode::Constant, Mode::Line, Mode::Sparse, Mode::Offset, Mode::Delta, Mode::DeltaOffset, Mode::DeltaDelta];
/// Set in the mode byte when a step other than 1 follows the first value.
const STEP: u8 = 0x80;

/// Decides and writes; reuses its buffers.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    w: Vec<i64>,
    groups: Vec<GroupShape>,
}

/// What one group of `w[1..]` would need in each packed form.
#[derive(Clone, Copy, Debug)]
struct GroupShape {
    max: i64,
    max_delta: i64,
    delta_bits: u64,
    dod_bits: u64,
}

/// A decision for the values last looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    mode: Mode,
    first: i64,
    step: i64,
    /// The smallest `w` or the smallest difference, as the mode needs.
    min: i64,
    /// Bytes [`Encoder::write`] will append.
    pub(crate) cost: usize,
}

impl Encoder {
    /// Finds the cheapest form of `values` (not empty).
    pub(crate) fn plan(&mut self, values: &[i64]) -> Plan {
        let first = values[0];
        let step = step_of(values);
        self.w.clear();
        if step == 1 {
            self.w.extend(values.iter().map(|v| v.wrapping_sub(first)));
        } else {
            self.w.extend(values.iter().map(|v| (v - first) / step));
        }
        let (mode, min, body) = self.choose();
        let step_len = if step == 1 { 0 } else { varint_len(step as u64) };
        Plan { mode, first, step, min, cost: 1 + varint_len(zigzag(first)) + step_len + body }
    }

    /// The cheapest mode, its minimum and the bytes after first value and step.
    fn choose(&mut self) -> (Mode, i64, usize) {
        let w = &self.w;
        if w.len() < 2 {
            return (Mode::Constant, 0, 0);
        }
        let line = w[1].wrapping_sub(w[0]);
        self.groups.clear();
        let (mut min, mut min_delta) = (i64::MAX, i64::MAX);
        let (mut changes, mut change_bytes) = (0usize, 0usize);
        let (mut previous, mut previous_delta) = (0i64, line);
        for group in w[1..].chunks(GROUP) {
            let mut shape = GroupShape { max: i64::MIN, max_delta: i64::MIN, delta_bits: 0, dod_bits: 0 };
            for &v in group {
                let delta = v.wrapping_sub(previous);
                let dod = delta.wrapping_sub(previous_delta);
                (previous, previous_delta) = (v, delta);
                min = min.min(v);
                min_delta = min_delta.min(delta);
                shape.max = shape.max.max(v);
                shape.max_delta = shape.max_delta.max(delta);
                shape.delta_bits |= zigzag(delta);
                shape.dod_bits |= zigzag(dod);
                changes += usize::from(delta != 0);
                change_bytes += if delta != 0 { varint_len(zigzag(delta)) } else { 0 };
            }
            self.groups.push(shape);
        }
        if changes == 0 {
            return (Mode::Constant, 0, 0);
        }
        if self.groups.iter().all(|g| g.dod_bits == 0) {
            return (Mode::Line, line, varint_len(zigzag(line)));
        }
        let distance_bytes = if w.len() < 128 { 1 } else { 2 };
        let sparse = (Mode::Sparse, 0, varint_len(changes as u64) + changes * distance_bytes + change_bytes);
        let candidates = [
            (Mode::Offset, min, self.packed(|g| g.max.wrapping_sub(min) as u64) + varint_len(zigzag(min))),
            (Mode::Delta, 0, self.packed(|g| g.delta_bits)),
            (
                Mode::DeltaOffset,
                min_delta,
                self.packed(|g| g.max_delta.wrapping_sub(min_delta) as u64) + varint_len(zigzag(min_delta)),
            ),
            (Mode::DeltaDelta, line, self.packed(|g| g.dod_bits) + varint_len(zigzag(line))),
        ];
        candidates.into_iter().fold(sparse, |best, c| if c.2 < best.2 { c } else { best })
    }

    fn packed(&self, bits: impl Fn(&GroupShape) -> u64) -> usize {
        let mut left = self.w.len() - 1;
        let mut bytes = 0;
        for group in &self.groups {
            let count = left.min(GROUP);
            bytes += 1 + packed_len(count, width_of(bits(group)));
            left -= count;
        }
        bytes
    }

    /// Appends the values last planned.
    pub(crate) fn write(&self, plan: &Plan, out: &mut Vec<u8>) {
        out.push(plan.mode as u8 | if plan.step == 1 { 0 } else { STEP });
        put_zigzag(plan.first, out);
        if plan.step != 1 {
            put_varint(plan.step as u64, out);
        }
        match plan.mode {
            Mode::Constant => {}
            Mode::Line => put_zigzag(plan.min, out),
            Mode::Sparse => self.write_changes(out),
            Mode::Delta => self.write_groups(out, |v, previous, _| zigzag(v.wrapping_sub(previous))),
            Mode::Offset => {
                put_zigzag(plan.min, out);
                self.write_groups(out, |v, _, _| v.wrapping_sub(plan.min) as u64);
            }
            Mode::DeltaOffset => {
                put_zigzag(plan.min, out);
                self.write_groups(out, |v, previous, _| v.wrapping_sub(previous).wrapping_sub(plan.min) as u64);
            }
            Mode::DeltaDelta => {
                put_zigzag(plan.min, out);
                self.write_groups(out, |v, previous, delta| zigzag(v.wrapping_sub(previous).wrapping_sub(delta)));
            }
        }
    }

    fn write_changes(&self, out: &mut Vec<u8>) {
        let changes = || self.w.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]);
        put_varint(changes().count() as u64, out);
        let mut next = 0;
        for (i, _) in changes() {
            put_varint((i - next) as u64, out);
            next = i + 1;
        }
        for (_, pair) in changes() {
            put_zigzag(pair[1].wrapping_sub(pair[0]), out);
        }
    }

    /// `form` gets a value, the one before and the difference before.
    fn write_groups(&self, out: &mut Vec<u8>, form: impl Fn(i64, i64, i64) -> u64) {
        let mut buffer = [0u64; GROUP];
        let mut previous = 0;
        let mut delta = self.w[1].wrapping_sub(self.w[0]);
        for group in self.w[1..].chunks(GROUP) {
            let mut all = 0;
            for (slot, &v) in buffer.iter_mut().zip(group) {
                *slot = form(v, previous, delta);
                all |= *slot;
                delta = v.wrapping_sub(previous);
                previous = v;
            }
            let width = width_of(all);
            out.push(width as u8);
            bits::pack(&buffer[..group.len()], width, out);
        }
    }
}

/// The greatest common divisor of all differences to the first value; 1 when there is none or they overflow.
fn step_of(values: &[i64]) -> i64 {
    let first = values[0];
    let mut step = 0u64;
    for v in &values[1..] {
        let Some(difference) = v.checked_sub(first) else { return 1 };
        let difference = difference.unsigned_abs();
        if step == 0 || !difference.is_multiple_of(step) {
            step = gcd(step, difference);
            if step == 1 {
                return 1;
            }
        }
    }
    i64::try_from(step).unwrap_or(1).max(1)
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Reads `n` values of a column and hands them to `sink` in order, in slices of at most [`GROUP`]; stops early, without
/// looking at the rest, after the first `wanted`.
pub(crate) fn decode(
    cursor: &mut Cursor<'_>,
    n: usize,
    wanted: usize,
    sink: &mut impl FnMut(&[i64]),
) -> Result<(), Corrupt> {
    if n == 0 {
        return Ok(());
    }
    let error = cursor.corrupt("column mode");
    let byte = cursor.u8("column mode")?;
    let mode = *MODES.get(usize::from(byte & !STEP)).ok_or(error)?;
    let first = cursor.zigzag("column start")?;
    let step = if byte & STEP != 0 { cursor.varint("column step")? as i64 } else { 1 };
    let wanted = wanted.min(n);
    if wanted == 0 {
        return Ok(());
    }
    let mut scaled = Scaled { first, step, sink };
    scaled.send(&mut [0]);
    let mut groups = Groups { left: n - 1, wanted: wanted - 1, scaled: &mut scaled };
    match mode {
        Mode::Constant => groups.fill(0),
        Mode::Line => {
            let slope = cursor.zigzag("column slope")?;
            groups.fill(slope)
        }
        Mode::Sparse => return groups.changes(cursor),
        Mode::Offset => {
            let min = cursor.zigzag("column minimum")?;
            return groups.unpack(cursor, |w| w.iter_mut().for_each(|v| *v = v.wrapping_add(min as u64)));
        }
        Mode::Delta => {
            let mut sum = 0i64;
            return groups.unpack(cursor, |w| {
                for v in w {
                    sum = sum.wrapping_add(unzigzag(*v));
                    *v = sum as u64;
                }
            });
        }
        Mode::DeltaOffset => {
            let min = cursor.zigzag("column minimum")? as u64;
            let mut sum = 0u64;
            return groups.unpack(cursor, |w| {
                for v in w {
                    sum = sum.wrapping_add(v.wrapping_add(min));
                    *v = sum;
                }
            });
        }
        Mode::DeltaDelta => {
            let mut delta = cursor.zigzag("column slope")?;
            let mut sum = 0i64;
            return groups.unpack(cursor, |w| {
                for v in w {
                    delta = delta.wrapping_add(unzigzag(*v));
                    sum = sum.wrapping_add(delta);
                    *v = sum as u64;
                }
            });
        }
    }
    Ok(())
}

/// Turns `w` into values.
struct Scaled<'s, F> {
    first: i64,
    step: i64,
    sink: &'s mut F,
}

impl<F: FnMut(&[i64])> Scaled<'_, F> {
    fn send(&mut self, w: &mut [i64]) {
        if self.step == 1 {
            w.iter_mut().for_each(|v| *v = v.wrapping_add(self.first));
        } else {
            w.iter_mut().for_each(|v| *v = v.wrapping_mul(self.step).wrapping_add(self.first));
        }
        (self.sink)(w);
    }
}

/// `w[1..]` in groups.
struct Groups<'g, 's, F> {
    left: usize,
    wanted: usize,
    scaled: &'g mut Scaled<'s, F>,
}

impl<F: FnMut(&[i64])> Groups<'_, '_, F> {
    /// Values on a line through zero.
    fn fill(&mut self, slope: i64) {
        let mut w = 0i64;
        while self.wanted > 0 {
            let count = self.wanted.min(GROUP);
            let mut group = [0; GROUP];
            for v in &mut group[..count] {
                w = w.wrapping_add(slope);
                *v = w;
            }
            self.scaled.send(&mut group[..count]);
            self.wanted -= count;
        }
    }

    fn unpack(&mut self, cursor: &mut Cursor<'_>, mut integrate: impl FnMut(&mut [u64; GROUP])) -> Result<(), Corrupt> {
        let mut group = [0u64; GROUP];
        while self.wanted > 0 {
            let error = cursor.corrupt("group width");
            let width = usize::from(cursor.u8("group width")?);
            if width > 64 {
                return Err(error);
            }
            let count = self.left.min(GROUP);
            let len = packed_len(count, width);
            let slack = cursor.rest();
            let bytes = cursor.take(len, "group")?;
            bits::unpack(if count == GROUP { slack } else { bytes }, width, &mut group);
            integrate(&mut group);
            let send = self.wanted.min(count);
            self.scaled.send(&mut group.map(|v| v as i64)[..send]);
            self.left -= count;
            self.wanted -= send;
        }
        Ok(())
    }

    fn changes(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Corrupt> {
        let n = cursor.count(2, "column changes")?;
        let mut distances = cursor.clone();
        for _ in 0..n {
            cursor.varint("column change")?;
        }
        let mut w = 0i64;
        for _ in 0..n {
            let unchanged = distances.varint("column change")?;
            let unchanged = usize::try_from(unchanged).unwrap_or(usize::MAX).min(self.wanted);
            self.repeat(w, unchanged);
            if self.wanted == 0 {
                return Ok(());
            }
            w = w.wrapping_add(cursor.zigzag("column change")?);
            self.repeat(w, 1);
        }
        self.repeat(w, self.wanted);
        Ok(())
    }

    fn repeat(&mut self, w: i64, mut times: usize) {
        self.wanted -= times;
        while times > 0 {
            let count = times.min(GROUP);
            self.scaled.send(&mut [w; GROUP][..count]);
            times -= count;
        }
    }
}
