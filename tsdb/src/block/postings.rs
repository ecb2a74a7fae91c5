//! Sets of series: a short list of differences, or a roaring bitmap in its portable form.

use croaring::{Bitmap, Portable};

use crate::bytes::{Corrupt, Cursor, put_varint};

/// The most members of a set spelled as a list.
const LIST_MAX: usize = 16;

/// Appends a set given as ascending ids.
pub(super) fn encode(ids: &[u32], out: &mut Vec<u8>) {
    if (1..=LIST_MAX).contains(&ids.len()) {
        put_varint(ids.len() as u64, out);
        let mut next = 0;
        for id in ids {
            put_varint(u64::from(id - next), out);
            next = id + 1;
        }
    } else {
        encode_bitmap(&mut Bitmap::of(ids), out);
    }
}

/// Appends a set as a bitmap.
pub(super) fn encode_bitmap(bitmap: &mut Bitmap, out: &mut Vec<u8>) {
    out.push(0);
    bitmap.run_optimize();
    out.extend_from_slice(&bitmap.serialize::<Portable>());
}

/// Adds the set in `bytes` to `set`; its members must be below `series`.
pub(super) fn decode_into(bytes: &[u8], series: u32, set: &mut Bitmap) -> Result<(), Corrupt> {
    const WHAT: &str = "postings";
    let mut cursor = Cursor::new(bytes);
    let corrupt = cursor.corrupt(WHAT);
    let n = cursor.varint(WHAT)?;
    if n == 0 {
        let bitmap = Bitmap::try_deserialize::<Portable>(cursor.rest()).ok_or(corrupt)?;
        if bitmap.maximum().is_some_and(|max| max >= series) {
            return Err(corrupt);
        }
        set.or_inplace(&bitmap);
        return Ok(());
    }
    if n > LIST_MAX as u64 {
        return Err(corrupt);
    }
    let mut ids = [0; LIST_MAX];
    let mut next = 0u64;
    for slot in &mut ids[..n as usize] {
        let id = next.checked_add(cursor.varint(WHAT)?).filter(|id| *id < u64::from(series)).ok_or(corrupt)?;
        next = id + 1;
        *slot = id as u32;
    }
    cursor.finish(WHAT)?;
    set.add_many(&ids[..n as usize]);
    Ok(())
}
