//! Remote write 1.0 requests, encoded by hand so that no code under test is involved.

use super::http::{Client, Response};

/// One series with its samples `(timestamp_ms, value)`.
pub struct Series<'a> {
    pub labels: &'a [(&'a str, &'a str)],
    pub samples: &'a [(i64, f64)],
}

fn varint(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn field(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The protobuf message, compressed as the protocol wants it.
pub fn encode(series: &[Series<'_>]) -> Vec<u8> {
    let mut request = Vec::new();
    for one in series {
        let mut message = Vec::new();
        for (name, value) in one.labels {
            let mut label = Vec::new();
            field(0x0a, name.as_bytes(), &mut label);
            field(0x12, value.as_bytes(), &mut label);
            field(0x0a, &label, &mut message);
        }
        for (timestamp, value) in one.samples {
            let mut sample = vec![0x09];
            sample.extend_from_slice(&value.to_bits().to_le_bytes());
            sample.push(0x10);
            varint(*timestamp as u64, &mut sample);
            field(0x12, &sample, &mut message);
        }
        field(0x0a, &message, &mut request);
    }
    snap::raw::Encoder::new().compress_vec(&request).expect("it compresses")
}

/// Posts series to `/api/v1/write`.
pub fn post(client: &mut Client, series: &[Series<'_>]) -> std::io::Result<Response> {
    let headers = [
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ];
    client.send("POST", "/api/v1/write", &headers, &encode(series))
}
