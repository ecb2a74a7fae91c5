//! The files an Alertmanager keeps: silences, and what was told. Each is a row of length-delimited messages.

use std::collections::BTreeMap;

use crate::wire::{Reader, Wire, WireError};

/// A condition on one label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMatcher {
    /// 0 `=`, 1 `=~`, 2 `!=`, 3 `!~`.
    pub kind: u64,
    /// Label name.
    pub name: String,
    /// Text or pattern.
    pub pattern: String,
}

/// A silence. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSilence {
    /// A UUID.
    pub id: String,
    /// Sets of conditions of which one must hold as a whole.
    pub matcher_sets: Vec<Vec<FileMatcher>>,
    /// Whether it holds for some receivers only.
    pub for_receivers: bool,
    /// First instant of silence.
    pub starts_at: i64,
    /// First instant after it.
    pub ends_at: i64,
    /// Last change.
    pub updated_at: i64,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
    /// More about it.
    pub annotations: BTreeMap<String, String>,
}

/// What one integration was told of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileEntry {
    /// The name of the group.
    pub group_key: String,
    /// Name of the receiver.
    pub receiver: String,
    /// Kind of integration.
    pub integration: String,
    /// Position among those of its kind.
    pub index: u64,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Hashes (XXH64 of the labels) of alerts that fired.
    pub firing: Vec<u64>,
    /// The same of alerts that had ended.
    pub resolved: Vec<u64>,
    /// What the service wants to see again.
    pub texts: BTreeMap<String, String>,
}

/// Reads the file `silences`.
pub fn silences(file: &[u8]) -> Result<Vec<FileSilence>, WireError> {
    rows(file, |mut row| {
        let mut silence = None;
        while let Some((number, wire)) = row.field()? {
            match number {
                1 => silence = Some(read_silence(sub(&mut row, wire)?)?),
                _ => row.skip(wire)?,
            }
        }
        Ok(silence)
    })
}

/// Reads the file `nflog`.
pub fn entries(file: &[u8]) -> Result<Vec<FileEntry>, WireError> {
    rows(file, |mut row| {
        let mut entry = None;
        while let Some((number, wire)) = row.field()? {
            match number {
                1 => entry = Some(read_entry(sub(&mut row, wire)?)?),
                _ => row.skip(wire)?,
            }
        }
        Ok(entry)
    })
}

fn rows<T>(file: &[u8], mut read: impl FnMut(Reader<'_>) -> Result<Option<T>, WireError>) -> Result<Vec<T>, WireError> {
    let mut reader = Reader::new(file);
    let mut rows = Vec::new();
    while !reader.is_done() {
        rows.extend(read(reader.message()?)?);
    }
    Ok(rows)
}

fn sub<'a>(reader: &mut Reader<'a>, wire: Wire) -> Result<Reader<'a>, WireError> {
    reader.expect(wire, Wire::Bytes)?;
    reader.message()
}

fn text(reader: &mut Reader<'_>, wire: Wire) -> Result<String, WireError> {
    reader.expect(wire, Wire::Bytes)?;
    Ok(String::from_utf8_lossy(reader.bytes()?).into_owned())
}

/// `google.protobuf.Timestamp` in milliseconds.
fn time(mut reader: Reader<'_>) -> Result<i64, WireError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    while let Some((number, wire)) = reader.field()? {
        match (number, wire) {
            (1, Wire::Varint) => seconds = reader.varint()? as i64,
            (2, Wire::Varint) => nanos = reader.varint()? as i64,
            _ => reader.skip(wire)?,
        }
    }
    Ok(seconds.saturating_mul(1000).saturating_add(nanos / 1_000_000))
}

fn read_silence(mut reader: Reader<'_>) -> Result<FileSilence, WireError> {
    let mut silence = FileSilence::default();
    let (mut plain, mut sets) = (Vec::new(), Vec::new());
    while let Some((number, wire)) = reader.field()? {
        match number {
            1 => silence.id = text(&mut reader, wire)?,
            2 => plain.push(matcher(sub(&mut reader, wire)?)?),
            3 => silence.starts_at = time(sub(&mut reader, wire)?)?,
            4 => silence.ends_at = time(sub(&mut reader, wire)?)?,
            5 => silence.updated_at = time(sub(&mut reader, wire)?)?,
            7 => comment(sub(&mut reader, wire)?, &mut silence)?,
            8 => silence.created_by = text(&mut reader, wire)?,
            9 => silence.comment = text(&mut reader, wire)?,
            10 => {
                let (name, mut value) = entry(sub(&mut reader, wire)?)?;
                let value = value.as_mut().map(|(reader, wire)| text(reader, *wire)).transpose()?;
                silence.annotations.insert(name, value.unwrap_or_default());
            }
            11 => sets.push(matcher_set(sub(&mut reader, wire)?)?),
            12 => {
                silence.for_receivers = true;
                reader.skip(wire)?;
            }
            _ => reader.skip(wire)?,
        }
    }
    silence.matcher_sets = if sets.is_empty() { vec![plain] } else { sets };
    Ok(silence)
}

/// The first of the comments old versions wrote.
fn comment(mut reader: Reader<'_>, silence: &mut FileSilence) -> Result<(), WireError> {
    while let Some((number, wire)) = reader.field()? {
        match number {
            1 if silence.created_by.is_empty() => silence.created_by = text(&mut reader, wire)?,
            2 if silence.comment.is_empty() => silence.comment = text(&mut reader, wire)?,
            _ => reader.skip(wire)?,
        }
    }
    Ok(())
}

fn matcher_set(mut reader: Reader<'_>) -> Result<Vec<FileMatcher>, WireError> {
    let mut matchers = Vec::new();
    while let Some((number, wire)) = reader.field()? {
        match number {
            1 => matchers.push(matcher(sub(&mut reader, wire)?)?),
            _ => reader.skip(wire)?,
        }
    }
    Ok(matchers)
}

fn matcher(mut reader: Reader<'_>) -> Result<FileMatcher, WireError> {
    let mut matcher = FileMatcher::default();
    while let Some((number, wire)) = reader.field()? {
        match (number, wire) {
            (1, Wire::Varint) => matcher.kind = reader.varint()?,
            (2, _) => matcher.name = text(&mut reader, wire)?,
            (3, _) => matcher.pattern = text(&mut reader, wire)?,
            _ => reader.skip(wire)?,
        }
    }
    Ok(matcher)
}

/// A member of a map: its name, and where its value begins.
fn entry(mut reader: Reader<'_>) -> Result<(String, Option<(Reader<'_>, Wire)>), WireError> {
    let (mut name, mut value) = (String::new(), None);
    while let Some((number, wire)) = reader.field()? {
        match number {
            1 => name = text(&mut reader, wire)?,
            2 => {
                value = Some((reader, wire));
                reader.skip(wire)?;
            }
            _ => reader.skip(wire)?,
        }
    }
    Ok((name, value))
}

fn read_entry(mut reader: Reader<'_>) -> Result<FileEntry, WireError> {
    let mut told = FileEntry::default();
    while let Some((number, wire)) = reader.field()? {
        match number {
            1 => told.group_key = text(&mut reader, wire)?,
            2 => receiver(sub(&mut reader, wire)?, &mut told)?,
            5 => told.at = time(sub(&mut reader, wire)?)?,
            6 => reader.varints(wire, |hash| told.firing.push(hash))?,
            7 => reader.varints(wire, |hash| told.resolved.push(hash))?,
            8 => {
                let (name, value) = entry(sub(&mut reader, wire)?)?;
                if let Some((mut value, wire)) = value {
                    let mut value = sub(&mut value, wire)?;
                    while let Some((number, wire)) = value.field()? {
                        match number {
                            1 => {
                                told.texts.insert(name.clone(), text(&mut value, wire)?);
                            }
                            _ => value.skip(wire)?,
                        }
                    }
                }
            }
            _ => reader.skip(wire)?,
        }
    }
    Ok(told)
}

fn receiver(mut reader: Reader<'_>, told: &mut FileEntry) -> Result<(), WireError> {
    while let Some((number, wire)) = reader.field()? {
        match (number, wire) {
            (1, _) => told.receiver = text(&mut reader, wire)?,
            (2, _) => told.integration = text(&mut reader, wire)?,
            (3, Wire::Varint) => told.index = reader.varint()?,
            _ => reader.skip(wire)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    fn at(seconds: u8) -> Vec<u8> {
        vec![8, seconds]
    }

    #[test]
    fn a_silence_of_old_and_of_new() {
        let matcher = [&[8, 1][..], &field(2, b"a"), &field(3, b"b.*")].concat();
        let old = [
            field(1, b"id"),
            field(2, &matcher),
            field(3, &at(1)),
            field(4, &at(2)),
            field(5, &at(1)),
            field(7, &[field(1, b"me"), field(2, b"why")].concat()),
            field(10, &[field(1, b"k"), field(2, b"v")].concat()),
        ]
        .concat();
        let new = [field(1, b"id2"), field(11, &field(1, &matcher)), field(11, &field(1, &matcher))].concat();
        let row = |silence: &[u8]| {
            let row = [field(1, silence), field(2, &at(9))].concat();
            [&[row.len() as u8][..], &row].concat()
        };
        let read = silences(&[row(&old), row(&new)].concat()).unwrap();
        let expected = FileMatcher { kind: 1, name: "a".into(), pattern: "b.*".into() };
        assert_eq!(read[0].matcher_sets, [vec![expected.clone()]]);
        assert_eq!(
            (read[0].starts_at, read[0].ends_at, &*read[0].created_by, &*read[0].comment),
            (1000, 2000, "me", "why")
        );
        assert_eq!(read[0].annotations["k"], "v");
        assert_eq!(read[1].matcher_sets, [vec![expected.clone()], vec![expected]]);
    }

    #[test]
    fn an_entry() {
        let entry = [
            field(1, b"{}:{}"),
            field(2, &[field(1, b"r"), field(2, b"webhook"), vec![24, 3]].concat()),
            field(5, &at(7)),
            field(6, &[5, 0xac, 2]),
            field(7, &[9]),
            field(8, &[field(1, b"threadTs"), field(2, &field(1, b"x"))].concat()),
        ]
        .concat();
        let row = field(1, &entry);
        let read = entries(&[&[row.len() as u8][..], &row].concat()).unwrap();
        let expected = FileEntry {
            group_key: "{}:{}".into(),
            receiver: "r".into(),
            integration: "webhook".into(),
            index: 3,
            at: 7000,
            firing: vec![5, 300],
            resolved: vec![9],
            texts: [("threadTs".to_owned(), "x".to_owned())].into(),
        };
        assert_eq!(read, [expected]);
    }

    #[test]
    fn nothing_panics() {
        let row = [&[0x20][..], &field(1, &field(2, &field(2, b"abc")))].concat();
        for cut in 0..row.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut bytes = row[..cut].to_vec();
                bytes.push(byte);
                let _ = (silences(&bytes), entries(&bytes));
            }
        }
    }
}
