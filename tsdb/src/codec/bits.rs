//! Horizontal bit packing: up to 64 values of one width, one after the other, lowest bit first.

/// Number of values in a full group.
pub(crate) const GROUP: usize = 64;

/// Bytes that `count` values of `width` bits take.
pub(crate) const fn packed_len(count: usize, width: usize) -> usize {
    (count * width).div_ceil(8)
}

/// Number of bits `v` needs.
pub(crate) const fn width_of(v: u64) -> usize {
    (u64::BITS - v.leading_zeros()) as usize
}

/// Appends `values`, each of which fits `width` (<= 64) bits.
pub(crate) fn pack(values: &[u64], width: usize, out: &mut Vec<u8>) {
    if width == 0 {
        return;
    }
    let end = out.len() + packed_len(values.len(), width);
    let (mut word, mut filled) = (0u64, 0);
    for &v in values {
        word |= v << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&word.to_le_bytes());
            filled -= 64;
            word = if filled == 0 { 0 } else { v >> (width - filled) };
        }
    }
    let tail = end - out.len();
    out.extend_from_slice(&word.to_le_bytes()[..tail]);
}

/// Bytes an unpacker may touch after the last packed byte.
const SLACK: usize = 8;

/// Reads a group of values of `width` (<= 64) bits from the start of `bytes`, zeros where `bytes` end.
pub(crate) fn unpack(bytes: &[u8], width: usize, out: &mut [u64; GROUP]) {
    let needed = width * (GROUP / 8) + SLACK;
    if bytes.len() >= needed {
        UNPACKERS[width](bytes, out);
    } else {
        let mut padded = [0; 64 * (GROUP / 8) + SLACK];
        padded[..bytes.len()].copy_from_slice(bytes);
        UNPACKERS[width](&padded, out);
    }
}

/// Eight values fill `W` bytes exactly, so shifts and offsets inside a chunk are constants.
fn unpack_width<const W: usize>(bytes: &[u8], out: &mut [u64; GROUP]) {
    if W == 0 {
        *out = [0; GROUP];
        return;
    }
    let mask = u64::MAX >> (64 - W);
    for (chunk, out) in out.chunks_exact_mut(8).enumerate() {
        let bytes = &bytes[chunk * W..chunk * W + W + SLACK];
        for (i, out) in out.iter_mut().enumerate() {
            let (at, shift) = (i * W / 8, i * W % 8);
            *out = (load(bytes, at) >> shift) & mask;
            if shift + W > 64 {
                *out |= (u64::from(bytes[at + 8]) << (64 - shift)) & mask;
            }
        }
    }
}

#[inline(always)]
fn load(bytes: &[u8], at: usize) -> u64 {
    let b = &bytes[at..at + 8];
    u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]])
}

type Unpacker = fn(&[u8], &mut [u64; GROUP]);

macro_rules! unpackers {
    ($($w:literal)*) => { [$(unpack_width::<$w>),*] };
}

static UNPACKERS: [Unpacker; 65] = unpackers!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
    33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63 64
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_and_count() {
        let mut seed = 0x9e37_79b9_7f4a_7c15u64;
        for width in 0..=64 {
            for count in [1, 2, 7, 8, 63, 64] {
                let values: Vec<u64> = (0..count)
                    .map(|_| {
                        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                        let v = seed ^ (seed >> 29);
                        if width == 0 { 0 } else { v >> (64 - width) }
                    })
                    .collect();
                let mut packed = vec![0xee];
                pack(&values, width, &mut packed);
                assert_eq!(packed.len() - 1, packed_len(count, width));
                for slack in [0, 3, 9] {
                    let mut bytes = packed.clone();
                    bytes.resize(packed.len() + slack, 0xff);
                    let mut out = [7; GROUP];
                    let end = if count == GROUP { bytes.len() } else { packed.len() };
                    unpack(&bytes[1..end], width, &mut out);
                    assert_eq!(out[..count], values, "width {width} count {count} slack {slack}");
                }
            }
        }
    }
}
