//! Settings that stand in the configuration or in a file of their own.

use std::io::{self, Read};
use std::path::PathBuf;

use crate::secret::Secret;

/// The largest file that is taken for a setting.
const MOST_BYTES: u64 = 1 << 20;

/// A setting, or the file that holds it. A file is read at each use, so that whoever renews it needs no reload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The setting itself.
    Inline(Secret),
    /// Where it stands.
    File(PathBuf),
}

impl Source {
    /// What it says now; a file without the white space around it. The error names the file.
    pub fn read(&self) -> Result<Secret, String> {
        match self {
            Source::Inline(secret) => Ok(secret.clone()),
            Source::File(path) => match read_file(path) {
                Ok(text) => Ok(Secret::new(text.trim())),
                Err(error) => Err(format!("cannot read {}: {error}", path.display())),
            },
        }
    }

    /// [`Source::read`] without holding up the other tasks of this thread.
    pub async fn load(&self) -> Result<Secret, String> {
        match self {
            Source::Inline(secret) => Ok(secret.clone()),
            Source::File(_) => {
                let own = self.clone();
                tokio::task::spawn_blocking(move || own.read()).await.unwrap_or_else(|error| Err(error.to_string()))
            }
        }
    }
}

#[expect(clippy::disallowed_types, reason = "this is the door")]
fn read_file(path: &std::path::Path) -> io::Result<String> {
    // A pipe could keep its reader waiting for ever.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST_BYTES {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 1 MiB")),
        false => Ok(text),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files of the test")]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_at_each_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let source = Source::File(path.clone());
        assert!(source.read().unwrap_err().contains("token"));
        for text in ["one\n", " two "] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(source.read().unwrap().expose(), text.trim());
        }
        assert!(Source::File(dir.path().into()).read().unwrap_err().contains("not a regular file"));
        std::fs::write(&path, vec![b'a'; MOST_BYTES as usize + 1]).unwrap();
        assert!(source.read().unwrap_err().contains("larger than"));
    }
}
