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
    match kind % 6 {
        0 => drop(Directory::decode(data, Envelope { salt: 1, file_len: 1 << 30 })),
        1 => drop(Dictionary::parse(data)),
        2 => drop(Facts::parse(data, 1000)),
        3 => drop(postings::decode_into(data, 10_000, &mut Bitmap::new())),
        4 => drop(Entries::parse(data.to_vec())),
        _ => {
            if let Ok(entry) = OpenEntry::open(data) {
                drop(entry.read(300, 20..280, &mut Vec::new(), &mut Vec::new()));
            }
        }
    }
}
