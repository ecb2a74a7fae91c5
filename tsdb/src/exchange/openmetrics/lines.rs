//! Reads a text line by line, however long it is.

use std::io;
use std::path::Path;

use nightjar_platform::{Disk, DiskFile, OpenMode};
use xxhash_rust::xxh3::Xxh3;

use super::line::{Item, LineError, Parsed, parse};

const WINDOW: usize = 1 << 20;
/// A longer line is none.
const MAX_LINE: usize = 1 << 20;

/// What is wrong with a text, and where.
#[derive(Debug, thiserror::Error)]
pub enum TextError {
    /// Reading failed.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        error: io::Error,
    },
    /// A line makes no sense.
    #[error("{file}:{line}:{}: {error}", error.column)]
    Line {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: u64,
        /// What is wrong with it.
        error: LineError,
    },
    /// The end is missing.
    #[error("{file}: it does not end with \"# EOF\": something was cut off")]
    NoEnd {
        /// The file.
        file: String,
    },
}

/// A text being read.
pub struct Lines<D: Disk> {
    file: D::File,
    name: String,
    len: u64,
    /// Where the buffer ends in the file.
    read: u64,
    buffer: Vec<u8>,
    at: usize,
    line: u64,
    ended: bool,
    hash: Xxh3,
}

impl<D: Disk> Lines<D> {
    /// Opens a text.
    pub fn open(disk: &D, path: &Path) -> Result<Lines<D>, TextError> {
        let name = format!("{}/{}", disk.display_root(), path.display());
        let io = |error| TextError::Io { file: name.clone(), error };
        let file = disk.open(path, OpenMode::Read).map_err(io)?;
        let len = file.len().map_err(io)?;
        let (buffer, hash) = (Vec::new(), Xxh3::new());
        Ok(Lines { file, name, len, read: 0, buffer, at: 0, line: 0, ended: false, hash })
    }

    /// Length of the text in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes read so far.
    pub fn at(&self) -> u64 {
        self.read - (self.buffer.len() - self.at) as u64
    }

    /// A hash of everything read so far.
    pub fn hash(&self) -> u64 {
        self.hash.digest()
    }

    /// The next sample or what is said about a metric; `None` at the end.
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<Item>, TextError> {
        loop {
            let Some(end) = self.line_end()? else {
                let file = self.name.clone();
                return if self.ended { Ok(None) } else { Err(TextError::NoEnd { file }) };
            };
            let bytes = &self.buffer[self.at..end];
            self.hash.update(bytes);
            self.line += 1;
            let parsed = match (std::str::from_utf8(bytes), self.ended) {
                (_, true) if !bytes.is_empty() => Err(LineError::new(1, "something follows \"# EOF\"")),
                (Ok(text), _) => parse(text),
                (Err(e), _) => Err(LineError::new(e.valid_up_to() + 1, "not UTF-8")),
            };
            self.at = (end + 1).min(self.buffer.len());
            match parsed {
                Ok(Parsed::Item(item)) => return Ok(Some(item)),
                Ok(Parsed::Nothing) => {}
                Ok(Parsed::End) => self.ended = true,
                Err(error) => return Err(TextError::Line { file: self.name.clone(), line: self.line, error }),
            }
        }
    }

    /// The end of the next line in the buffer; `None` when there is no line left.
    fn line_end(&mut self) -> Result<Option<usize>, TextError> {
        let mut searched = self.at;
        loop {
            if let Some(found) = self.buffer[searched..].iter().position(|b| *b == b'\n') {
                return Ok(Some(searched + found));
            }
            let whole = self.read == self.len;
            if whole {
                return Ok((self.at < self.buffer.len()).then_some(self.buffer.len()));
            }
            if self.buffer.len() - self.at > MAX_LINE {
                let error = LineError::new(MAX_LINE, "the line is longer than a mebibyte");
                return Err(TextError::Line { file: self.name.clone(), line: self.line + 1, error });
            }
            self.buffer.drain(..self.at);
            searched = self.buffer.len();
            self.at = 0;
            let want = (self.len - self.read).min(WINDOW as u64) as usize;
            self.buffer.resize(searched + want, 0);
            let read = self.file.read_exact_at(&mut self.buffer[searched..], self.read);
            read.map_err(|error| TextError::Io { file: self.name.clone(), error })?;
            self.read += want as u64;
        }
    }
}
