//! `alertmanager_cluster_*`: what instances that act as one say to each other.

use crate::alerting::peers::traffic::{Direction, Said, Traffic};
use crate::alerting::service::{Alerting, Cluster};
use crate::exposition::Exposition;
use crate::metrics::histogram::{GO_SECONDS, Histogram};

/// A family of one number: name, type, help, value.
type Family = (&'static str, &'static str, &'static str, fn(&Cluster, &Traffic) -> f64);

const FAMILIES: [Family; 14] = [
    (
        "alertmanager_cluster_members",
        "gauge",
        "Number indicating current number of members in cluster.",
        |cluster, _| cluster.peers.len() as f64,
    ),
    (
        "alertmanager_cluster_failed_peers",
        "gauge",
        "Number indicating the current number of failed peers in the cluster.",
        |cluster, _| cluster.failed as f64,
    ),
    (
        "alertmanager_cluster_health_score",
        "gauge",
        "Health score of the cluster. Lower values are better and zero means 'totally healthy'.",
        |cluster, _| cluster.failed as f64,
    ),
    (
        "alertmanager_peer_position",
        "gauge",
        "Position the Alertmanager instance believes it's in. The position determines a peer's behavior in the cluster.",
        |cluster, _| position(cluster) as f64,
    ),
    ("alertmanager_cluster_messages_queued", "gauge", "Number of cluster messages which are queued.", |_, traffic| {
        traffic.queued as f64
    }),
    (
        "alertmanager_cluster_messages_pruned_total",
        "counter",
        "Total number of cluster messages pruned.",
        |_, traffic| traffic.pruned as f64,
    ),
    (
        "alertmanager_cluster_peers_joined_total",
        "counter",
        "A counter of the number of peers that have joined.",
        // As in Alertmanager an instance has joined itself.
        |_, traffic| traffic.joined as f64 + 1.0,
    ),
    (
        "alertmanager_cluster_peers_left_total",
        "counter",
        "A counter of the number of peers that have left.",
        |_, traffic| traffic.left as f64,
    ),
    (
        "alertmanager_cluster_reconnections_total",
        "counter",
        "A counter of the number of cluster peer reconnections.",
        |_, traffic| traffic.reconnections as f64,
    ),
    (
        "alertmanager_cluster_reconnections_failed_total",
        "counter",
        "A counter of the number of failed cluster peer reconnection attempts.",
        |_, traffic| traffic.reconnections_failed as f64,
    ),
    // What follows cannot happen here: members carry no metadata, those that are configured are tried for ever, and of
    // two with one name one is not met.
    (
        "alertmanager_cluster_peer_name_conflicts_total",
        "counter",
        "Total number of times memberlist has noticed conflicting peer names",
        |_, _| 0.0,
    ),
    (
        "alertmanager_cluster_peers_update_total",
        "counter",
        "A counter of the number of peers that have updated metadata.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_cluster_refresh_join_total",
        "counter",
        "A counter of the number of cluster peer joined via refresh.",
        |_, _| 0.0,
    ),
    (
        "alertmanager_cluster_refresh_join_failed_total",
        "counter",
        "A counter of the number of failed cluster peer joined attempts via refresh.",
        |_, _| 0.0,
    ),
];

/// A family with a number for each direction and kind of message: name, help, direction, number.
type TalkFamily = (&'static str, &'static str, fn(&Traffic) -> &Direction, fn(&Said) -> u64);

const TALK: [TalkFamily; 4] = [
    (
        "alertmanager_cluster_messages_received_total",
        "Total number of cluster messages received.",
        |traffic| &traffic.received,
        |said| said.messages,
    ),
    (
        "alertmanager_cluster_messages_received_size_total",
        "Total size of cluster messages received.",
        |traffic| &traffic.received,
        |said| said.bytes,
    ),
    (
        "alertmanager_cluster_messages_sent_total",
        "Total number of cluster messages sent.",
        |traffic| &traffic.sent,
        |said| said.messages,
    ),
    (
        "alertmanager_cluster_messages_sent_size_total",
        "Total size of cluster messages sent.",
        |traffic| &traffic.sent,
        |said| said.bytes,
    ),
];

/// Counters of messages that were too large for a packet; here no message is, for there are no packets.
const OVERSIZED: [(&str, &str); 3] = [
    ("alertmanager_oversized_gossip_message_failure_total", "Number of oversized gossip message sends that failed."),
    ("alertmanager_oversized_gossip_message_sent_total", "Number of oversized gossip message sent."),
    (
        "alertmanager_oversized_gossip_message_dropped_total",
        "Number of oversized gossip messages that were dropped due to a full message queue.",
    ),
];

/// Writes all of it.
pub(super) fn expose(alerting: &Alerting, out: &mut Exposition) {
    let cluster = alerting.cluster();
    let enabled = f64::from(u8::from(cluster.name.is_some()));
    out.gauge("alertmanager_cluster_enabled", "Indicates whether the clustering is enabled or not.", enabled);
    let (Some(name), Some(traffic)) = (&cluster.name, alerting.traffic()) else { return };
    for (family, kind, help, value) in FAMILIES {
        out.number(family, kind, help, value(&cluster, &traffic));
    }
    let family = "alertmanager_cluster_peer_info";
    out.family(family, "gauge", "A metric with a constant '1' value labeled by peer name.");
    out.sample(family, &[("peer", name)], 1.0);
    for (family, help, direction, number) in TALK {
        out.family(family, "counter", help);
        let Direction { full, update } = direction(&traffic);
        for (kind, said) in [("full_state", full), ("update", update)] {
            out.sample(family, &[("msg_type", kind)], number(said) as f64);
        }
    }
    others(&traffic, out);
    oversized(out);
}

fn others(traffic: &Traffic, out: &mut Exposition) {
    let family = "alertmanager_cluster_alive_messages_total";
    out.family(family, "counter", "Total number of received alive messages.");
    for (name, count) in &traffic.alive {
        out.sample(family, &[("peer", name)], *count as f64);
    }
    let family = "alertmanager_cluster_pings_seconds";
    out.family(family, "histogram", "Histogram of latencies for ping messages.");
    for (name, seconds) in &traffic.pings {
        seconds.expose(out, family, &[("peer", name)]);
    }
}

fn oversized(out: &mut Exposition) {
    for (family, help) in OVERSIZED {
        out.family(family, "counter", help);
        ["nfl", "sil"].into_iter().for_each(|key| out.sample(family, &[("key", key)], 0.0));
    }
    let family = "alertmanager_oversize_gossip_message_duration_seconds";
    out.family(family, "histogram", "Duration of oversized gossip message requests.");
    ["nfl", "sil"].into_iter().for_each(|key| Histogram::new(GO_SECONDS).expose(out, family, &[("key", key)]));
}

fn position(cluster: &Cluster) -> usize {
    cluster.peers.iter().position(|(other, _)| Some(other) == cluster.name.as_ref()).unwrap_or(0)
}
