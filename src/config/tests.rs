use super::*;

fn read(text: &str) -> Result<Config, String> {
    parse(text, Path::new("etc/prometheus.yml"), &|name| (name == "ZONE").then(|| "eu".to_owned()))
}

#[test]
fn what_is_taken() {
    let config = read(
        "global:\n  scrape_interval: 15s\n  evaluation_interval: 30s\n  rule_query_offset: 1m\n\
         \x20 external_labels: {zone: '${ZONE}-1', price: '$$5$NONE.'}\n\
         rule_files: [rules/*.yml]\n\
         storage: {tsdb: {out_of_order_time_window: 30m, retention: {time: 90d, size: 50GB}}}\n",
    )
    .unwrap();
    assert_eq!(config.evaluation_interval, Duration::from_secs(30));
    assert_eq!(config.rule_query_offset, Duration::from_secs(60));
    assert_eq!(config.external_labels["zone"], "eu-1");
    assert_eq!(config.external_labels["price"], "$5.");
    assert_eq!(config.rule_files, [PathBuf::from("etc/rules/*.yml")]);
    assert_eq!(config.out_of_order_window, Some(Duration::from_secs(1800)));
    assert_eq!(config.retention_time, Some(Duration::from_secs(90 * 86_400)));
    assert_eq!(config.retention_size, Some(50 << 30));
    assert!(config.ignored.is_empty());
}

#[test]
fn empty_files_and_sections() {
    for text in ["", "\n# nothing\n", "global:\n", "global: {}\nrule_files:\n"] {
        let config = read(text).unwrap();
        assert_eq!(Config { yaml: String::new(), ..config }, Config::default(), "{text:?}");
    }
}

#[test]
fn ignored_sections_are_named() {
    let config = read("scrape_configs: [{job_name: x}]\nremote_read: []\nalerting: {alert_relabel_configs: [], alertmanagers: [{sigv4: {}, scheme: https, path_prefix: /am/, static_configs: [{targets: ['a:9093']}]}]}\n").unwrap();
    assert_eq!(config.ignored, ["scrape_configs", "remote_read", "alerting.alertmanagers.sigv4"]);
    assert_eq!(config.alerting.alertmanagers[0].url(), "https://a:9093/am/api/v2/alerts");
}

#[test]
fn alertmanagers_and_how_they_are_reached() {
    let text = "alerting:
  alert_relabel_configs: [{action: labeldrop, regex: replica}]
  alertmanagers:
  - scheme: https
    authorization: {credentials_file: token}
    tls_config: {ca_file: /etc/ca.pem, server_name: am}
    relabel_configs: [{source_labels: [__address__], regex: 'b:.*', action: drop}]
    static_configs: [{targets: ['a:1', 'b:1']}]
";
    let alerting = read(text).unwrap().alerting;
    let [alertmanager] = &alerting.alertmanagers[..] else { panic!("{alerting:?}") };
    assert_eq!(alertmanager.url(), "https://a:1/api/v2/alerts");
    let http = format!("{:?}", alertmanager.http);
    assert!(http.contains("etc/token") && http.contains("/etc/ca.pem"), "{http}");
    assert_eq!((alerting.dropped, alerting.alert_relabel.len()), (vec!["https://b:1/api/v2/alerts".to_owned()], 1));
    let refused = |from: &str, to: &str| read(&text.replace(from, to)).unwrap_err();
    let two = refused("tls_config:", "basic_auth: {username: x}\n    tls_config:");
    assert!(two.contains("at most one of basic_auth, oauth2, bearer_token and authorization"), "{two}");
    assert!(refused("'a:1'", "'http://a'").contains("is not a valid hostname"));
    assert!(refused("action: drop", "action: labeldrop").contains("requires only 'regex'"));
    assert!(refused("scheme: https", "scheme: ftp").contains("neither http nor https"));
}

#[test]
fn errors_name_the_place() {
    let table = [
        ("global:\n  evaluation_intervall: 1m\n", "etc/prometheus.yml:2:3: "),
        ("global:\n  evaluation_interval: 1x\n", "etc/prometheus.yml:2:24: "),
        ("scrape_config: []\n", "etc/prometheus.yml:1:1: "),
        ("global: {\n", "etc/prometheus.yml:"),
    ];
    for (text, start) in table {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(start), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn secrets_are_masked() {
    let text = "remote_write:\n\
                - url: http://user:canary1@host/write\n\
                \x20 headers: {a: canary2}\n\
                \x20 basic_auth: {username: bob, password: canary3, password_file: /etc/pw}\n\
                \x20 authorization: {type: Bearer, credentials: canary4}\n\
                \x20 http_headers: {X-Key: {values: [canary5]}}\n\
                \x20 sigv4: {secret_key: 1234567}\n\
                \x20 oauth2:\n    client_secret: |\n      canary6\n    token_url: https://x/token\n\
                \x20 tls_config: {key: canary7, key_file: /etc/key}\n";
    let yaml = read(text).unwrap().yaml;
    assert!(!yaml.contains("canary") && !yaml.contains("1234567"), "{yaml}");
    for kept in ["http://user:<secret>@host/write", "/etc/pw", "/etc/key", "Bearer", "bob", "https://x/token"] {
        assert!(yaml.contains(kept), "{kept} in {yaml}");
    }
}

#[test]
fn prometheus_own_files_load() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/prometheus/config");
    let Ok(entries) = crate::files::read_text(Path::new(&format!("{folder}/conf.good.yml")), 1 << 20) else {
        println!("SKIPPED: {folder} is absent");
        return;
    };
    let config = read(&entries).unwrap();
    assert!(config.ignored.contains(&"scrape_configs"));
    assert!(!config.yaml.contains("mysecret"), "{}", config.yaml);
}
