//! From headers and raw body to the bytes of a message.

use std::io::Read;

use crate::limits::Limits;

/// Which message a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `prometheus.WriteRequest`, remote write 1.0.
    V1,
    /// `io.prometheus.write.v2.Request`, remote write 2.0.
    V2,
}

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// Snappy's block format.
    Snappy,
    /// Zstandard, as vmagent sends it.
    Zstd,
    /// Not at all.
    Identity,
    /// Not declared: snappy as Prometheus takes it, but what is plainly something else is read as that.
    Unknown,
}

/// The headers that say what a body is; `None` = absent. Names are matched by the caller, case aside.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'a str>,
    /// `X-Prometheus-Remote-Write-Version`.
    pub version: Option<&'a str>,
    /// `X-VictoriaMetrics-Remote-Write-Version`: the body is zstd whatever else is said.
    pub vm_version: Option<&'a str>,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The message.
    pub protocol: Protocol,
    /// Its compression.
    pub encoding: Encoding,
}

/// Why a body is refused before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Status 415: another type or compression.
    #[error("{0}")]
    Unsupported(String),
    /// Status 413: over a limit.
    #[error("{what} is larger than {limit} bytes; send smaller requests")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// Status 400: it does not decompress.
    #[error("{0}")]
    Corrupt(String),
}

impl BodyError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            BodyError::Unsupported(_) => 415,
            BodyError::TooLarge { .. } => 413,
            BodyError::Corrupt(_) => 400,
        }
    }
}

const MEDIA_TYPE: &str = "application/x-protobuf";

impl Format {
    /// Reads the headers. The only error is [`BodyError::Unsupported`].
    pub fn negotiate(headers: &Headers<'_>) -> Result<Format, BodyError> {
        Ok(Format { protocol: protocol(headers)?, encoding: encoding(headers)? })
    }
}

fn protocol(headers: &Headers<'_>) -> Result<Protocol, BodyError> {
    let text = headers.content_type.unwrap_or("").trim();
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or("");
    // Telegraf says text/plain unless told otherwise, but sends the version.
    let excused = media.eq_ignore_ascii_case("text/plain") && headers.version.is_some();
    if !(media.is_empty() || media.eq_ignore_ascii_case(MEDIA_TYPE) || excused) {
        return Err(BodyError::Unsupported(format!(
            "expected {MEDIA_TYPE} as the first (media) part, got {} content-type",
            shorten(text)
        )));
    }
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("proto") {
            return match value.trim().trim_matches('"') {
                "prometheus.WriteRequest" => Ok(Protocol::V1),
                "io.prometheus.write.v2.Request" => Ok(Protocol::V2),
                other => Err(BodyError::Unsupported(format!(
                    "{} protobuf message is not accepted by this server; accepted are prometheus.WriteRequest and \
                     io.prometheus.write.v2.Request",
                    shorten(other)
                ))),
            };
        }
    }
    Ok(Protocol::V1)
}

fn encoding(headers: &Headers<'_>) -> Result<Encoding, BodyError> {
    match headers.content_encoding.unwrap_or("").trim().to_ascii_lowercase().as_str() {
        "" if headers.vm_version.is_some() => Ok(Encoding::Zstd),
        "" => Ok(Encoding::Unknown),
        "snappy" => Ok(Encoding::Snappy),
        "zstd" => Ok(Encoding::Zstd),
        "identity" => Ok(Encoding::Identity),
        other => Err(BodyError::Unsupported(format!(
            "{} encoding (compression) is not accepted by this server; only snappy, zstd and identity are acceptable",
            shorten(other)
        ))),
    }
}

/// Hostile text, fit for a message.
fn shorten(text: &str) -> String {
    text.chars().take(100).flat_map(char::escape_default).collect()
}

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const SNAPPY_FRAME_MAGIC: &[u8] = b"\xff\x06\x00\x00sNaPpY";
/// The largest window a zstd stream may ask for: 8 MiB.
const WINDOW_LOG_MAX: u32 = 23;
/// No snappy element makes more of a byte than this (64 bytes from 3), nor does one of zstd's that is honest.
const SNAPPY_RATIO: usize = 22;

/// Decompresses bodies. Keeps the decompressor's state between requests; one per thread.
#[derive(Default)]
pub struct Inflater {
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inflater")
    }
}

impl Inflater {
    /// An inflater without state.
    pub fn new() -> Inflater {
        Inflater::default()
    }

    /// Decompresses `body` into `out`, whose old content is worthless and whose memory is used again. Never takes
    /// more memory than the limits allow, whatever the body declares.
    pub fn inflate(
        &mut self,
        encoding: Encoding,
        body: &[u8],
        limits: &Limits,
        out: &mut Vec<u8>,
    ) -> Result<(), BodyError> {
        if body.len() > limits.compressed_bytes {
            return Err(BodyError::TooLarge { what: "the body", limit: limits.compressed_bytes });
        }
        let limit = limits.decompressed_bytes;
        match encoding {
            Encoding::Identity => identity(body, limit, out),
            Encoding::Zstd => self.zstd(body, limit, out),
            // No snappy block begins like this: its first element would copy from nothing.
            Encoding::Snappy | Encoding::Unknown if body.starts_with(&ZSTD_MAGIC) => self.zstd(body, limit, out),
            Encoding::Snappy => snappy(body, limit, out),
            Encoding::Unknown => match snappy(body, limit, out) {
                Err(BodyError::Corrupt(_)) if looks_like_message(body) => identity(body, limit, out),
                result => result,
            },
        }
    }

    fn zstd(&mut self, body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
        match zstd::zstd_safe::get_frame_content_size(body) {
            Ok(Some(size)) if size > limit as u64 => Err(BodyError::TooLarge { what: "the decompressed body", limit }),
            // Honest senders compress one frame and say how long it is.
            Ok(Some(size)) if one_frame(body) => self.zstd_frame(body, size as usize, out),
            Ok(_) => zstd_stream(body, limit, out),
            Err(_) => Err(BodyError::Corrupt("zstd: the body is not a zstd frame".to_owned())),
        }
    }

    fn zstd_frame(&mut self, body: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let corrupt = |e: std::io::Error| BodyError::Corrupt(format!("zstd: corrupt input: {e}"));
        let decompressor = match &mut self.zstd {
            Some(decompressor) => decompressor,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(corrupt)?),
        };
        out.clear();
        out.reserve(size);
        decompressor.decompress_to_buffer(body, out).map(|_| ()).map_err(corrupt)
    }
}

fn one_frame(body: &[u8]) -> bool {
    zstd::zstd_safe::find_frame_compressed_size(body) == Ok(body.len())
}

fn zstd_stream(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
    let corrupt = |e: std::io::Error| BodyError::Corrupt(format!("zstd: corrupt input: {e}"));
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body).map_err(corrupt)?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(corrupt)?;
    out.clear();
    decoder.take(limit as u64 + 1).read_to_end(out).map_err(corrupt)?;
    if out.len() > limit { Err(BodyError::TooLarge { what: "the decompressed body", limit }) } else { Ok(()) }
}

fn snappy(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
    if body.starts_with(SNAPPY_FRAME_MAGIC) {
        let problem = "snappy: the body is in snappy's framing format; remote write uses the block format";
        return Err(BodyError::Corrupt(problem.to_owned()));
    }
    let corrupt = |e: snap::Error| BodyError::Corrupt(format!("snappy: corrupt input: {e}"));
    let size = snap::raw::decompress_len(body).map_err(corrupt)?;
    if size > limit {
        return Err(BodyError::TooLarge { what: "the decompressed body", limit });
    }
    if size / SNAPPY_RATIO > body.len() {
        let problem = format!("snappy: corrupt input: {} bytes cannot hold the declared {size}", body.len());
        return Err(BodyError::Corrupt(problem));
    }
    // Old content stays where it is: filling with zeros what is about to be overwritten costs as much as copying.
    out.resize(size, 0);
    snap::raw::Decoder::new().decompress(body, out).map(|_| ()).map_err(corrupt)
}

fn identity(body: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), BodyError> {
    if body.len() > limit {
        return Err(BodyError::TooLarge { what: "the body", limit });
    }
    out.clear();
    out.extend_from_slice(body);
    Ok(())
}

/// Whether bytes begin with a field of either message.
fn looks_like_message(body: &[u8]) -> bool {
    matches!(body.first(), Some(0x0A | 0x1A | 0x22 | 0x2A))
}
