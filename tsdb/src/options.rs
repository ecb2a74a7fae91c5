//! What can be chosen when a database is opened.

use nightjar_model::Matcher;

/// Series that are kept for a shorter time than the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// The series: all that satisfy these.
    pub matchers: Vec<Matcher>,
    /// Their samples are deleted when they are this old, in milliseconds.
    pub keep_ms: i64,
}

/// Buckets that are kept of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierOptions {
    /// Their width in milliseconds, > 0.
    pub width_ms: i64,
    /// Those that end before now minus this are removed, in milliseconds; 0 keeps all.
    pub keep_ms: i64,
}

/// Limits and intervals. Every limit has a name, because whoever meets one must be able to ask for it.
#[derive(Clone, Debug)]
pub struct Options {
    /// How much older than the newest stored sample an out-of-order sample may be, in milliseconds; 0 refuses them all.
    pub out_of_order_window_ms: i64,
    /// Blocks that end before now minus this are removed, in milliseconds; 0 keeps everything.
    pub retention_ms: i64,
    /// The oldest blocks are removed while all together have more bytes than this; 0 keeps everything.
    pub retention_bytes: u64,
    /// Series that are kept for a shorter time. When several rules concern a series, the shortest counts.
    pub retention_rules: Vec<RetentionRule>,
    /// What is kept of samples in buckets, ascending by width; none = nothing.
    pub tiers: Vec<TierOptions>,
    /// Width of a block as it is sealed, in milliseconds. Compaction makes blocks of 12 and 84 times that.
    pub block_ms: i64,
    /// The newest data that is never sealed into a block, in milliseconds.
    pub seal_delay_ms: i64,
    /// A segment of the log is closed when it has grown to this many bytes.
    pub segment_bytes: u64,
    /// When the log has grown to this many bytes what is older than the newest quarter of its time is sealed early;
    /// 0 = never.
    pub max_log_bytes: u64,
    /// Bytes of the disk kept for everything but samples: given up when the disk is full, so that all that is not ingest
    /// goes on, and taken again before samples are accepted; 0 keeps nothing.
    pub reserve_bytes: u64,
    /// Files put aside are removed, the oldest first, while all together have more bytes than this. The newest stays.
    pub quarantine_bytes: u64,
    /// Appends wait while this many bytes are queued for the disk.
    pub queue_bytes: usize,
    /// Series in memory; 0 = no limit.
    pub max_series: usize,
    /// Series of one metric name in memory; 0 = no limit.
    pub max_series_per_metric: usize,
    /// Labels of a series.
    pub max_labels: usize,
    /// Bytes of a label name.
    pub max_label_name_bytes: usize,
    /// Bytes of a label value.
    pub max_label_value_bytes: usize,
    /// Metrics whose metadata is kept.
    pub max_metadata: usize,
    /// Decoded samples a query keeps in memory to read a frame only once, in bytes.
    pub read_ahead_bytes: usize,
    /// Encoded samples of a block being sealed that are kept in memory before a scratch file is used, in bytes.
    pub seal_memory_bytes: usize,
    /// Decoded pages of blocks kept in memory, in bytes.
    pub block_cache_bytes: usize,
    /// Decoded columns of frames kept in memory, in bytes.
    pub frame_cache_bytes: usize,
    /// Fixes the keys of hash tables and segments, for tests; `None` takes them from the operating system.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        const HOUR: i64 = 3_600_000;
        Options {
            out_of_order_window_ms: 4 * HOUR,
            retention_ms: 15 * 24 * HOUR,
            retention_bytes: 0,
            retention_rules: Vec::new(),
            tiers: Vec::new(),
            block_ms: 2 * HOUR,
            seal_delay_ms: HOUR,
            segment_bytes: 64 << 20,
            max_log_bytes: 256 << 20,
            reserve_bytes: 0,
            quarantine_bytes: 1 << 30,
            queue_bytes: 32 << 20,
            max_series: 0,
            max_series_per_metric: 0,
            max_labels: 128,
            max_label_name_bytes: 1024,
            max_label_value_bytes: 8192,
            max_metadata: 100_000,
            read_ahead_bytes: 48 << 20,
            seal_memory_bytes: 32 << 20,
            block_cache_bytes: 64 << 20,
            frame_cache_bytes: 64 << 20,
            seed: None,
        }
    }
}
