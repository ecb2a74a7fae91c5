//! Reads everything once and compares it with its checksums.

use nightjar_platform::{Disk, DiskFile};

use super::dictionary::Dictionary;
use super::directory::{HEADER_LEN, TRAILER_LEN, header};
use super::entries::Entries;
use super::error::{BlockError, Damage};
use super::facts::Facts;
use super::reader::{Block, Content, Unreadable, read_directory_copy};
use super::section::Kind;

impl<D: Disk> Block<D> {
    /// Checks every byte of the file and answers all damage known so far, old and new. Fails only when the disk does.
    pub fn verify(&self) -> Result<Vec<Damage>, BlockError> {
        self.scrub(0, u64::MAX)?;
        Ok(self.damage())
    }

    /// Checks pages from number `from` on until at least `bytes` are read. Answers the number to go on with, `None` after
    /// the last, and how many bytes were read. What is found is listed in [`Block::damage`].
    pub fn scrub(&self, from: usize, bytes: u64) -> Result<(Option<usize>, u64), BlockError> {
        if from == 0 {
            self.verify_ends()?;
        }
        let mut read = 0;
        let sections = Kind::ALL.into_iter().map(|kind| (kind, self.directory.section(kind).pages.len()));
        let pages = sections.flat_map(|(kind, pages)| (0..pages).map(move |page| (kind, page)));
        for (number, (kind, page)) in pages.enumerate().skip(from) {
            if read >= bytes {
                return Ok((Some(number), read));
            }
            read += u64::from(self.page_ref(kind, page).stored);
            let checked = match kind {
                Kind::Facts => self.check::<Facts>(kind, page),
                Kind::Dictionary => self.check::<Dictionary>(kind, page),
                _ => self.check::<Entries>(kind, page),
            };
            match checked {
                Ok(()) | Err(BlockError::Damaged(_)) => {}
                Err(e) => return Err(e),
            }
        }
        Ok((None, read))
    }

    /// Reads a page past the cache.
    fn check<T: Content>(&self, kind: Kind, page: usize) -> Result<(), BlockError> {
        let raw = self.load(kind, page)?;
        T::parse(raw, &self.directory).map(|_| ()).map_err(|e| self.corrupt(kind, page, e))
    }

    /// Header, both directories, both trailers.
    fn verify_ends(&self) -> Result<(), BlockError> {
        let io = |source| BlockError::Io { file: self.name.clone(), source };
        let twice = |part, page, offset, len, reason| {
            let file = self.name.clone();
            self.record(Damage { file, part, page, offset, len, reason, harmless: true });
        };
        let mut head = [0; HEADER_LEN];
        self.file.read_exact_at(&mut head, 0).map_err(io)?;
        if head != header(self.trailer.salt, self.trailer.version) {
            twice("header", 0, 0, HEADER_LEN as u64, "it is not what the trailer says".to_owned());
        }
        let expected = self.trailer.encode();
        for copy in 0..2 {
            let offset = self.trailer.file_len - ((2 - copy) * TRAILER_LEN) as u64;
            let mut tail = [0; TRAILER_LEN];
            self.file.read_exact_at(&mut tail, offset).map_err(io)?;
            if tail[..] != expected[..] {
                twice("trailer", copy, offset, TRAILER_LEN as u64, "it differs from its copy".to_owned());
            }
            match read_directory_copy(&self.file, &self.trailer, copy) {
                Ok(_) => {}
                Err(Unreadable::Io(e)) => return Err(io(e)),
                Err(Unreadable::Damaged(reason)) => {
                    let len = u64::from(self.trailer.stored);
                    twice("directory", copy, self.trailer.directory[copy], len, reason);
                }
            }
        }
        Ok(())
    }
}
