//! The label pairs of several blocks in one order.

use std::cmp::Ordering;
use std::sync::Arc;

use nightjar_platform::Disk;

use super::MergeSource;
use crate::block::dictionary::Dictionary;
use crate::block::error::BlockError;
use crate::block::reader::Block;
use crate::block::section::Kind;
use crate::bytes::Corrupt;

/// The values of one label of one block, in order.
struct Values<'a, D: Disk> {
    block: &'a Block<D>,
    source: usize,
    next: u32,
    end: u32,
    page: Option<(u32, Arc<Dictionary>)>,
}

impl<D: Disk> Values<'_, D> {
    /// The value at hand; `None` after the last.
    fn value(&mut self) -> Result<Option<&str>, BlockError> {
        if self.next == self.end {
            return Ok(None);
        }
        let held = self.page.as_ref().is_some_and(|(first, page)| ((self.next - first) as usize) < page.len());
        let kind = Kind::Dictionary;
        let number = self.block.page_with(kind, self.next)?;
        if !held {
            let first = self.block.page_ref(kind, number).first;
            self.page = Some((first, self.block.page(kind, number)?));
        }
        let value = self.page.as_ref().and_then(|(first, page)| page.get((self.next - first) as usize));
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(self.block.corrupt(kind, number, Corrupt { what: "dictionary size", at: 0 })),
        }
    }
}

/// Calls `each` with every pair of any source in order of name and value: name, value, and which number it has in which
/// source.
pub(super) fn each_pair<D: Disk, E: From<BlockError>>(
    sources: &[MergeSource<'_, D>],
    mut each: impl FnMut(&str, &str, &[(usize, u32)]) -> Result<(), E>,
) -> Result<(), E> {
    let mut names: Vec<&str> =
        sources.iter().flat_map(|s| s.block.directory.names.iter().map(|n| n.text.as_str())).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let with_name = sources.iter().enumerate().filter_map(|(source, s)| {
            let (_, found) = s.block.directory.find_name(name)?;
            Some(Values { block: s.block, source, next: found.base, end: found.base + found.count, page: None })
        });
        each_value(name, &mut with_name.collect::<Vec<_>>(), &mut each)?;
    }
    Ok(())
}

fn each_value<D: Disk, E: From<BlockError>>(
    name: &str,
    all: &mut [Values<'_, D>],
    each: &mut impl FnMut(&str, &str, &[(usize, u32)]) -> Result<(), E>,
) -> Result<(), E> {
    let (mut least, mut holders) = (String::new(), Vec::new());
    loop {
        holders.clear();
        for (place, values) in all.iter_mut().enumerate() {
            let Some(value) = values.value()? else { continue };
            let order = if holders.is_empty() { Ordering::Less } else { value.cmp(&least) };
            if order == Ordering::Less {
                value.clone_into(&mut least);
                holders.clear();
            }
            if order != Ordering::Greater {
                holders.push(place);
            }
        }
        if holders.is_empty() {
            return Ok(());
        }
        let numbers: Vec<(usize, u32)> = holders.iter().map(|place| (all[*place].source, all[*place].next)).collect();
        holders.iter().for_each(|place| all[*place].next += 1);
        each(name, &least, &numbers)?;
    }
}

/// For each source the merged numbers of its pairs; and how many there are in all.
pub(super) fn merged_numbers<D: Disk>(sources: &[MergeSource<'_, D>]) -> Result<(Vec<Vec<u32>>, u32), BlockError> {
    let mut maps: Vec<Vec<u32>> = sources.iter().map(|s| vec![0; s.block.directory.pairs as usize]).collect();
    let mut next = 0;
    each_pair(sources, |_, _, holders| {
        holders.iter().for_each(|(source, pair)| maps[*source][*pair as usize] = next);
        next += 1;
        Ok::<(), BlockError>(())
    })?;
    Ok((maps, next))
}
