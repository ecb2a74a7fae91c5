//! Headers and compression: what is accepted, what is refused with which status, and that nothing declared is believed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use nightjar_remote_write::body::{BodyError, Encoding, Format, Headers, Inflater, Protocol};
use nightjar_remote_write::{Limits, encode};
use proptest::prelude::*;

use Encoding::{Identity, Snappy, Unknown, Zstd};
use Protocol::{V1, V2};

#[test]
fn negotiation() {
    let pb = "application/x-protobuf";
    // Content-Type, Content-Encoding, X-Prometheus-Remote-Write-Version, X-VictoriaMetrics-Remote-Write-Version
    type Row = (&'static str, &'static str, &'static str, &'static str, Result<(Protocol, Encoding), u16>);
    let rows: Vec<Row> = vec![
        (pb, "snappy", "0.1.0", "", Ok((V1, Snappy))),
        ("", "", "", "", Ok((V1, Unknown))),
        ("", "snappy", "", "", Ok((V1, Snappy))),
        ("Application/X-Protobuf", "Snappy", "", "", Ok((V1, Snappy))),
        ("application/x-protobuf;proto=prometheus.WriteRequest", "snappy", "", "", Ok((V1, Snappy))),
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", "2.0.0", "", Ok((V2, Snappy))),
        ("application/x-protobuf; proto=io.prometheus.write.v2.Request", "snappy", "", "", Ok((V2, Snappy))),
        ("application/x-protobuf ; proto = \"io.prometheus.write.v2.Request\"", "snappy", "", "", Ok((V2, Snappy))),
        (
            "application/x-protobuf;charset=utf-8;proto=io.prometheus.write.v2.Request",
            "snappy",
            "",
            "",
            Ok((V2, Snappy)),
        ),
        ("application/x-protobuf;charset=utf-8", "snappy", "", "", Ok((V1, Snappy))),
        (pb, "zstd", "", "1", Ok((V1, Zstd))),
        (pb, "", "", "1", Ok((V1, Zstd))),
        (pb, "identity", "", "", Ok((V1, Identity))),
        ("text/plain", "snappy", "0.1.0", "", Ok((V1, Snappy))),
        ("text/plain", "snappy", "", "", Err(415)),
        ("application/json", "snappy", "2.0.0", "", Err(415)),
        ("image/png", "snappy", "2.0.0", "", Err(415)),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", "", "", Err(415)),
        ("application/x-protobuf;proto=", "snappy", "", "", Err(415)),
        (pb, "gzip", "", "", Err(415)),
        (pb, "deflate", "", "", Err(415)),
        (pb, "snappy, snappy", "", "", Err(415)),
    ];
    for (content_type, content_encoding, version, vm_version, expected) in rows {
        let given = |text: &'static str| (!text.is_empty()).then_some(text);
        let headers = Headers {
            content_type: given(content_type),
            content_encoding: given(content_encoding),
            version: given(version),
            vm_version: given(vm_version),
        };
        let format = Format::negotiate(&headers).map(|f| (f.protocol, f.encoding)).map_err(|e| e.status());
        assert_eq!(format, expected, "{headers:?}");
    }
}

fn inflate(encoding: Encoding, body: &[u8], limits: &Limits) -> (Result<(), BodyError>, Vec<u8>) {
    let mut out = Vec::new();
    let result = Inflater::new().inflate(encoding, body, limits, &mut out);
    (result, out)
}

fn snappy(message: &[u8]) -> Vec<u8> {
    encode::snappy(message).unwrap()
}

fn zstd(message: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(message, 1).unwrap()
}

/// A zstd frame that does not say how long it is.
fn zstd_unsized(message: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(message, 1).unwrap()
}

#[test]
fn every_encoding_is_undone() {
    let message = [b"\x0a\x03abc".repeat(1000), vec![7; 5000]].concat();
    let limits = Limits::default();
    let rows = [
        (Snappy, snappy(&message)),
        (Unknown, snappy(&message)),
        (Zstd, zstd(&message)),
        (Zstd, zstd_unsized(&message)),
        (Zstd, [zstd(&message[..100]), zstd(&message[100..])].concat()),
        (Snappy, zstd(&message)),
        (Unknown, zstd(&message)),
        (Identity, message.clone()),
        (Unknown, message.clone()),
    ];
    let (mut inflater, mut out) = (Inflater::new(), vec![9; 17]);
    for (encoding, body) in rows {
        inflater.inflate(encoding, &body, &limits, &mut out).unwrap();
        assert!(out == message, "{encoding:?}");
    }
}

#[test]
fn nothing_at_all_is_an_empty_message_but_not_an_empty_body() {
    assert_eq!(inflate(Snappy, &snappy(b""), &Limits::default()), (Ok(()), vec![]));
    assert_eq!(inflate(Identity, b"", &Limits::default()), (Ok(()), vec![]));
    for encoding in [Snappy, Unknown, Zstd] {
        assert_eq!(inflate(encoding, b"", &Limits::default()).0.unwrap_err().status(), 400, "{encoding:?}");
    }
}

#[test]
fn bombs_are_refused_before_memory_is_taken() {
    let limits = Limits { decompressed_bytes: 1 << 20, compressed_bytes: 4096, ..Limits::default() };
    let zeros = vec![0; 2 << 20];
    let framed_snappy = [b"\xff\x06\x00\x00sNaPpY".to_vec(), vec![0; 20]].concat();
    // What is sent, the status, how much memory may have been taken.
    let rows = [
        ("snappy that declares 4 GiB", Snappy, vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0], 413, 0),
        ("snappy that declares more than 32 bits", Snappy, vec![0xff; 8], 400, 0),
        ("snappy that declares 1 MiB in 6 bytes", Snappy, vec![0x80, 0x80, 0x40, 0, 0, 0], 400, 0),
        ("zstd that declares too much", Zstd, zstd(&zeros), 413, 0),
        ("zstd that declares nothing", Zstd, zstd_unsized(&zeros), 413, 4 << 20),
        ("zstd of many frames", Zstd, zstd(&zeros[..1 << 19]).repeat(4), 413, 4 << 20),
        ("a large body", Identity, vec![0; 4097], 413, 0),
        ("snappy's framing", Snappy, framed_snappy, 400, 0),
        ("snappy cut", Snappy, snappy(&[1; 100])[..5].to_vec(), 400, 1024),
        ("zstd cut", Zstd, zstd(&[1; 1000])[..9].to_vec(), 400, 1024),
        ("noise as zstd", Zstd, vec![1, 2, 3, 4, 5], 400, 0),
        ("noise", Unknown, vec![0xf0, 2, 3, 4, 5], 400, 4096),
    ];
    for (case, encoding, body, status, memory) in rows {
        let (result, out) = inflate(encoding, &body, &limits);
        assert_eq!(result.as_ref().map_err(BodyError::status), Err(status), "{case}");
        assert!(out.capacity() <= memory, "{case}: {} bytes taken", out.capacity());
        assert!(!result.unwrap_err().to_string().is_empty());
    }
}

#[test]
fn a_zstd_window_is_capped() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(26).unwrap();
    encoder.include_contentsize(false).unwrap();
    std::io::Write::write_all(&mut encoder, &vec![1; 1 << 20]).unwrap();
    let body = encoder.finish().unwrap();
    assert_eq!(inflate(Zstd, &body, &Limits::default()).0.unwrap_err().status(), 400);
}

#[test]
fn messages_carry_no_control_bytes() {
    let headers = Headers { content_type: Some("text/\x1b[31mred"), ..Headers::default() };
    let message = Format::negotiate(&headers).unwrap_err().to_string();
    assert!(!message.contains('\x1b'), "{message:?}");
}

proptest! {
    #[test]
    fn any_body_is_answered(body in proptest::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        let body = if magic { [&[0x28, 0xB5, 0x2F, 0xFD][..], &body].concat() } else { body };
        let limits = Limits { decompressed_bytes: 10_000, ..Limits::default() };
        for encoding in [Snappy, Zstd, Identity, Unknown] {
            let (result, out) = inflate(encoding, &body, &limits);
            prop_assert!(result.is_err() || out.len() <= 10_000);
        }
    }

    #[test]
    fn what_is_compressed_comes_back(message in proptest::collection::vec(any::<u8>(), 0..5000)) {
        for (encoding, body) in [(Snappy, snappy(&message)), (Zstd, zstd(&message)), (Zstd, zstd_unsized(&message))] {
            prop_assert_eq!(inflate(encoding, &body, &Limits::default()), (Ok(()), message.clone()));
        }
    }
}
