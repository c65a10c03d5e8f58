use super::world::{environment, file, read_here, service_repo};
use crate::gitsync::files::{Content, File, is_manifest};

fn mistakes(files: &[File]) -> Vec<String> {
    read_here(files).mistakes.iter().map(|mistake| mistake.error.to_string()).collect()
}

fn mistake(text: &str) -> String {
    mistakes(&[file("a.yaml", text)]).join("\n")
}

fn names(files: &[File]) -> Vec<String> {
    read_here(files).objects.iter().map(|object| object.key.to_string()).collect()
}

const HEAD: &str = "apiVersion: slipway.dev/v1alpha1\nkind: DevEnvironment\nmetadata:\n  name: issue519\n";

#[test]
fn objects_are_taken_in_the_order_in_which_they_depend_on_each_other() {
    let fleet = "apiVersion: slipway.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec: {registry: r}\n";
    let all = [environment("e"), service_repo("b"), service_repo("a"), fleet.to_owned()].join("---\n");
    assert_eq!(
        names(&[file("all.yaml", &all)]),
        ["Fleet platform/f", "ServiceRepo platform/a", "ServiceRepo platform/b", "DevEnvironment platform/e"]
    );
}

#[test]
fn the_namespace_is_the_syncs_and_no_other() {
    let own = format!("{HEAD}  namespace: platform\nspec: {{profile: a}}\n");
    assert_eq!(names(&[file("a.yaml", &own)]), ["DevEnvironment platform/issue519"]);
    let other = format!("{HEAD}  namespace: kube-system\nspec: {{profile: a}}\n");
    assert_eq!(
        mistake(&other),
        "a.yaml:1:1: namespace kube-system is another one; a GitSync writes only to its own, platform"
    );
}

#[test]
fn only_slipways_kinds_are_taken() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n";
    assert_eq!(
        mistake(text),
        "a.yaml:1:1: Secret of v1 is not allowed here; allowed are Fleet, ServiceRepo, DevEnvironment, GitSync of slipway.dev/v1alpha1"
    );
}

#[test]
fn unknown_fields_and_duplicate_keys_are_named_with_their_place() {
    assert!(
        mistake(&format!("{HEAD}spec:\n  profil: rider\n"))
            .starts_with("a.yaml:6:3: unknown field `profil`, expected one of profile, services"),
    );
    assert_eq!(
        mistake(&format!("{HEAD}spec:\n  profile: a\n  profile: b\n")),
        "a.yaml:7:3: duplicate key `profile`"
    );
    assert!(
        mistake(&format!("{HEAD}  finalizers: []\nspec: {{}}\n"))
            .starts_with("a.yaml:5:3: unknown field `finalizers`")
    );
    assert!(
        mistake(&format!("{HEAD}spec: {{}}\nstatus: {{}}\n"))
            .starts_with("a.yaml:6:1: unknown field `status`")
    );
}

#[test]
fn a_field_that_a_type_of_kubernetes_lets_pass_is_unknown_all_the_same() {
    let text = "apiVersion: slipway.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec:\n  registry: r\n  machines:\n  - name: xl\n    resources: {requests: {cpu: \"2\"}, wishes: {cpu: \"3\"}}\n";
    assert_eq!(mistake(text), "a.yaml:1:1: unknown field `spec.machines[0].resources.wishes`");
}

#[test]
fn exactly_the_written_fields_are_declared() {
    let text = format!("{HEAD}spec:\n  profile: rider\n  services: []\n  ttl: null\n");
    let mut body = read_here(&[file("a.yaml", &text)]).objects.remove(0).body;
    let stamp = body["metadata"].as_object_mut().unwrap().remove("annotations");
    assert!(stamp.is_some_and(|stamp| stamp["slipway.dev/declared"].is_string()));
    assert_eq!(
        *body,
        serde_json::json!({
            "apiVersion": "slipway.dev/v1alpha1",
            "kind": "DevEnvironment",
            "metadata": {
                "name": "issue519",
                "namespace": "platform",
                "labels": {"slipway.dev/owner-uid": "sync-uid", "slipway.dev/gitsync": "fleet"},
            },
            "spec": {"profile": "rider"},
        })
    );
}

#[test]
fn an_object_declared_twice_is_a_mistake_in_both_files() {
    let files = [
        file("a.yaml", &environment("e")),
        file("b.yaml", &environment("e")),
        file("c.yaml", &environment("f")),
    ];
    assert_eq!(
        mistakes(&files),
        [
            "a.yaml:1:1: DevEnvironment platform/e is also declared in b.yaml:1; keep one of them",
            "b.yaml:1:1: DevEnvironment platform/e is also declared in a.yaml:1; keep one of them",
        ]
    );
    assert_eq!(names(&files), ["DevEnvironment platform/f"]);
}

#[test]
fn a_bad_file_stops_its_own_objects_and_no_others() {
    let bad = format!("{}---\n{}", environment("a"), environment("b").replace("profile", "profil"));
    let files = [file("bad.yaml", &bad), file("good.yaml", &environment("c"))];
    let reading = read_here(&files);
    assert_eq!(names(&files), ["DevEnvironment platform/c"]);
    assert_eq!(reading.held.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(reading.is_complete);
}

#[test]
fn a_file_of_which_nothing_can_be_told_makes_the_reading_incomplete() {
    for (text, message) in [
        ("a: [\n", "a.yaml:"),
        ("kind: Fleet\nmetadata: {name: f}\n", "a.yaml:1:1: `apiVersion` is missing or no text"),
        ("apiVersion: v1\nkind: Fleet\nmetadata: {}\n", "a.yaml:1:1: `metadata.name` is missing or no text"),
        ("- a\n- b\n", "a.yaml:1:1: `apiVersion` is missing or no text"),
    ] {
        let reading = read_here(&[file("a.yaml", text)]);
        assert!(!reading.is_complete, "{text}");
        assert!(reading.mistakes[0].error.to_string().starts_with(message), "{:?}", reading.mistakes);
    }
    let large = File { path: "a.yaml".to_owned(), content: Content::TooLarge(2_000_000) };
    assert_eq!(mistakes(&[large]), ["a.yaml: has 2000000 bytes, more than 1048576"]);
}

#[test]
fn only_yaml_and_json_files_are_read() {
    for path in ["a.yaml", "b/c.yml", "d.json"] {
        assert!(is_manifest(path), "{path}");
    }
    for path in ["README.md", "yaml", "a.yaml.txt", "a.yaml/b", "Makefile"] {
        assert!(!is_manifest(path), "{path}");
    }
}

#[test]
fn one_bad_file_among_a_thousand_stops_only_itself() {
    let bad: [(&str, Vec<u8>); 6] = [
        ("broken", b"a: [\n".to_vec()),
        ("bytes", b"\xff\xfe\0".to_vec()),
        ("bidi", format!("{HEAD}spec: {{profile: \"a\u{202e}b\"}}\n").into_bytes()),
        ("bomb", "[".repeat(900_000).into_bytes()),
        ("nul", b"a: \0\n".to_vec()),
        ("number", format!("{HEAD}spec: {{ttl: 99999999999999999999}}\n").into_bytes()),
    ];
    for (what, bytes) in bad {
        let mut files: Vec<File> =
            (0..1000).map(|n| file(&format!("{n:04}.yaml"), &environment(&format!("e{n:04}")))).collect();
        files[500] = File { path: "0500.yaml".to_owned(), content: Content::Bytes(bytes) };
        let reading = read_here(&files);
        assert_eq!(reading.objects.len(), 999, "{what}");
        assert_eq!(reading.bad_files.iter().collect::<Vec<_>>(), ["0500.yaml"], "{what}");
        assert!(
            reading.mistakes[0].error.to_string().starts_with("0500.yaml"),
            "{what}: {:?}",
            reading.mistakes
        );
        let printed = reading.mistakes[0].error.to_string();
        assert!(!printed.chars().any(|c| c.is_control() || c == '\u{202e}'), "{printed:?}");
    }
}
