//! Rule files as teams have them: for each host the same sixteen questions.

use std::fmt::Write;
use std::path::Path;

use crate::Outcome;

/// Shapes of rules about one host; `@` stands for its matcher.
const SHAPES: [&str; 16] = [
    "record: instance:cpu_busy:ratio_rate5m|1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\",@}[5m]))",
    "record: instance:memory_used:ratio|1 - node_memory_MemAvailable_bytes{@} / node_memory_MemTotal_bytes{@}",
    "record: instance:load1:per_cpu|node_load1{@} / on (instance) count by (instance) (node_cpu_seconds_total{mode=\"idle\",@})",
    "record: instance:disk_io:seconds_rate5m|sum by (instance) (rate(node_disk_io_time_seconds_total{@}[5m]))",
    "record: instance:receive_bytes:rate5m|sum by (instance) (rate(node_network_receive_bytes_total{device!=\"lo\",@}[5m]))",
    "record: instance:transmit_bytes:rate5m|sum without (device) (rate(node_network_transmit_bytes_total{device!=\"lo\",@}[5m]))",
    "record: instance:swapping:rate1m|rate(node_vmstat_pswpin{@}[1m]) + rate(node_vmstat_pswpout{@}[1m])",
    "alert: CpuBusy|instance:cpu_busy:ratio_rate5m{@} > 0.9",
    "alert: MemoryFull|instance:memory_used:ratio{@} > 0.9 and rate(node_vmstat_pgmajfault{@}[5m]) > 100",
    "alert: DiskWillFill|node_filesystem_avail_bytes{fstype!~\"tmpfs|overlay\",@} / node_filesystem_size_bytes < 0.2 and predict_linear(node_filesystem_avail_bytes{fstype!~\"tmpfs|overlay\",@}[10m], 4 * 3600) < 0",
    "alert: InodesLow|node_filesystem_files_free{@} / node_filesystem_files{@} < 0.05 and node_filesystem_readonly{@} == 0",
    "alert: Retransmits|rate(node_netstat_Tcp_RetransSegs{@}[5m]) / rate(node_netstat_Tcp_OutSegs{@}[5m]) > 0.05",
    "alert: NetworkErrors|increase(node_network_receive_errs_total{@}[2m]) > 10",
    "alert: ClockSkew|(node_timex_offset_seconds{@} > 0.05 and deriv(node_timex_offset_seconds{@}[5m]) >= 0) or (node_timex_offset_seconds{@} < -0.05)",
    "alert: Pressure|quantile_over_time(0.9, node_load1{@}[10m]) > 100",
    "alert: Rebooted|changes(node_boot_time_seconds{@}[10m]) > 0",
];

/// A rule file with a group for each host, `rules` rules in all.
pub(super) fn many(hosts: usize, rules: usize) -> String {
    let mut text = "groups:\n".to_owned();
    let mut left = rules;
    for group in 0..rules.div_ceil(SHAPES.len()) {
        let host = format!("instance=\"host-{:05}.example.net:9100\"", group % hosts.max(1));
        let _ = writeln!(text, "- name: host-{group}\n  rules:");
        for shape in SHAPES.iter().take(left.min(SHAPES.len())) {
            let (head, expr) = shape.split_once('|').unwrap_or((shape, "1"));
            let _ = writeln!(text, "  - {head}\n    expr: {}", expr.replace('@', &host));
            if head.starts_with("alert") {
                text.push_str("    for: 10m\n    labels: {severity: warning}\n    annotations: {summary: '{{ $labels.instance }} is at {{ $value | humanize }}'}\n");
            }
        }
        left = left.saturating_sub(SHAPES.len());
    }
    text
}

/// Writes a rule file and a configuration that names it.
pub(super) fn write(dir: &Path, rules: &str) -> Outcome<()> {
    std::fs::create_dir_all(dir).map_err(|e| e.to_string())?;
    std::fs::write(dir.join("bench.rules.yml"), rules).map_err(|e| e.to_string())?;
    std::fs::write(super::config(dir), "rule_files: [bench.rules.yml]\n").map_err(|e| e.to_string())
}
