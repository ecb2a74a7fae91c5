//! Metrics as text, format 0.0.4.

use nightjar_model::number::format_g;

/// The type of the content.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=values";

/// Writes families one after the other.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// An empty page.
    pub fn new() -> Exposition {
        Exposition::default()
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Begins a family; `kind` is `counter`, `gauge`, `histogram` or `summary`.
    pub fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        self.text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// One sample of the family begun last.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            self.text.push(if i == 0 { '{' } else { ',' });
            let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"");
            self.text.push_str(&format!("{label}=\"{text}\""));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.text.push_str(&format!(" {}\n", format_g(value)));
    }

    /// A family of one number without labels; `kind` is `counter` or `gauge`.
    pub fn number(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// A family of one counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.number(name, "counter", help, value);
    }

    /// A family of one gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.number(name, "gauge", help, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let mut page = Exposition::new();
        page.counter("a_total", "Line\nback\\slash", 3.0);
        page.family("b", "gauge", "B.");
        page.sample("b", &[("x", "q\"\\\n"), ("y", "")], f64::INFINITY);
        assert_eq!(
            page.into_text(),
            "# HELP a_total Line\\nback\\\\slash\n# TYPE a_total counter\na_total 3\n\
             # HELP b B.\n# TYPE b gauge\nb{x=\"q\\\"\\\\\\n\",y=\"\"} +Inf\n"
        );
    }
}
