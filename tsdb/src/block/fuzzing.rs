//! Pages without their checksums, for fuzzing.

use croaring::Bitmap;

use super::column_entry::OpenEntry;
use super::dictionary::Dictionary;
use super::directory::{Directory, Envelope};
use super::entries::Entries;
use super::facts::Facts;
use super::postings;

/// A page: the first byte says of which kind.
pub fn block_section(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let _ = match kind % 6 {
        0 => Directory::decode(data, Envelope { salt: 1, file_len: 1 << 30, version: 1 + u32::from(kind % 12 / 6) })
            .is_ok(),
        1 => Dictionary::parse(data).is_ok(),
        2 => Facts::parse(data, 1000).is_ok(),
        3 => postings::decode_into(data, 10_000, &mut Bitmap::new()).is_ok(),
        4 => Entries::parse(data.to_vec()).is_ok(),
        _ => {
            let read = |e: OpenEntry<'_>| e.read(300, 20..280, &mut Vec::new(), &mut Vec::new());
            OpenEntry::open(data).and_then(read).is_ok()
        }
    };
}
