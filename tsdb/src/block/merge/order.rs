//! The series of several blocks in one order.

use std::cmp::Ordering;
use std::sync::Arc;

use nightjar_platform::Disk;

use super::MergeSource;
use crate::block::error::BlockError;
use crate::block::facts::Facts;
use crate::block::reader::Block;
use crate::block::section::Kind;
use crate::bytes::Corrupt;

/// The series of one block, one after the other.
struct Walker<'a, D: Disk> {
    block: &'a Block<D>,
    /// Merged numbers of its pairs.
    numbers: &'a [u32],
    next: u32,
    page: Option<(u32, Arc<Facts>)>,
    /// The pairs of the series at hand.
    pairs: Vec<u32>,
}

impl<D: Disk> Walker<'_, D> {
    /// Reads the pairs of series `next`; whether there is one.
    fn load(&mut self) -> Result<bool, BlockError> {
        self.pairs.clear();
        if self.next == self.block.series() {
            return Ok(false);
        }
        let kind = Kind::Facts;
        let held = self.page.as_ref().is_some_and(|(first, facts)| ((self.next - first) as usize) < facts.len());
        let number = self.block.page_with(kind, self.next)?;
        if !held {
            let first = self.block.page_ref(kind, number).first;
            self.page = Some((first, self.block.page(kind, number)?));
        }
        let own = self.page.as_ref().map(|(first, facts)| facts.pairs((self.next - first) as usize));
        let own = own.filter(|pairs| !pairs.is_empty());
        let own = own.ok_or_else(|| self.block.corrupt(kind, number, Corrupt { what: "labels", at: 0 }))?;
        self.pairs.extend(own.iter().map(|pair| self.numbers[*pair as usize]));
        Ok(true)
    }
}

/// All series of all blocks in order of labels, equal ones together.
pub(super) struct Order<'a, D: Disk> {
    walkers: Vec<(usize, Walker<'a, D>)>,
    /// Merged pair numbers of the series at hand.
    pub(super) pairs: Vec<u32>,
    /// Where it is: source and id there, in order of sources.
    pub(super) places: Vec<(usize, u32)>,
}

impl<'a, D: Disk> Order<'a, D> {
    /// Before the first series; `numbers` has the merged pair numbers of each source.
    pub(super) fn new(sources: &'a [MergeSource<'a, D>], numbers: &'a [Vec<u32>]) -> Result<Order<'a, D>, BlockError> {
        let mut walkers = Vec::with_capacity(sources.len());
        for (number, (source, numbers)) in sources.iter().zip(numbers).enumerate() {
            let mut walker = Walker { block: source.block, numbers, next: 0, page: None, pairs: Vec::new() };
            if walker.load()? {
                walkers.push((number, walker));
            }
        }
        Ok(Order { walkers, pairs: Vec::new(), places: Vec::new() })
    }

    /// Goes to the next series; false after the last.
    pub(super) fn advance(&mut self) -> Result<bool, BlockError> {
        let mut least: Vec<usize> = Vec::new();
        for place in 0..self.walkers.len() {
            let order = match least.first() {
                None => Ordering::Less,
                Some(first) => self.walkers[place].1.pairs.cmp(&self.walkers[*first].1.pairs),
            };
            if order == Ordering::Less {
                least.clear();
            }
            if order != Ordering::Greater {
                least.push(place);
            }
        }
        let Some(first) = least.first() else { return Ok(false) };
        self.pairs.clone_from(&self.walkers[*first].1.pairs);
        self.places.clear();
        for place in least {
            let (source, walker) = &mut self.walkers[place];
            self.places.push((*source, walker.next));
            walker.next += 1;
            walker.load()?;
        }
        self.walkers.retain(|(_, walker)| !walker.pairs.is_empty());
        Ok(true)
    }
}
