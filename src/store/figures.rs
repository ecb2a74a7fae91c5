//! What the database counts, as metrics. Names of Prometheus where its alerts and dashboards ask for them.

use nightjar_tsdb::{DbStats, FSYNC_BUCKETS_S, TierStats};

use crate::exposition::Exposition;

/// Writes all figures.
pub(super) fn expose(stats: &DbStats, out: &mut Exposition) {
    counters(stats, out);
    gauges(stats, out);
    let name = "nightjar_storage_rejected_total";
    out.family(name, "counter", "Samples, histograms, exemplars and series refused, by reason.");
    for (reason, n) in &stats.rejected {
        out.sample(name, &[("reason", reason.as_str())], *n as f64);
    }
    fsync(stats, out);
}

fn counters(stats: &DbStats, out: &mut Exposition) {
    let name = "prometheus_tsdb_head_samples_appended_total";
    out.family(name, "counter", "Samples written.");
    out.sample(name, &[("type", "float")], stats.samples as f64);
    out.sample(name, &[("type", "histogram")], stats.histograms as f64);
    let table = [
        ("prometheus_tsdb_exemplar_exemplars_appended_total", "Exemplars written.", stats.exemplars),
        ("nightjar_storage_failed_commits_total", "Group commits that failed.", stats.failed_commits),
        ("nightjar_storage_log_written_bytes_total", "Bytes written to the log.", stats.log_written_bytes),
        ("prometheus_tsdb_head_series_created_total", "Series that came.", stats.series_created),
        ("prometheus_tsdb_head_series_removed_total", "Series that went from memory.", stats.series_removed),
        ("nightjar_storage_seals_total", "Stretches of the log turned into blocks.", stats.seals),
        ("nightjar_storage_damaged_sections_total", "Times damage was met in the log.", stats.damaged_sections),
        ("nightjar_storage_sealed_bytes_total", "Bytes of blocks written from the log.", stats.sealed_bytes),
        ("nightjar_storage_scrubbed_bytes_total", "Bytes of blocks read again to find damage.", stats.scrubbed_bytes),
        ("nightjar_storage_scrub_rounds_total", "How often all blocks were read again.", stats.scrub_rounds),
        ("prometheus_tsdb_compactions_total", "Compactions of blocks.", stats.compactions),
        ("prometheus_tsdb_compactions_failed_total", "Compactions that failed.", stats.failed_compactions),
        ("nightjar_storage_downsamplings_total", "Blocks of downsampled samples made.", stats.downsamplings),
        ("nightjar_storage_downsampled_bytes_total", "Bytes of these blocks.", stats.downsampled_bytes),
        (
            "nightjar_storage_compaction_read_bytes_total",
            "Bytes of blocks read to compact.",
            stats.compaction_read_bytes,
        ),
        (
            "nightjar_storage_compaction_written_bytes_total",
            "Bytes of compacted blocks.",
            stats.compaction_written_bytes,
        ),
    ];
    for (name, help, value) in table {
        out.counter(name, help, value as f64);
    }
    let seconds = stats.compaction_ms as f64 / 1000.0;
    out.counter("nightjar_storage_compaction_seconds_total", "Time spent in compactions.", seconds);
}

fn gauges(stats: &DbStats, out: &mut Exposition) {
    let table = [
        ("prometheus_tsdb_head_series", "Series in memory.", stats.series),
        ("nightjar_storage_max_series", "Most series in memory; 0 = no limit.", stats.max_series),
        (
            "nightjar_storage_max_series_per_metric",
            "Most series of one metric; 0 = no limit.",
            stats.max_series_per_metric,
        ),
        ("nightjar_storage_reserve_bytes", "Room kept for a full disk; 0 while it is used.", stats.reserve_bytes),
        ("nightjar_storage_quarantine_bytes", "Bytes of files put aside.", stats.quarantine_bytes),
        ("nightjar_storage_timelines", "Scrape targets in memory.", stats.timelines),
        ("nightjar_storage_queued_bytes", "Bytes queued for the log.", stats.queued_bytes),
        ("nightjar_storage_log_segments", "Segments of the log.", stats.log_segments),
        ("nightjar_storage_log_bytes", "Bytes of the log.", stats.log_bytes),
        ("nightjar_storage_directory_entries", "Places in the log kept in memory.", stats.directory_entries),
        ("nightjar_storage_spelling_bytes", "Bytes of label sets in memory.", stats.spelling_bytes),
        ("prometheus_tsdb_blocks_loaded", "Blocks.", stats.blocks),
        ("prometheus_tsdb_storage_blocks_bytes", "Bytes of blocks.", stats.block_bytes),
        ("nightjar_storage_damaged_pages", "Pages of blocks that cannot be read.", stats.damaged_pages),
        ("nightjar_storage_tombstones", "Deletes that are not carried out in all files yet.", stats.tombstones),
        ("nightjar_storage_block_samples", "Samples and histograms in blocks.", stats.block_samples),
        ("nightjar_storage_unreadable_blocks", "Blocks that cannot be read.", stats.unreadable_blocks),
        ("nightjar_storage_writable", "Whether the log can be written.", u64::from(stats.unavailable.is_none())),
    ];
    for (name, help, value) in table {
        out.gauge(name, help, value as f64);
    }
    if !stats.tiers.is_empty() {
        tiers(stats, out);
    }
    let times = [
        ("prometheus_tsdb_head", stats.head_times, "in memory and the log"),
        ("nightjar_storage", stats.times, "stored"),
    ];
    for (prefix, times, place) in times {
        let Some((min, max)) = times else { continue };
        let seconds = |ms: i64| ms as f64 / 1000.0;
        out.gauge(&format!("{prefix}_min_time_seconds"), &format!("Oldest sample {place}."), seconds(min));
        out.gauge(&format!("{prefix}_max_time_seconds"), &format!("Newest sample {place}."), seconds(max));
    }
}

fn tiers(stats: &DbStats, out: &mut Exposition) {
    let mut family = |name: &str, help: &str, figure: fn(&TierStats) -> u64| {
        out.family(name, "gauge", help);
        for tier in &stats.tiers {
            let width = nightjar_model::duration::format_duration_ms(tier.width_ms);
            out.sample(name, &[("resolution", &width)], figure(tier) as f64);
        }
    };
    let help = "Blocks of downsampled samples, by width of buckets.";
    family("nightjar_storage_downsampled_blocks", help, |tier| tier.blocks);
    family("nightjar_storage_downsampled_bytes", "Bytes of these blocks.", |tier| tier.bytes);
}

fn fsync(stats: &DbStats, out: &mut Exposition) {
    let name = "nightjar_storage_commit_duration_seconds";
    out.family(name, "histogram", "Time to make a group of writes durable.");
    let mut cumulative = 0;
    for (i, count) in stats.fsync.buckets.iter().enumerate() {
        cumulative += count;
        let bound = FSYNC_BUCKETS_S.get(i).copied().unwrap_or(f64::INFINITY);
        let le = nightjar_model::number::format_g(bound);
        out.sample(&format!("{name}_bucket"), &[("le", &le)], cumulative as f64);
    }
    out.sample(&format!("{name}_sum"), &[], stats.fsync.sum_s);
    out.sample(&format!("{name}_count"), &[], stats.fsync.count as f64);
}
