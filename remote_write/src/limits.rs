//! How much one request may ask for.

/// Limits of one request. Whatever a sender declares is held against them before memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Body as received.
    pub compressed_bytes: usize,
    /// Body after decompression. At most 1 GiB is honoured.
    pub decompressed_bytes: usize,
    /// Series entries.
    pub series: usize,
    /// Float samples.
    pub samples: usize,
    /// Symbols of a 2.0 request.
    pub symbols: usize,
    /// Native histograms.
    pub histograms: usize,
    /// Exemplars.
    pub exemplars: usize,
    /// Label sets of a 2.0 request after its symbols are put in: one symbol may be used many times.
    pub label_bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            compressed_bytes: 32 << 20,
            decompressed_bytes: 32 << 20,
            series: 1_000_000,
            samples: 4_000_000,
            symbols: 2_000_000,
            histograms: 200_000,
            exemplars: 500_000,
            label_bytes: 256 << 20,
        }
    }
}
