//! The grammar, by what it accepts, how trees print, and what it says about the rest.

use super::parse;

fn known(name: &str) -> bool {
    matches!(name, "printf" | "f" | "len")
}

#[test]
fn trees_print_as_they_were_written() {
    for (text, shown) in [
        ("a{{- .X -}} b", "a{{.X}}b"),
        ("{{if .X}}a{{else if .Y}}b{{end}}", "{{if .X}}a{{else}}{{if .Y}}b{{end}}{{end}}"),
        ("{{range $i, $x := .L}}{{break}}{{else}}e{{end}}", "{{range $i, $x := .L}}{{break}}{{else}}e{{end}}"),
        (
            "{{with $y := (f .A.B `r` 'c' 0x1).C.D}}{{$y.Z}}{{end}}",
            "{{with $y := (f .A.B `r` 'c' 0x1).C.D}}{{$y.Z}}{{end}}",
        ),
        ("{{/* c */}}{{template \"t\" . | len}}", "{{template \"t\" . | len}}"),
        ("{{ $x := 1 }}{{ $x = 2 }}{{ f $x }}", "{{$x := 1}}{{$x = 2}}{{f $x}}"),
    ] {
        let parsed = parse("t", text, &known).unwrap();
        let printed: String = parsed[0].1.root.iter().map(ToString::to_string).collect();
        assert_eq!(printed, shown, "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(200), ")".repeat(200));
    assert!(parse("t", &deep, &known).unwrap_err().to_string().contains("max expression depth exceeded"));
    let ifs = "{{if 1}}".repeat(100) + &"{{end}}".repeat(100);
    assert!(parse("t", &ifs, &known).is_ok());
    let ifs = "{{if 1}}".repeat(100_000);
    assert!(parse("t", &ifs, &known).is_err());
    assert!(parse("t", &" ".repeat(super::MOST_TEXT_BYTES + 1), &known).is_err());
}
