//! One exemplar: time, value, its labels in canonical spelling.

use nightjar_model::{Exemplar, Labels};

use crate::bytes::{Corrupt, Cursor, put_blob, put_f64, put_zigzag};

/// Appends `exemplar`.
pub fn encode(exemplar: &Exemplar, out: &mut Vec<u8>) {
    put_zigzag(exemplar.timestamp, out);
    put_f64(exemplar.value, out);
    let mut spelling = Vec::new();
    exemplar.labels.spell(&mut spelling);
    put_blob(&spelling, out);
}

/// Reads what [`encode`] wrote.
pub fn decode(cursor: &mut Cursor<'_>) -> Result<Exemplar, Corrupt> {
    let timestamp = cursor.zigzag("exemplar time")?;
    let value = cursor.f64("exemplar value")?;
    let error = cursor.corrupt("exemplar labels");
    let labels = Labels::from_spelling(cursor.blob("exemplar labels")?).map_err(|_| error)?;
    Ok(Exemplar { labels, value, timestamp })
}
