//! Frames that are encoded and not yet written.

use super::frame::FrameBuilder;
use super::section::{Kind, Section};

/// A section a reader will look for, in a frame that has no place yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingSection {
    /// Its frame, as an index into [`Pending::frames`].
    pub(crate) frame: u32,
    /// Its line in the frame's table.
    pub(crate) number: u16,
    /// The line.
    pub(crate) section: Section,
}

/// Open frames in order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The frames, one after the other.
    pub(crate) bytes: Vec<u8>,
    /// First byte of each frame.
    pub(crate) frames: Vec<usize>,
    /// Number of the first frame.
    pub(crate) first_lsn: u64,
    /// Sections with data.
    pub(crate) sections: Vec<PendingSection>,
    /// Series whose definitions are in these frames.
    pub(crate) defined: Vec<u32>,
}

impl Pending {
    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Makes a frame of what `builder` holds, if that is anything.
    pub(crate) fn add(&mut self, builder: &mut FrameBuilder, next_lsn: &mut u64, pack: bool) {
        if builder.is_empty() {
            return;
        }
        let frame = self.frames.len() as u32;
        for (number, section) in builder.sections.iter().enumerate() {
            if !matches!(section.kind, Kind::Definitions | Kind::Metadata) {
                self.sections.push(PendingSection { frame, number: number as u16, section: *section });
            }
        }
        if self.frames.is_empty() {
            self.first_lsn = *next_lsn;
        }
        self.frames.push(self.bytes.len());
        builder.finish(*next_lsn, pack, &mut self.bytes);
        *next_lsn += 1;
    }

    /// The end of a frame.
    pub(crate) fn end(&self, frame: usize) -> usize {
        self.frames.get(frame + 1).copied().unwrap_or(self.bytes.len())
    }

    /// Appends the frames of `other`, which follow directly.
    pub(crate) fn absorb(&mut self, other: &mut Pending) {
        if self.frames.is_empty() {
            self.first_lsn = other.first_lsn;
        }
        let (bytes, frames) = (self.bytes.len(), self.frames.len() as u32);
        self.bytes.append(&mut other.bytes);
        self.frames.extend(other.frames.drain(..).map(|at| at + bytes));
        self.sections.extend(other.sections.drain(..).map(|s| PendingSection { frame: s.frame + frames, ..s }));
        self.defined.append(&mut other.defined);
    }

    /// Forgets everything but the allocations.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.sections.clear();
        self.defined.clear();
    }
}
