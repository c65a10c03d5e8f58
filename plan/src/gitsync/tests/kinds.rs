use serde_json::{Value, json};

use super::world::{World, file, read_as, service_repo};
use crate::diff::Step;
use crate::gitsync::kinds::Kinds;
use crate::gitsync::{KindName, rank};

fn allowed(kinds: &[(&str, &str)]) -> Kinds {
    let list: Vec<_> =
        kinds.iter().map(|(version, kind)| json!({"apiVersion": version, "kind": kind})).collect();
    Kinds::of(&serde_json::from_value(json!({"url": "http://git/a.git", "allowedKinds": list})).unwrap())
}

fn body(text: &str, kinds: &Kinds) -> Value {
    let mut reading = read_as(&[file("a.yaml", text)], kinds);
    assert!(reading.mistakes.is_empty(), "{:?}", reading.mistakes);
    reading.objects.remove(0).body.into()
}

fn mistake(text: &str, kinds: &Kinds) -> String {
    let reading = read_as(&[file("a.yaml", text)], kinds);
    assert!(reading.objects.is_empty());
    reading.mistakes[0].error.to_string()
}

#[test]
fn a_list_of_kinds_takes_the_place_of_slipways_own() {
    let kinds = allowed(&[("v1", "ConfigMap"), ("apps/v1", "Deployment")]);
    let files = [
        file("a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"),
        file("b.yaml", &service_repo("b")),
        file("c.yaml", "\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: c}\n"),
        file("d.yaml", "apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: d}\n"),
    ];
    let reading = read_as(&files, &kinds);
    let told: Vec<_> = reading.mistakes.iter().map(|mistake| mistake.error.to_string()).collect();
    assert_eq!(
        told,
        [
            "b.yaml:1:1: ServiceRepo of slipway.dev/v1alpha1 is not allowed here; allowed are Deployment of apps/v1, ConfigMap of v1",
            "c.yaml:3:1: Secret of v1 is not allowed here; allowed are Deployment of apps/v1, ConfigMap of v1",
            "d.yaml:1:1: Deployment of apps/v1beta1 is not allowed here; allowed are Deployment of apps/v1, ConfigMap of v1",
        ]
    );
    assert_eq!(reading.objects.len(), 1);
    assert!(reading.is_complete, "what the refused files declare is known");
}

#[test]
fn what_the_cluster_cannot_take_is_refused_with_its_reason() {
    let mut kinds = allowed(&[("v1", "Node")]);
    kinds.refuse(&KindName { api_version: "v1".to_owned(), kind: "Node".to_owned() }, "why".to_owned());
    assert_eq!(mistake("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", &kinds), "a.yaml:1:1: why");
}

#[test]
fn of_other_kinds_metadata_and_status_are_as_strict_as_of_slipways() {
    let kinds = allowed(&[("v1", "ConfigMap")]);
    let of = |more: &str| format!("apiVersion: v1\nkind: ConfigMap\n{more}\n");
    for (more, word) in [
        ("metadata: {name: a, ownerReferences: []}", "ownerReferences"),
        ("metadata: {name: a, finalizers: [x]}", "finalizers"),
        ("metadata: {name: a, generateName: a-}", "generateName"),
        ("metadata: {name: a, uid: u}", "uid"),
        ("metadata: {name: a}\nstatus: {ready: true}", "status"),
    ] {
        let told = mistake(&of(more), &kinds);
        assert!(told.contains(&format!("unknown field `{word}`")), "{told}");
    }
    let elsewhere = mistake(&of("metadata: {name: a, namespace: kube-system}"), &kinds);
    assert!(elsewhere.contains("namespace kube-system is another one"), "{elsewhere}");
}

#[test]
fn a_field_that_is_null_is_not_declared() {
    let kinds = allowed(&[("v1", "ConfigMap")]);
    let body = body("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b, c: null}\n", &kinds);
    assert_eq!(body["data"], json!({"a": "b"}));
}

#[test]
fn texts_of_a_secret_are_declared_as_they_are_kept() {
    let kinds = allowed(&[("v1", "Secret")]);
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {old: b2xk, both: eA==}\nstringData: {both: new}\n";
    let body = body(text, &kinds);
    assert_eq!(body["data"], json!({"old": "b2xk", "both": "bmV3"}));
    assert!(body.get("stringData").is_none());
}

#[test]
fn accounts_and_configuration_come_before_what_runs() {
    let kinds = allowed(&[
        ("apps/v1", "Deployment"),
        ("v1", "Service"),
        ("v1", "ConfigMap"),
        ("v1", "ServiceAccount"),
        ("slipway.dev/v1alpha1", "ServiceRepo"),
    ]);
    let of = |version: &str, kind: &str| {
        file(
            &format!("{kind}.yaml"),
            &format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: a}}\n"),
        )
    };
    let files = [
        file("repo.yaml", &service_repo("a")),
        of("apps/v1", "Deployment"),
        of("v1", "Service"),
        of("v1", "ConfigMap"),
        of("v1", "ServiceAccount"),
    ];
    let reading = read_as(&files, &kinds);
    let order: Vec<_> = reading.objects.iter().map(|object| object.key.kind.as_str()).collect();
    assert_eq!(order, ["ServiceAccount", "ConfigMap", "Service", "Deployment", "ServiceRepo"]);
    assert!(reading.objects.is_sorted_by_key(|object| rank(&object.key)));
}

#[test]
fn an_object_whose_kind_is_allowed_no_more_stays() {
    let mut world = World::new();
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    world.sync.spec.service_account_name = Some("deployer".to_owned());
    world.allow(&[("v1", "ConfigMap")]);
    world.round('1', &[file("a.yaml", text)]);
    assert_eq!(world.names(), ["a"]);
    world.sync.spec.allowed_kinds = None;
    let round = world.round('1', &[file("a.yaml", text)]);
    assert!(round.told().contains("Ready=False KindNotAllowed"), "{}", round.told());
    assert_eq!(world.names(), ["a"]);
    assert_eq!(round.status.inventory.len(), 1);
}

#[test]
fn only_an_update_that_leaves_fields_out_turns_the_own_create_into_an_apply() {
    let mut world = World::new();
    world.allow(&[("v1", "ConfigMap")]);
    let of = |data: &str| {
        [file(
            "a.yaml",
            &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{{data}}}\n"),
        )]
    };
    world.round('1', &of("a: x, b: x"));
    world.objects[0].body["metadata"]["managedFields"][0]["operation"] = "Update".into();
    let loses = |world: &mut World, digit, data| {
        let round = world.round(digit, &of(data));
        matches!(round.decision.plan.steps[..], [Step::Update { loses_fields: true, .. }])
    };
    assert!(!loses(&mut world, '2', "a: y, b: y"), "values only");
    assert!(loses(&mut world, '3', "a: y"));
    world.objects[0].body["metadata"]["managedFields"][0]["operation"] = "Apply".into();
    assert!(!loses(&mut world, '4', "c: y"), "it is all applied already");
}
