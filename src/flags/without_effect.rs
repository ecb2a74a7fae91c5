//! Flags of Prometheus that ask for nothing this server could do. Start scripts carry them, so they are taken and named
//! once in the log.

use std::ffi::OsString;

/// Flags with a value.
const WITH_VALUE: &[&str] = &[
    "alertmanager.notification-batch-size",
    "alertmanager.notification-queue-capacity",
    "alertmanager.drain-notification-queue-on-shutdown",
    "rules.alert.for-grace-period",
    "rules.alert.for-outage-tolerance",
    "rules.alert.resend-delay",
    "rules.max-concurrent-evals",
    "scrape.discovery-reload-interval",
    "scrape.timestamp-tolerance",
    "storage.remote.flush-deadline",
    "storage.remote.read-concurrent-limit",
    "storage.remote.read-max-bytes-in-frame",
    "storage.remote.read-sample-limit",
    "storage.tsdb.delayed-compaction-max-percent",
    "storage.tsdb.head-chunks-write-queue-size",
    "storage.tsdb.max-block-chunk-segment-size",
    "storage.tsdb.max-block-duration",
    "storage.tsdb.min-block-duration",
    "storage.tsdb.retention",
    "storage.tsdb.samples-per-chunk",
    "storage.tsdb.wal-compression-type",
    "storage.tsdb.wal-segment-size",
    "web.console.libraries",
    "web.console.templates",
    "web.max-notifications-subscribers",
    "web.remote-write-receiver.accepted-protobuf-messages",
    "web.search.max-limit",
    "web.user-assets",
];

/// Flags without one.
const SWITCHES: &[&str] = &[
    "scrape.adjust-timestamps",
    "storage.tsdb.allow-overlapping-blocks",
    "storage.tsdb.no-lockfile",
    "storage.tsdb.wal-compression",
];

/// Takes such flags out of a command line; answers what is left, and their names.
pub(super) fn split(args: impl IntoIterator<Item = OsString>) -> (Vec<OsString>, Vec<String>) {
    let (mut kept, mut names) = (Vec::new(), Vec::new());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let text = arg.to_str().and_then(|arg| arg.strip_prefix("--")).unwrap_or("");
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if WITH_VALUE.contains(&name) {
            names.push(format!("--{name}"));
            if value.is_none() {
                args.next();
            }
        } else if SWITCHES.contains(&name.strip_prefix("no-").unwrap_or(name)) {
            names.push(format!("--{name}"));
        } else {
            kept.push(arg);
        }
    }
    (kept, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_of_distribution_packages() {
        let line = "nightjar --web.console.templates=/a --web.console.libraries /b --config.file x --no-storage.tsdb.wal-compression query";
        let (kept, names) = split(line.split(' ').map(OsString::from));
        assert_eq!(kept, ["nightjar", "--config.file", "x", "query"]);
        assert_eq!(names, ["--web.console.templates", "--web.console.libraries", "--no-storage.tsdb.wal-compression"]);
    }
}
