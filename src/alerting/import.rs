//! Taking the place of an existing Alertmanager: its silences and its notification log.

use std::io;
use std::path::Path;

use nightjar_alertmanager::machine::Now;
use nightjar_alertmanager::record::{Inherited, InheritedKey};
use nightjar_alertmanager::router::Router;
use nightjar_alertmanager::silence::{Condition, Silence};
use nightjar_platform::Disk;
use nightjar_remote_write::alertmanager::{self, FileEntry, FileMatcher, FileSilence};

use crate::files;

/// Largest file that is taken over.
const MAX_BYTES: u64 = 1 << 30;

/// Takes over the files `silences` and `nflog` of a directory, where they exist. Both are left as they are.
pub(super) fn import<D: Disk>(router: &mut Router<D>, directory: &Path, now: Now) -> Result<(), String> {
    if let Some(bytes) = read(&directory.join("silences"))? {
        let silences = alertmanager::silences(&bytes).map_err(|e| format!("{}/silences: {e}", directory.display()))?;
        let count = silences.len();
        silences.into_iter().flat_map(convert).for_each(|silence| router.import_silence(now, silence));
        tracing::info!(silences = count, "silences of an Alertmanager taken over");
    }
    if let Some(bytes) = read(&directory.join("nflog"))? {
        let entries = alertmanager::entries(&bytes).map_err(|e| format!("{}/nflog: {e}", directory.display()))?;
        let count = entries.len();
        for entry in entries {
            let at = entry.at;
            router.inherit(now, inherited(entry), at);
        }
        tracing::info!(entries = count, "the notification log of an Alertmanager taken over");
    }
    Ok(())
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match files::read(path, MAX_BYTES) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("cannot read {}: {e}; move it away to start without it", path.display())),
    }
}

/// One silence for each set of conditions; the first keeps the id.
fn convert(file: FileSilence) -> Vec<Silence> {
    if file.for_receivers {
        tracing::warn!(id = file.id, "a silence for some receivers only cannot be taken over");
        return Vec::new();
    }
    let one = |(i, set): (usize, &Vec<FileMatcher>)| Silence {
        id: if i == 0 { file.id.clone() } else { with_last(&file.id, i) },
        matchers: set.iter().map(condition).collect(),
        starts_at: file.starts_at,
        ends_at: file.ends_at,
        updated_at: file.updated_at,
        created_by: file.created_by.clone(),
        comment: file.comment.clone(),
        annotations: file.annotations.clone(),
        schedule: None,
    };
    file.matcher_sets.iter().enumerate().map(one).collect()
}

/// Another id that is always the same for the same set.
fn with_last(id: &str, i: usize) -> String {
    let end = id.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    format!("{}{:04x}", &id[..end], i & 0xffff)
}

fn condition(matcher: &FileMatcher) -> Condition {
    Condition {
        name: matcher.name.clone(),
        value: matcher.pattern.clone(),
        is_regex: matcher.kind == 1 || matcher.kind == 3,
        is_equal: matcher.kind <= 1,
    }
}

fn inherited(entry: FileEntry) -> Inherited {
    Inherited {
        key: InheritedKey {
            group_key: entry.group_key,
            receiver: entry.receiver,
            kind: entry.integration,
            index: u32::try_from(entry.index).unwrap_or(u32::MAX),
        },
        at: 0,
        firing: entry.firing.into_iter().collect(),
        resolved: entry.resolved.into_iter().collect(),
        thread: entry.texts,
    }
}
