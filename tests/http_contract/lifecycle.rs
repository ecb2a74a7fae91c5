//! Starting, reloading, stopping.
#![allow(clippy::disallowed_methods, reason = "a test writes the files it reads")]

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use nightjar::store::Store;
use nightjar_platform::SimDisk;

use crate::client::{get, post, send};
use crate::server::{Server, V1, open_sim, v1_body};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_directory_opens() {
    let (go, wait) = sync_channel::<()>(0);
    let open = open_sim(SimDisk::new());
    let slow = Box::new(move |options, slot: &nightjar::store::StoreSlot| -> Result<Arc<dyn Store>, String> {
        slot.progress(3, 10);
        wait.recv().unwrap();
        open(options, slot)
    });
    let server = Server::with_store(&[], slow).await;
    assert_eq!(get(server.address, "/-/healthy").await.status, 200);
    assert_eq!(get(server.address, "/metrics").await.status, 200);
    for path in ["/-/ready", "/api/v1/query?query=1", "/api/v1/labels", "/api/v1/status/flags"] {
        let answer = get(server.address, path).await;
        assert_eq!((answer.status, answer.header("x-prometheus-stopping")), (503, Some("false")), "{path}");
        assert_eq!(answer.text(), "Service Unavailable\n");
    }
    let write = server.write(V1, &v1_body(&Default::default(), &[])).await;
    assert_eq!((write.status, write.header("retry-after")), (503, Some("5")));
    let replay = loop {
        let replay = get(server.address, "/api/v1/status/walreplay").await.json();
        if replay["data"]["max"] == 10 {
            break replay;
        }
    };
    assert_eq!(replay["data"], serde_json::json!({"min": 0, "max": 10, "current": 3}));
    go.send(()).unwrap();
    server.until_ready().await;
    assert_eq!(get(server.address, "/api/v1/query?query=1").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_routes_are_off_unless_asked_for() {
    let server = Server::empty(&[]).await;
    for path in ["/-/reload", "/-/quit"] {
        let answer = post(server.address, path, "").await;
        assert_eq!((answer.status, answer.text()), (403, "Lifecycle API is not enabled."));
        assert_eq!(get(server.address, path).await.status, 405);
    }
    let answer = send(server.address, "PUT", "/api/v1/admin/tsdb/snapshot", &[], b"").await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (500, Some("admin APIs disabled")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_and_quit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prometheus.yml");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    write("global: {external_labels: {zone: a}}\nremote_write: [{url: 'http://u:secret@x'}]\n");
    let flag = format!("--config.file={}", path.display());
    let server = Server::empty(&[&flag, "--web.enable-lifecycle"]).await;
    let address = server.address;
    let running = server.run();
    let config =
        async || get(address, "/api/v1/status/config").await.json()["data"]["yaml"].as_str().unwrap().to_owned();
    assert!(config().await.contains("zone: a") && !config().await.contains("secret@"), "{}", config().await);

    write("global: {external_labels: {zone: b}}\n");
    assert_eq!(post(address, "/-/reload", "").await.status, 200);
    assert!(config().await.contains("zone: b"));

    write("global: {external_label: {zone: c}}\n");
    let refused = post(address, "/-/reload", "").await;
    assert_eq!(refused.status, 500);
    assert!(refused.text().contains("prometheus.yml:1:10: "), "{}", refused.text());
    assert!(config().await.contains("zone: b"));
    assert!(get(address, "/metrics").await.text().contains("\nprometheus_config_last_reload_successful 0\n"));

    assert_eq!(send(address, "PUT", "/-/quit", &[], b"").await.status, 200);
    assert_eq!(running.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_is_read_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("prometheus.yml");
    std::fs::write(&path, "global: {external_labels: {zone: a}}\n").unwrap();
    let flag = format!("--config.file={}", path.display());
    let flags = [&flag, "--config.auto-reload", "--config.auto-reload-interval=100ms", "--web.enable-lifecycle"];
    let server = Server::empty(&flags).await;
    let address = server.address;
    let running = server.run();
    std::fs::write(&path, "global: {external_labels: {zone: b}}\n").unwrap();
    while !get(address, "/api/v1/status/config").await.text().contains("zone: b") {}
    post(address, "/-/quit", "").await;
    assert_eq!(running.await.unwrap(), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_is_there_after_a_restart() {
    let disk = SimDisk::new();
    let server = Server::with_store(&[], open_sim(disk.clone())).await;
    server.until_ready().await;
    server.fill().await;
    server.stop().await;
    let server = Server::with_store(&[], open_sim(disk)).await;
    server.until_ready().await;
    let answer = get(server.address, "/api/v1/query?query=sum(count_over_time(up%5B1h%5D))&time=1700000000").await;
    assert_eq!(answer.json()["data"]["result"][0]["value"][1], "42");
    server.stop().await;
}
