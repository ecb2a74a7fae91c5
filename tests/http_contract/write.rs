//! Remote write as senders see it.

use std::time::Duration;

use nightjar_model::metadata::{Metadata, MetricType};
use nightjar_model::{Labels, Sample};
use nightjar_platform::SimDisk;
use nightjar_remote_write::encode;

use crate::client::{get, send};
use crate::server::{NOW_S, Server, V1, V2, open_sim, v1_body};

fn sample(value: f64, before_now_s: i64) -> Sample {
    Sample { timestamp: (NOW_S - before_now_s) * 1000, start: 0, value }
}

fn up() -> Labels {
    Labels::from_pairs([("__name__", "up"), ("job", "x")])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_name_of_the_receiver() {
    let server = Server::empty(&[]).await;
    let paths = [
        "/api/v1/write",
        "/api/v1/push",
        "/api/prom/push",
        "/api/v1/receive",
        "/prometheus/v1/write",
        "/prometheus/api/v1/write",
        "/insert/0/prometheus/api/v1/write",
    ];
    for (i, path) in paths.into_iter().enumerate() {
        let body = v1_body(&up(), &[sample(i as f64, 60 - i as i64)]);
        let headers =
            [("Content-Type", V1), ("Content-Encoding", "snappy"), ("X-Prometheus-Remote-Write-Version", "0.1.0")];
        let answer = send(server.address, "POST", path, &headers, &body).await;
        assert_eq!((answer.status, answer.text()), (204, ""), "{path}");
        // vmagent asks before it compresses with zstd.
        assert_eq!(get(server.address, &format!("{path}?get_vm_proto_version=1")).await.text(), "1", "{path}");
        assert_eq!(get(server.address, path).await.status, 405, "{path}");
    }
    let count = get(server.address, "/api/v1/query?query=count_over_time(up%5B1h%5D)&time=1700000000").await.json();
    assert_eq!(count["data"]["result"][0]["value"][1], paths.len().to_string());
    server.stop().await;
}

/// What it is, headers, body, status.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16);

#[tokio::test(flavor = "multi_thread")]
async fn verdicts() {
    let server = Server::empty(&[]).await;
    let good = v1_body(&up(), &[sample(1.0, 60)]);
    let raw = snap::raw::Decoder::new().decompress_vec(&good).unwrap();
    let zstd = zstd::bulk::compress(&raw, 1).unwrap();
    let table: [Case; 9] = [
        ("no headers at all", &[], &good, 204),
        (
            "a space in the media type",
            &[
                ("Content-Type", "application/x-protobuf; proto=prometheus.WriteRequest"),
                ("Content-Encoding", "snappy"),
            ],
            &good,
            204,
        ),
        (
            "vmagent",
            &[("Content-Type", V1), ("Content-Encoding", "zstd"), ("X-VictoriaMetrics-Remote-Write-Version", "1")],
            &zstd,
            204,
        ),
        ("another media type", &[("Content-Type", "application/json")], &good, 415),
        ("another message", &[("Content-Type", "application/x-protobuf;proto=x.Y")], &good, 415),
        ("another compression", &[("Content-Type", V1), ("Content-Encoding", "br")], &good, 415),
        ("broken compression", &[("Content-Type", V1), ("Content-Encoding", "snappy")], b"\x05garbage", 400),
        (
            "a declared length beyond the limit",
            &[("Content-Type", V1), ("Content-Encoding", "snappy")],
            b"\xff\xff\xff\x7f\x00",
            413,
        ),
        ("a message that is none", &[("Content-Type", V1), ("Content-Encoding", "snappy")], b"\x02\x04\xff\xff", 400),
    ];
    for (what, headers, body, status) in table {
        let answer = send(server.address, "POST", "/api/v1/write", headers, body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_samples_are_400_with_reasons_and_true_counts() {
    let server = Server::empty(&[]).await;
    assert_eq!(server.write(V1, &v1_body(&up(), &[sample(1.0, 60)])).await.status, 204);
    let again = server.write(V1, &v1_body(&up(), &[sample(2.0, 60)])).await;
    assert_eq!(again.status, 400);
    assert!(again.text().contains("up"), "{}", again.text());
    let labels = up();
    let samples = [sample(2.0, 60), sample(3.0, 30)];
    let series = encode::SeriesOut { labels: Some(&labels), samples: &samples, ..Default::default() };
    let mut message = Vec::new();
    encode::encode_v2(&[series], &mut message);
    let partial = server.write(V2, &encode::snappy(&message).unwrap()).await;
    let written = partial.header("x-prometheus-remote-write-samples-written");
    assert_eq!((partial.status, written), (400, Some("1")), "{}", partial.text());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_1_0_is_kept() {
    let server = Server::empty(&[]).await;
    let metadata = Metadata { metric_type: MetricType::Counter, help: "All requests.".into(), unit: String::new() };
    let mut message = Vec::new();
    encode::encode_v1_metadata("requests_total", &metadata, &mut message);
    assert_eq!(server.write(V1, &encode::snappy(&message).unwrap()).await.status, 204);
    let answer = get(server.address, "/api/v1/metadata").await.json();
    let expected = serde_json::json!({"requests_total": [{"type": "counter", "help": "All requests.", "unit": ""}]});
    assert_eq!(answer["data"], expected);
    assert_eq!(get(server.address, "/api/v1/labels").await.json()["data"], serde_json::json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_503_and_passes() {
    let disk = SimDisk::new();
    let server = Server::with_store(&[], open_sim(disk.clone())).await;
    server.until_ready().await;
    assert_eq!(server.write(V1, &v1_body(&up(), &[sample(1.0, 60)])).await.status, 204);
    disk.set_capacity(disk.used_bytes());
    // The room reserved for the log may take a few more.
    let mut seed = 1u64;
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + (seed >> 33) as u8 % 90)
    };
    let mut refused = None;
    for i in 0..2000 {
        let long: String = (0..8000).map(|_| noise()).collect();
        let labels = Labels::from_pairs([("__name__", "up"), ("n", &i.to_string()), ("x", &long)]);
        let answer = server.write(V1, &v1_body(&labels, &[sample(1.0, 60)])).await;
        if answer.status != 204 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.unwrap();
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    let answer = get(server.address, "/api/v1/query?query=up{job=%22x%22}&time=1700000000").await.json();
    assert_eq!(answer["data"]["result"][0]["value"][1], "1");
    disk.set_capacity(4 << 30);
    while server.write(V1, &v1_body(&up(), &[sample(2.0, 30)])).await.status != 204 {
        server.clock.advance(Duration::from_secs(1));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_limit_is_413() {
    let server = Server::empty(&[]).await;
    let body = vec![0u8; (32 << 20) + 1];
    assert_eq!(server.write(V1, &body).await.status, 413);
    server.stop().await;
}
