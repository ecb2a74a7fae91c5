//! `meta.json`: what a block is about.

use nightjar_model::BlockRange;
use serde::{Deserialize, Serialize};

/// What a block is about, in Prometheus' words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// Its name.
    pub ulid: String,
    /// First time.
    pub min_time: i64,
    /// First time after it.
    pub max_time: i64,
    /// How much it holds.
    #[serde(default)]
    pub stats: BlockStats,
    /// Where it comes from.
    #[serde(default)]
    pub compaction: Tracks,
    /// Version of the layout.
    pub version: i64,
}

/// How much a block holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BlockStats {
    /// Samples of all kinds.
    pub num_samples: u64,
    /// Floats.
    pub num_float_samples: u64,
    /// Native histograms.
    pub num_histogram_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
}

/// Where a block comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracks {
    /// How often its content was compacted; 1 = never.
    pub level: u32,
    /// The blocks it was made of.
    #[serde(default)]
    pub sources: Vec<String>,
}

impl Meta {
    /// The most bytes a `meta.json` may have.
    pub(super) const MAX_BYTES: u64 = 16 << 20;

    /// Reads the file's content; the error says what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Meta, String> {
        let meta: Meta = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        // Version 2 was written by mistake by some betas; it means 1.
        if !(1..=2).contains(&meta.version) {
            return Err(format!("version {} is not known, only 1 is", meta.version));
        }
        if meta.min_time > meta.max_time {
            return Err(format!("it ends at {} before it begins at {}", meta.max_time, meta.min_time));
        }
        Ok(meta)
    }

    /// The times it covers.
    pub fn range(&self) -> BlockRange {
        BlockRange { start: self.min_time, end: self.max_time }
    }

    /// The file's content.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let tabs = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, tabs);
        // Writing plain fields to memory cannot fail.
        let _ = self.serialize(&mut serializer);
        out.push(b'\n');
        out
    }
}
