//! Assets of an image: which commands run, and what they leave.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod container;
mod listing;
mod operator;

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use container::Container;
use listing::listing;
use operator::{Answer, Operator, archive};
use serde_json::{Value, json};
use slipway_agent::layer::{Accepted, Limits, apply};
use slipway_agent::{AssetRecord, BuildRecord, Fault};

/// Says on the volume beside the container that it ran, and makes a folder of its only input.
const COMMAND: &str = "echo ran >> $ROOT/../ran; echo minified; ls; mkdir -p public/deep; tr a-z A-Z < css > public/deep/a; ln -s deep/a public/b";
const IMAGE_OF_A: &str = r#"{"service":"www","serviceSha":"a","opsSha":"y"}"#;

fn asset(command: &str, output: &str, sources: &str) -> Value {
    json!({"command": command, "output": output, "sources": sources})
}

fn list(assets: &[Value]) -> Answer {
    (200, serde_json::to_vec(assets).unwrap())
}

/// The operator of a service at commit `b` with these assets, all of which have one file as input.
fn operator(assets: &[Value], css: &str) -> Operator {
    let inputs = archive(&[("css", css)], &[]);
    Operator::start([
        ("/assets?to=b", vec![list(assets)]),
        ("/service?to=b", vec![archive(&[("main.py", "1")], &[])]),
        ("/service?to=b&from=a", vec![archive(&[("main.py", "2")], &[])]),
        ("/ops?to=y", vec![archive(&[("provision.sh", "echo provisioned")], &[])]),
        ("/assets/0?to=b", vec![inputs.clone()]),
        ("/assets/1?to=b", vec![inputs]),
    ])
}

fn build(container: &Container, operator: &Operator) -> BuildRecord {
    let mut order = container.order(&operator.url, &json!({"command": ["sh", "provision.sh"]}), 60);
    order["root"] = json!(container.at(""));
    order["output"] = json!(container.at("/out"));
    order["assets"] = json!(true);
    container.agent("build", &order).output().unwrap();
    serde_json::from_str(&container.read("/out/build.json")).unwrap()
}

fn built(container: &Container, operator: &Operator) -> Vec<AssetRecord> {
    let record = build(container, operator);
    assert_eq!(record.error, None);
    record.assets
}

fn failed(container: &Container, operator: &Operator) -> String {
    let record = build(container, operator);
    assert_eq!(record.fault, Some(Fault::Commits));
    assert!(!container.at("/out/layer.tar.gz").exists(), "no layer under a good name");
    record.error.unwrap()
}

/// How often the command ran.
fn runs(container: &Container) -> usize {
    container.read("/ran").lines().count()
}

/// A container that was built at commit `a`, and is now the image that a build of `b` starts from.
fn image_of_a(assets: &[Value]) -> Container {
    let container = Container::new();
    built(&container, &operator(assets, "body {}"));
    container.write("var/lib/slipway/image.json", IMAGE_OF_A);
    container
}

#[test]
fn an_asset_is_built_of_its_inputs_alone_and_copied_in() {
    let (container, operator) = (Container::new(), operator(&[asset(COMMAND, "public", "1")], "body {}"));
    let record = build(&container, &operator);
    let steps: Vec<_> = record.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["base", "fetch", "provision", "assets", "look", "commit"]);
    assert_eq!(record.assets[0].log, "minified\ncss\n", "nothing else of the repository is there");
    assert!(record.assets[0].built);
    let image = Container::new();
    let layer = File::open(container.at("/out/layer.tar.gz")).unwrap();
    apply(layer, &image.at(""), Accepted::Everything, Limits::default()).unwrap();
    assert_eq!(image.read("srv/www/public/b"), "BODY {}");
    assert!(!image.at("var/lib/slipway/scratch/asset").exists());
}

#[test]
fn a_commit_that_changes_no_source_does_not_run_the_command_again() {
    let assets = [asset(COMMAND, "public", "1")];
    let container = image_of_a(&assets);
    let operator = operator(&assets, "body {}");
    let record = built(&container, &operator).remove(0);
    assert_eq!((record.built, record.why.as_str()), (false, "none of its sources changed"));
    assert_eq!((runs(&container), container.read("srv/www/main.py").as_str()), (1, "2"));
    assert_eq!(operator.asked(), ["/assets?to=b secret", "/service?to=b&from=a secret"]);
    assert_eq!(container.read("srv/www/public/deep/a"), "BODY {}");
}

#[test]
fn a_commit_that_changes_a_source_builds_that_asset_and_no_other() {
    let other = asset("mkdir docs; echo ran >> $ROOT/../other", "docs", "7");
    let container = image_of_a(&[asset(COMMAND, "public", "1"), other.clone()]);
    container.write("srv/www/public/left", "of the last time");
    let records = built(&container, &operator(&[asset(COMMAND, "public", "2"), other], "p {}"));
    let told: Vec<_> = records.iter().map(|record| (record.built, record.why.as_str())).collect();
    assert_eq!(told, [(true, "its sources or its command changed"), (false, "none of its sources changed")]);
    assert_eq!((runs(&container), container.read("/other").lines().count()), (2, 1));
    assert_eq!(container.read("srv/www/public/deep/a"), "P {}");
    assert!(!container.at("srv/www/public/left").exists(), "the output is what the command left");
}

#[test]
fn an_output_that_somebody_changed_is_built_again() {
    let assets = [asset(COMMAND, "public", "1")];
    let container = image_of_a(&assets);
    container.write("srv/www/public/deep/a", "by a provisioner");
    let record = built(&container, &operator(&assets, "body {}")).remove(0);
    assert_eq!((record.built, record.why.as_str()), (true, "its output is not what its command left"));
    assert_eq!(container.read("srv/www/public/deep/a"), "BODY {}");
}

/// What is kept of the assets of an image.
fn kept(image: &Container) -> Value {
    let order = json!({"folders": {"service": image.at("srv/www"), "image": image.at("var/lib/slipway/image.json")},
        "to": image.at("/kept")});
    assert!(image.agent("keep", &order).output().unwrap().status.success());
    json!(image.at("/kept"))
}

fn from_the_base(operator: &Operator, kept: &Value) -> (Container, AssetRecord) {
    let container = Container::new();
    let mut order = container.order(&operator.url, &json!({"command": ["sh", "provision.sh"]}), 60);
    (order["root"], order["output"]) = (json!(container.at("")), json!(container.at("/out")));
    (order["assets"], order["kept"]) = (json!(true), kept.clone());
    container.agent("build", &order).output().unwrap();
    let record: BuildRecord = serde_json::from_str(&container.read("/out/build.json")).unwrap();
    assert_eq!(record.error, None);
    (container, record.assets[0].clone())
}

#[test]
fn a_full_build_takes_over_what_an_older_image_has_of_the_same_sources() {
    let assets = [asset(COMMAND, "public", "1")];
    let older = image_of_a(&assets);
    let kept = kept(&older);
    let (container, record) = from_the_base(&operator(&assets, "body {}"), &kept);
    assert_eq!((record.built, runs(&container)), (false, 0));
    assert_eq!(record.why, "none of its sources changed: it is that of an older image");
    assert_eq!(container.read("srv/www/public/b"), "BODY {}");
    let changed = operator(&[asset(COMMAND, "public", "2")], "p {}");
    let (container, record) = from_the_base(&changed, &kept);
    assert_eq!((record.built, runs(&container)), (true, 1));
}

#[test]
fn what_somebody_changed_in_an_older_image_is_not_taken_over() {
    let assets = [asset(COMMAND, "public", "1")];
    let older = image_of_a(&assets);
    older.write("srv/www/public/deep/a", "by a provisioner");
    let (container, record) = from_the_base(&operator(&assets, "body {}"), &kept(&older));
    assert_eq!((record.built, runs(&container)), (true, 1));
    let none = Container::new();
    let (_, record) = from_the_base(&operator(&assets, "body {}"), &self::kept(&none));
    assert!(record.built, "an image without assets has none to take over");
}

#[test]
fn an_asset_that_is_declared_no_more_goes_before_the_commit_puts_its_own_files_there() {
    let container = image_of_a(&[asset(COMMAND, "public", "1")]);
    let committed = archive(&[("public/index.html", "committed")], &[]);
    let operator =
        Operator::start([("/assets?to=b", vec![list(&[])]), ("/service?to=b&from=a", vec![committed])]);
    assert_eq!(built(&container, &operator), []);
    assert_eq!(container.read("srv/www/public/index.html"), "committed");
    assert!(!container.at("srv/www/public/b").exists());
    assert!(!container.at("var/lib/slipway/assets.json").exists());
}

#[test]
fn an_image_that_starts_from_an_older_one_has_the_files_of_one_that_does_not() {
    let assets = |sources| [asset(COMMAND, "public", sources)];
    let (changed, full) = (image_of_a(&assets("1")), Container::new());
    built(&changed, &operator(&assets("2"), "p {}"));
    let whole = operator(&assets("2"), "p {}");
    built(&full, &whole);
    changed.write("srv/www/main.py", "1");
    let names = |container: &Container| -> Vec<String> {
        let lines = listing(&container.at(""));
        lines.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(names(&changed), names(&full));
    let known = "var/lib/slipway/assets.json";
    assert_eq!(changed.read(known), full.read(known));
}

#[test]
fn two_full_builds_have_one_digest() {
    let assets = [asset(COMMAND, "public", "1")];
    let digest = || build(&Container::new(), &operator(&assets, "body {}")).layer.unwrap().digest;
    assert_eq!(digest(), digest());
}

#[test]
fn a_command_that_fails_is_told_by_its_last_words_and_no_commit_is_told_by_the_environment() {
    let command = "env | grep -c _SHA; echo no such module >&2; exit 3";
    let (container, operator) = (Container::new(), operator(&[asset(command, "public", "1")], ""));
    let error = failed(&container, &operator);
    assert_eq!(error, "the asset `public` was not built: its command ended with code 3: no such module");
    let record: BuildRecord = serde_json::from_str(&container.read("/out/build.json")).unwrap();
    assert_eq!(record.assets[0].log, "0\nno such module\n");
}

#[test]
fn a_command_that_leaves_no_folder_or_a_link_is_refused() {
    for command in ["true", "echo > public", "ln -s /etc public", "mkdir x; ln -s x public"] {
        let error = failed(&Container::new(), &operator(&[asset(command, "public", "1")], ""));
        assert!(error.contains("`public` cannot be copied into the image"), "{command}: {error}");
    }
    let error = failed(&Container::new(), &operator(&[asset("true", "../etc", "1")], ""));
    assert!(error.contains("leads out of the repository"), "{error}");
}

#[test]
fn a_link_in_the_tree_is_not_followed() {
    let assets = [asset("mkdir -p a/b; echo 1 > a/b/c", "a/b", "1")];
    let container = Container::new();
    container.write("var/lib/slipway/image.json", IMAGE_OF_A);
    container.write("elsewhere/b/kept", "");
    container.write("srv/ops/provision.sh", "true");
    fs::create_dir_all(container.at("srv/www")).unwrap();
    symlink(container.at("elsewhere"), container.at("srv/www/a")).unwrap();
    let error = failed(&container, &operator(&assets, ""));
    assert!(error.contains("a folder above it is a file or a symbolic link"), "{error}");
    assert!(container.at("elsewhere/b/kept").exists() && !container.at("elsewhere/b/c").exists());
}

#[test]
fn what_the_operator_says_of_a_commit_fails_the_build() {
    let refused = (422, b"the output `public` of an asset is not its own".to_vec());
    let error = failed(&Container::new(), &Operator::start([("/assets?to=b", vec![refused])]));
    assert!(error.contains("is not its own"), "{error}");
}
