//! Alerts and silences as JSON, members in the order Alertmanager writes them.

use nightjar_alertmanager::machine::AlertView;
use nightjar_alertmanager::silence::{Silence, SilenceState};

use super::super::json;
use super::wire;

/// An alert.
pub(super) fn alert(out: &mut Vec<u8>, view: &AlertView) {
    let alert = &view.alert;
    out.extend_from_slice(b"{\"annotations\":");
    json::labels(out, &alert.annotations);
    out.extend_from_slice(b",\"endsAt\":");
    wire::time(out, alert.ends_at);
    out.extend_from_slice(b",\"fingerprint\":");
    json::string(out, &view.fingerprint.to_string());
    out.extend_from_slice(b",\"receivers\":");
    json::array(out, &view.receivers, |out, name| {
        out.extend_from_slice(b"{\"name\":");
        json::string(out, name);
        out.push(b'}');
    });
    out.extend_from_slice(b",\"startsAt\":");
    wire::time(out, alert.starts_at);
    out.extend_from_slice(b",\"status\":{\"inhibitedBy\":");
    json::strings(out, view.status.inhibited_by.iter().map(ToString::to_string));
    out.extend_from_slice(b",\"mutedBy\":");
    json::strings(out, &view.status.muted_by);
    out.extend_from_slice(b",\"silencedBy\":");
    json::strings(out, &view.status.silenced_by);
    out.extend_from_slice(b",\"state\":");
    json::string(out, view.status.state());
    out.extend_from_slice(b"},\"updatedAt\":");
    wire::time(out, alert.updated_at);
    if !alert.generator_url.is_empty() {
        out.extend_from_slice(b",\"generatorURL\":");
        json::string(out, &alert.generator_url);
    }
    out.extend_from_slice(b",\"labels\":");
    json::labels(out, &alert.labels);
    out.push(b'}');
}

/// A silence and what it is doing.
pub(super) fn silence(out: &mut Vec<u8>, silence: &Silence, state: SilenceState) {
    out.extend_from_slice(b"{\"id\":");
    json::string(out, &silence.id);
    out.extend_from_slice(b",\"status\":{\"state\":");
    json::string(out, state.as_str());
    out.extend_from_slice(b"},\"updatedAt\":");
    wire::time(out, silence.updated_at);
    out.extend_from_slice(b",\"annotations\":{");
    for (i, (name, text)) in silence.annotations.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::key(out, name);
        json::string(out, text);
    }
    out.extend_from_slice(b"},\"comment\":");
    json::string(out, &silence.comment);
    out.extend_from_slice(b",\"createdBy\":");
    json::string(out, &silence.created_by);
    out.extend_from_slice(b",\"endsAt\":");
    wire::time(out, silence.ends_at);
    out.extend_from_slice(b",\"matchers\":");
    json::array(out, &silence.matchers, |out, condition| {
        out.extend_from_slice(
            format!("{{\"isEqual\":{},\"isRegex\":{},", condition.is_equal, condition.is_regex).as_bytes(),
        );
        json::key(out, "name");
        json::string(out, &condition.name);
        out.extend_from_slice(b",\"value\":");
        json::string(out, &condition.value);
        out.push(b'}');
    });
    if let Some(schedule) = &silence.schedule {
        let shown = serde_json::json!({"timeIntervals": schedule.time_intervals, "intervals": schedule.intervals});
        out.extend_from_slice(format!(",\"schedule\":{shown}").as_bytes());
    }
    out.extend_from_slice(b",\"startsAt\":");
    wire::time(out, silence.starts_at);
    out.push(b'}');
}
