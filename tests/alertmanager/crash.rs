//! `kill -9` again and again while alerts come in and pages go out.
//!
//! `NIGHTJAR_KILLS` sets how often; the whole promise is 500.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::listener::{Deed, Listener};
use crate::router::{Router, time};
use crate::support::http::Client;
use crate::support::{now_ms, setting, wait_until};

const KILLS: u64 = 12;

/// Posts until it is acknowledged.
fn post(port: &AtomicU16, stop: &AtomicBool, alert: &serde_json::Value) {
    let body = json!([alert]).to_string();
    while !stop.load(Ordering::SeqCst) {
        let headers = [("Content-Type", "application/json")];
        let port = port.load(Ordering::SeqCst);
        let answer = Client::new(port).send("POST", "/api/v2/alerts", &headers, body.as_bytes());
        if answer.is_ok_and(|answer| answer.status == 200) {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_told_twice_without_need() {
    let kills = setting("NIGHTJAR_KILLS").unwrap_or(KILLS);
    let dir = tempfile::tempdir().unwrap();
    let life = Arc::new(AtomicUsize::new(0));
    let lives = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (now_life, seen) = (Arc::clone(&life), Arc::clone(&lives));
    // A service that is a little slow, so that kills meet messages on their way.
    let listener = Listener::with(move |at| {
        seen.lock().unwrap().push((at, now_life.load(Ordering::SeqCst)));
        if at.elapsed().subsec_nanos() % 2 == 0 { Deed::Take } else { Deed::Slow(Duration::from_millis(8)) }
    });
    let config = format!(
        "route: {{receiver: a, group_by: [alertname], group_wait: 0s, group_interval: 200ms, repeat_interval: 1h}}\n\
         receivers: [{{name: a, webhook_configs: [{{url: '{}'}}]}}]\n",
        listener.url()
    );
    let mut router = Router::start(dir.path(), &config, &[]);
    router.silence("quiet", "yes", 3600);
    let (port, stop) = (Arc::new(AtomicU16::new(router.port)), Arc::new(AtomicBool::new(false)));
    let posted = Arc::new(AtomicUsize::new(0));
    let feeders: Vec<_> = (0..3)
        .map(|feeder| {
            let (port, stop, posted) = (Arc::clone(&port), Arc::clone(&stop), Arc::clone(&posted));
            std::thread::spawn(move || {
                let never = AtomicBool::new(false);
                let mut n = 0;
                while !stop.load(Ordering::SeqCst) {
                    let labels =
                        json!({"alertname": format!("a{feeder}-{n}"), "quiet": if n % 5 == 4 { "yes" } else { "no" }});
                    let begin = now_ms();
                    post(
                        &port,
                        &never,
                        &json!({"labels": labels, "startsAt": time(begin), "endsAt": time(begin + 3_600_000)}),
                    );
                    std::thread::sleep(Duration::from_millis(15));
                    post(&port, &never, &json!({"labels": labels, "startsAt": time(begin), "endsAt": time(now_ms())}));
                    posted.fetch_add(1, Ordering::SeqCst);
                    n += 1;
                }
                n
            })
        })
        .collect();
    let mut random = 0x9e37_79b9_u64;
    for _ in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis(20 + (random >> 33) % 150));
        router.process.kill();
        // What it had sent is read before the next one begins.
        std::thread::sleep(Duration::from_millis(60));
        life.fetch_add(1, Ordering::SeqCst);
        router = Router::again(dir.path(), &[]);
        port.store(router.port, Ordering::SeqCst);
    }
    stop.store(true, Ordering::SeqCst);
    let counts: Vec<usize> = feeders.into_iter().map(|feeder| feeder.join().unwrap()).collect();
    let wanted: BTreeSet<String> = counts
        .iter()
        .enumerate()
        .flat_map(|(feeder, count)| (0..*count).filter(|n| n % 5 != 4).map(move |n| format!("a{feeder}-{n}")))
        .collect();
    let heard = |status: &str| -> BTreeSet<String> {
        let taken = listener.taken();
        let alerts = taken.iter().flat_map(|m| m.body["alerts"].as_array().cloned().unwrap_or_default());
        let alerts = alerts.filter(|alert| alert["status"] == status);
        alerts.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    };
    wait_until("every beginning and every end is told", Duration::from_secs(60), || {
        heard("firing").is_superset(&wanted) && heard("resolved").is_superset(&wanted)
    });
    assert_eq!(heard("firing"), wanted, "nothing silenced is told");
    let at_life: BTreeMap<Instant, usize> = lives.lock().unwrap().iter().copied().collect();
    let mut by_key: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for message in listener.taken() {
        by_key.entry(message.key.clone()).or_default().push(at_life[&message.at]);
    }
    let duplicates: usize = by_key.values().map(|lives| lives.len() - 1).sum();
    for (key, lives) in &by_key {
        let distinct: BTreeSet<_> = lives.iter().collect();
        assert_eq!(distinct.len(), lives.len(), "{key} was told twice by one process: {lives:?}");
        assert!(lives.windows(2).all(|pair| pair[0] < pair[1]), "{key}: {lives:?}");
    }
    eprintln!(
        "{kills} kills, {} alerts, {} messages, {duplicates} told again after a kill",
        wanted.len(),
        by_key.len()
    );
    let orders = listener.taken();
    for name in &wanted {
        let states: Vec<&str> = orders
            .iter()
            .filter(|m| m.body["groupLabels"]["alertname"] == name.as_str())
            .map(|m| m.body["status"].as_str().unwrap())
            .collect();
        let first_end = states.iter().position(|state| *state == "resolved").unwrap();
        assert!(states[first_end..].iter().all(|state| *state == "resolved"), "{name}: {states:?}");
    }
}
