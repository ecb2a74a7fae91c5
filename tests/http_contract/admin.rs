//! `admin/tsdb/*` answers as Prometheus does.

use nightjar_model::{Labels, Sample};
use nightjar_platform::{Disk, SimDisk};

use crate::client::{get, post, send};
use crate::server::{NOW_S, Server, V1, open_sim, v1_body};

const ADMIN: &str = "/api/v1/admin/tsdb";

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense() {
    let server = Server::empty(&["--web.enable-admin-api"]).await;
    let table = [
        ("delete_series", "no match[] parameter provided"),
        (
            "delete_series?match[]=up&start=x",
            "invalid parameter \"start\": invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "snapshot?skip_head=x",
            "invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"x\": invalid syntax",
        ),
    ];
    for (path, error) in table {
        let answer = post(server.address, &format!("{ADMIN}/{path}"), "").await;
        let json = answer.json();
        assert_eq!((answer.status, json["errorType"].as_str()), (400, Some("bad_data")), "{path}");
        assert_eq!(json["error"].as_str(), Some(error), "{path}");
    }
    let answer = post(server.address, &format!("{ADMIN}/delete_series?match[]=up%7B"), "").await.json();
    assert!(answer["error"].as_str().unwrap().starts_with("invalid parameter \"match[]\": 1:"), "{answer}");
    assert_eq!(get(server.address, &format!("{ADMIN}/snapshot")).await.status, 405);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_series_is_gone_until_it_comes_again() {
    let disk = SimDisk::new();
    let server = Server::with_store(&["--web.enable-admin-api"], open_sim(disk.clone())).await;
    server.until_ready().await;
    server.fill().await;
    let address = server.address;
    let count = async |of: &str| {
        let query = format!("/api/v1/query?query=count_over_time({of}%5B1h%5D)&time={NOW_S}");
        let answer = get(address, &query).await.json();
        answer["data"]["result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["value"][1].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(count("up").await, ["21", "21"]);
    let nothing = send(address, "PUT", &format!("{ADMIN}/delete_series?match[]=up&start=5&end=3"), &[], b"").await;
    assert_eq!((nothing.status, nothing.text()), (204, ""));
    let half = format!("match[]=up%7Binstance%3D%22a%3A1%22%7D&end={}", NOW_S - 150);
    assert_eq!(post(address, &format!("{ADMIN}/delete_series"), &half).await.status, 204);
    assert_eq!(count("up").await, ["10", "21"]);
    let both = format!("{ADMIN}/delete_series?match[]=up&match[]=odd");
    assert_eq!(post(address, &both, "").await.status, 204);
    assert_eq!((count("up").await.len(), count("odd").await.len(), count("latency").await.len()), (0, 0, 1));
    let up = Labels::from_pairs([("__name__", "up"), ("job", "node"), ("instance", "a:1")]);
    let again = [Sample { timestamp: NOW_S * 1000, start: 0, value: 1.0 }];
    assert_eq!(server.write(V1, &v1_body(&up, &again)).await.status, 204);
    assert_eq!(count("up").await, ["1"]);
    assert_eq!(post(address, &format!("{ADMIN}/clean_tombstones"), "").await.status, 204);
    assert_eq!(count("up").await, ["1"]);
    let metrics = get(address, "/metrics").await;
    assert!(metrics.text().contains("\nnightjar_storage_tombstones "));
    for skip in ["", "?skip_head=true"] {
        let answer = post(address, &format!("{ADMIN}/snapshot{skip}"), "").await;
        let name = answer.json()["data"]["name"].as_str().unwrap().to_owned();
        assert_eq!((answer.status, &name[..17]), (200, "20231114T221320Z-"));
        assert!(disk.list(format!("snapshots/{name}").as_ref()).unwrap().iter().any(|e| e.name == "MANIFEST"));
    }
    server.stop().await;
}
