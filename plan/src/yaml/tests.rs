use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Service {
    name: String,
    #[serde(default)]
    run: Option<Run>,
    #[serde(default)]
    enabled: bool,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Run {
    ports: Vec<u16>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

fn service(text: &str) -> Result<Service, String> {
    parse_typed("manifest.yaml", text.as_bytes()).map_err(|error| error.to_string())
}

fn values(text: &str) -> Result<Vec<(u64, serde_json::Value)>, String> {
    let documents = parse_documents("a.yaml", text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(documents.into_iter().map(|document| (document.line, document.value)).collect())
}

#[test]
fn a_plain_file_is_read() {
    let read = service("# hello\nname: www\nrun:\n  ports: [80]\n  env: {A: \"1\"}\n").unwrap();
    assert_eq!(read.name, "www");
    assert_eq!(read.run.unwrap().env["A"], "1");
}

#[test]
fn an_unknown_field_is_named_with_its_place() {
    assert_eq!(
        service("name: www\nrun:\n  ports: [80]\n  mount: /srv\n").unwrap_err(),
        "manifest.yaml:4:3: unknown field `mount`, expected one of ports, env"
    );
}

#[test]
fn a_duplicate_key_is_named_with_its_place() {
    assert_eq!(service("name: www\nname: api\n").unwrap_err(), "manifest.yaml:2:1: duplicate key `name`");
}

#[test]
fn broken_syntax_is_named_with_its_place() {
    let error = parse_documents("a.yaml", b"name: www\nrun: [80\nenv: x\n").unwrap_err();
    assert_eq!((error.file.as_str(), error.line), ("a.yaml", 3));
    assert!(error.column > 0, "{error:?}");
}

#[test]
fn yes_is_not_true() {
    assert_eq!(
        service("name: www\nenabled: yes\n").unwrap_err(),
        "manifest.yaml:2:10: invalid boolean (true or false expected)"
    );
    assert_eq!(values("a: yes").unwrap(), [(1, json!({"a": "yes"}))]);
}

#[test]
fn a_number_where_text_is_expected_must_be_quoted() {
    assert_eq!(
        service("name: www\nrun: {ports: [80], env: {A: 1}}\n").unwrap_err(),
        "manifest.yaml:2:29: text is expected here: write \"1\" with quotes"
    );
}

#[test]
fn numbers_are_never_reinterpreted() {
    assert_eq!(
        values("a: 012\nb: 1_000\nc: 12\n").unwrap(),
        [(1, json!({"a": "012", "b": "1_000", "c": 12}))]
    );
}

#[test]
fn a_key_that_is_no_text_is_an_error() {
    for text in ["1: x", "true: x", "null: x", "[a]: x", "{a: b}: x", "a: {2.5: x}"] {
        let error = values(text).unwrap_err();
        assert!(error.starts_with("a.yaml:1:"), "{text}: {error}");
    }
    assert_eq!(values("\"1\": x").unwrap(), [(1, json!({"1": "x"}))]);
}

#[test]
fn an_unknown_tag_is_an_error() {
    assert_eq!(values("a: !vault secret").unwrap_err(), "a.yaml:1:11: unsupported tag `!vault`");
}

#[test]
fn documents_keep_their_lines() {
    let text = "# first\n---\na: 1\n---\n\n# second\nb: 2\n...\n---\n---\n- c\n";
    assert_eq!(values(text).unwrap(), [(3, json!({"a": 1})), (7, json!({"b": 2})), (11, json!(["c"]))]);
}

#[test]
fn an_error_in_a_later_document_has_the_line_of_the_file() {
    let text = "a: 1\n---\nb: 2\nb: 3\n";
    assert_eq!(values(text).unwrap_err(), "a.yaml:4:1: duplicate key `b`");
    let documents = parse_documents("a.yaml", b"a: 1\n--- # two\nname: www\nextra: 1\n").unwrap();
    let error = documents[1].typed::<Service>().unwrap_err();
    assert_eq!(error.to_string(), "a.yaml:4:1: unknown field `extra`, expected one of name, run, enabled");
}

#[test]
fn a_marker_inside_text_is_not_a_document() {
    assert_eq!(values("a: |\n  x\n  ---\n  y\n").unwrap(), [(1, json!({"a": "x\n---\ny\n"}))]);
    assert_eq!(values("a: ---b\n").unwrap(), [(1, json!({"a": "---b"}))]);
    assert_eq!(values("--- {a: 1}\n--- {b: 2}\n").unwrap(), [(1, json!({"a": 1})), (2, json!({"b": 2}))]);
}

#[test]
fn aliases_and_merge_keys_work_within_their_budget() {
    let text = "base: &base {a: 1}\none: {<<: *base, b: 2}\ntwo: *base\n";
    assert_eq!(
        values(text).unwrap()[0].1,
        json!({"base": {"a": 1}, "one": {"a": 1, "b": 2}, "two": {"a": 1}})
    );
}

#[test]
fn an_alias_bomb_is_refused() {
    let level = |number: usize| {
        let items = if number == 0 { "x".to_owned() } else { format!("*a{}", number - 1) };
        format!("a{number}: &a{number} [{}]\n", vec![items; 10].join(", "))
    };
    let text = (0..10).map(level).collect::<Vec<_>>().concat();
    let error = values(&text).unwrap_err();
    assert!(error.contains("too large or too complex"), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    let error = values(&format!("a: {}{}", "[".repeat(500), "]".repeat(500))).unwrap_err();
    assert!(error.starts_with("a.yaml:1:"), "{error}");
    let lines: Vec<String> = (0..500).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    let error = values(&lines.concat()).unwrap_err();
    assert!(error.starts_with("a.yaml:"), "{error}");
}

#[test]
fn sizes_and_encodings_are_checked_before_anything_is_parsed() {
    let error = parse_documents("a.yaml", &vec![b'#'; FILE_LIMIT + 1]).unwrap_err();
    assert_eq!(error.to_string(), "a.yaml: has 1048577 bytes, more than 1048576");
    let error = parse_documents("a.yaml", b"a: \xff").unwrap_err();
    assert_eq!(error.to_string(), "a.yaml:1:4: is not valid UTF-8 from here");
    assert!(
        values(&"a: 1\n---\n".repeat(DOCUMENT_LIMIT + 1)).unwrap_err().contains("more than 500 documents")
    );
}

#[test]
fn text_that_does_not_show_what_it_says_is_refused_with_its_place() {
    for (character, code) in [
        ('\u{202e}', "202E"),
        ('\u{2066}', "2066"),
        ('\u{200b}', "200B"),
        ('\u{feff}', "FEFF"),
        ('\u{e0041}', "E0041"),
        ('\u{2028}', "2028"),
        ('\u{85}', "0085"),
        ('\0', "0000"),
        ('\u{1b}', "001B"),
        ('\u{7f}', "007F"),
    ] {
        let error = values(&format!("a: 1\nbc: x{character}y\n")).unwrap_err();
        assert!(error.starts_with(&format!("a.yaml:2:6: character U+{code} is not allowed")), "{error}");
        assert!(!error.contains(character), "{error:?}");
    }
    // Written out, everybody sees it.
    assert_eq!(values("a: \"\\u202e\"\n").unwrap(), [(1, json!({"a": "\u{202e}"}))]);
}

#[test]
fn ordinary_text_of_any_language_is_taken() {
    for text in ["größe", "日本語", "עברית", "العربية", "🚀", "a\tb"] {
        assert_eq!(values(&format!("a: '{text}'\r\n")).unwrap(), [(1, json!({"a": text}))]);
    }
    assert_eq!(values("\u{feff}a: 1\n").unwrap(), [(1, json!({"a": 1}))]);
}

#[test]
fn other_encodings_are_refused_with_their_place() {
    let error = parse_documents("a.yaml", b"\xff\xfea\0:\0 \x001\0").unwrap_err();
    assert_eq!(error.to_string(), "a.yaml:1:1: is not valid UTF-8 from here");
    let error = parse_documents("a.yaml", "a: 1\nb: größe \u{0}".as_bytes()).unwrap_err();
    assert_eq!((error.line, error.column), (2, 10));
    let error = parse_documents("a.yaml", b"a: 1\nname: gr\xf6\xdfe\n").unwrap_err();
    assert_eq!(error.to_string(), "a.yaml:2:9: is not valid UTF-8 from here");
}

fn lines(range: std::ops::Range<usize>, line: impl Fn(usize) -> String) -> String {
    range.map(line).collect::<Vec<_>>().concat()
}

#[test]
fn bombs_of_every_kind_are_refused() {
    let nested =
        |open: &str, close: &str, count: usize| format!("a: {}{}", open.repeat(count), close.repeat(count));
    let merges: String = lines(1..40, |n| format!("m{n}: &m{n} {{<<: [*m{0}, *m{0}], k{n}: 1}}\n", n - 1));
    let bombs = [
        ("nested lists", nested("[", "]", 100_000)),
        ("open lists", "[".repeat(FILE_LIMIT - 1)),
        ("nested mappings", nested("{a: ", "}", 50_000)),
        ("block lists", "- ".repeat(100_000)),
        ("explicit keys", "? ".repeat(100_000)),
        ("an alias of itself", "a: &a [*a, *a]\n".to_owned()),
        ("merges that double", format!("m0: &m0 {{k0: 1}}\n{merges}")),
        ("many documents", "--- a\n".repeat(100_000)),
        ("many values", format!("a: [{}1]", "1,".repeat(200_000))),
        ("many keys", lines(0..60_000, |n| format!("k{n}: 1\n"))),
        ("many anchors", lines(0..600, |n| format!("k{n}: &a{n} 1\n"))),
        ("a long text", format!("a: {}", "x".repeat(FILE_LIMIT))),
        ("quotes without end", format!("a: \"{}", "x".repeat(100_000))),
        ("tags", lines(0..10, |n| format!("k{n}: !!python/object/apply:os.system [x]\n"))),
    ];
    for (what, text) in bombs {
        let error = values(&text).expect_err(what);
        assert!(error.starts_with("a.yaml"), "{what}: {error}");
        assert!(error.len() < 400, "{what}: {} bytes of error", error.len());
    }
}

#[test]
fn numbers_at_the_limits_are_exact_or_refused() {
    assert_eq!(
        values("a: 9223372036854775807\nb: -9223372036854775808\nc: 18446744073709551615\n").unwrap(),
        [(1, json!({"a": i64::MAX, "b": i64::MIN, "c": u64::MAX}))]
    );
    for bad in [".nan", ".inf", "-.inf"] {
        let read = values(&format!("a: {bad}"));
        assert!(read.is_err() || read == Ok(vec![(1, json!({"a": bad}))]), "{bad}: {read:?}");
    }
    for port in ["65536", "-1", "1.5", "1e3", "0o17", "0x50", "99999999999999999999", "\"80\"", "null", "yes"]
    {
        let read = service(&format!("name: www\nrun: {{ports: [{port}]}}\n"));
        match read {
            Err(error) => assert!(error.starts_with("manifest.yaml:2:"), "{port}: {error}"),
            // Octal and hexadecimal numbers are YAML, and mean one thing only.
            Ok(read) => assert!([15, 80].contains(&read.run.unwrap().ports[0]), "{port}"),
        }
    }
}

#[test]
fn a_typed_file_has_exactly_one_document() {
    assert_eq!(service("# nothing\n").unwrap_err(), "manifest.yaml: is empty");
    assert_eq!(
        service("name: www\n---\nname: api\n").unwrap_err(),
        "manifest.yaml:3:1: only one document is expected here"
    );
}

#[test]
fn json_is_read_as_well() {
    assert_eq!(values("{\"a\": [1, true, null, \"x\"]}").unwrap(), [(1, json!({"a": [1, true, null, "x"]}))]);
}

#[test]
fn errors_inside_an_alias_name_a_place() {
    let error = service("name: &n {a: b}\nrun: *n\n").unwrap_err();
    assert!(error.starts_with("manifest.yaml:1:"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused_without_a_panic(text in "[-a-z0-9:{}\\[\\]&*!|>'\"#,.\n \t]{0,200}") {
        let lines = text.lines().count() as u64 + 1;
        match parse_documents("a.yaml", text.as_bytes()) {
            Ok(documents) => prop_assert!(documents.iter().all(|document| document.line <= lines)),
            Err(error) => prop_assert!(error.line <= lines, "{:?}", error),
        }
    }

    #[test]
    fn what_json_says_yaml_says_too(entries in proptest::collection::btree_map("[a-z]{1,8}", any::<i64>(), 0..8)) {
        let text = serde_json::to_string(&entries).unwrap();
        let read = values(&text).unwrap();
        prop_assert_eq!(read, vec![(1, serde_json::to_value(&entries).unwrap())]);
    }
}
