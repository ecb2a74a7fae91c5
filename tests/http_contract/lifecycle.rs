//! Starting, reloading, stopping.

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
