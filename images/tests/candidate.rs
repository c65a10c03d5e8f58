//! `slipway-agent push`, with `slipway-push` beside it, against docker-registry.
#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod operator;
mod registry;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use operator::Operator;
use registry::Place;
use serde_json::{Value, json};
use slipway_agent::layer::{LayerWriter, Limits, Metadata, Special};
use slipway_agent::{BuildProgress, BuildRecord, Fault, Identity, StepRecord};
use slipway_images::{Credentials, Execution, Image, LayerBuilder, Registry};
use tempfile::TempDir;

fn identity() -> Identity {
    let [service, service_sha, ops_sha] = ["www", "3f2c", "91ab"].map(str::to_owned);
    Identity { service, service_sha, ops_sha }
}

/// The agent beside the program that pushes: cargo builds both, in one folder.
fn agent() -> PathBuf {
    let agent = Path::new(env!("CARGO_BIN_EXE_slipway-push")).with_file_name("slipway-agent");
    assert!(agent.exists(), "{} is not built; run cargo build --workspace --bins", agent.display());
    agent
}

/// The volume between the two containers.
struct Volume(TempDir);

impl Volume {
    fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::write(folder.path().join("token"), "secret\n").unwrap();
        Self(folder)
    }

    /// One of a build that went well.
    fn built() -> Self {
        let volume = Self::empty();
        volume.write("layer.tar.gz", &layer());
        volume.record(&BuildRecord { steps: vec![step("provision")], ..record() });
        volume
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.at("out").join(name), content).unwrap();
    }

    fn record(&self, record: &BuildRecord) {
        self.write("build.json", &serde_json::to_vec(record).unwrap());
    }

    fn order(&self, operator: &Operator, base: &str, target: &str) -> Value {
        json!({
            "identity": identity(),
            "input": self.at("out"),
            "base": base,
            "target": target,
            "source": "https://git.example.com/www.git",
            "newest": 1_700_000_000,
            "plainHttpRegistries": [host(base), host(target)],
            "report": {"url": operator.url, "tokenFile": self.at("token")},
            "waitSeconds": 20,
            "terminationLog": self.at("termination-log"),
        })
    }

    async fn push(&self, order: &Value) -> Output {
        let mut command = tokio::process::Command::new(agent());
        command.arg("push").arg(order.to_string()).stdin(Stdio::null());
        command.output().await.unwrap()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.at("termination-log")).unwrap_or_default()
    }
}

fn host(image: &str) -> &str {
    image.split('/').next().unwrap()
}

fn record() -> BuildRecord {
    BuildRecord { identity: identity(), ..BuildRecord::default() }
}

fn step(name: &str) -> StepRecord {
    StepRecord { name: name.to_owned(), milliseconds: 1 }
}

fn layer() -> Vec<u8> {
    let mut writer = LayerWriter::new(Vec::new(), Limits::default());
    let meta = Metadata { mode: 0o644, ..Metadata::default() };
    writer.directory(b"etc", &Metadata { mode: 0o755, ..Metadata::default() }).unwrap();
    writer.file(b"etc/www", &meta, 3, b"new".as_slice()).unwrap();
    writer.special(b"etc/link", &meta, &Special::Symlink(b"www".to_vec())).unwrap();
    writer.whiteout(b"etc/old").unwrap();
    writer.finish().unwrap().inner
}

fn client(place: &Place, credentials: Credentials) -> Registry {
    Registry::new(vec![place.address.clone()], credentials)
}

fn fleet() -> Credentials {
    Credentials::Password { user: "fleet".to_owned(), password: "right".to_owned() }
}

/// Pushes a base, and gives its name by digest.
async fn base(place: &Place, credentials: Credentials) -> String {
    let layer = LayerBuilder::new().file("/etc/old", 0o644, "old").build().unwrap();
    let environment = ["PATH=/usr/bin:/bin", "SERVICE_SHA=older"].map(str::to_owned).into();
    let image = Image::from_scratch(vec![layer], &Execution { environment, ..Execution::default() }).unwrap();
    let name = format!("{}/base:1", place.address);
    let digest = client(place, credentials).push(&image, &name.parse().unwrap()).await.unwrap();
    format!("{}/base@{digest}", place.address)
}

fn target(place: &Place) -> String {
    format!("{}/www:3f2c-candidate", place.address)
}

async fn get(place: &Place, path: &str) -> Value {
    let url = format!("http://{}/v2/{path}", place.address);
    let accept = "application/vnd.oci.image.manifest.v1+json";
    let command = tokio::process::Command::new("curl")
        .args(["-sf", "-H", &format!("accept: {accept}"), &url])
        .output()
        .await;
    serde_json::from_slice(&command.unwrap().stdout).unwrap()
}

#[tokio::test]
async fn a_build_becomes_an_image_on_its_base_that_says_what_it_is_made_of() {
    let (place, operator, volume) = (Place::open(), Operator::start().await, Volume::built());
    let _running = place.start();
    let base = base(&place, Credentials::Anonymous).await;
    let output = volume.push(&volume.order(&operator, &base, &target(&place))).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let manifest = get(&place, "www/manifests/3f2c-candidate").await;
    let of_base = get(&place, &format!("base/manifests/{}", base.split('@').nth(1).unwrap())).await;
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!((layers.len(), &layers[0]["digest"]), (2, &of_base["layers"][0]["digest"]));
    assert_eq!(layers[1]["digest"], slipway_agent::layer::sha256(&layer()));
    let config = get(&place, &format!("www/blobs/{}", manifest["config"]["digest"].as_str().unwrap())).await;
    let environment = json!(["PATH=/usr/bin:/bin", "SERVICE=www", "SERVICE_SHA=3f2c", "OPS_SHA=91ab"]);
    assert_eq!(config["config"]["Env"], environment);
    assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    let labels = &config["config"]["Labels"];
    assert_eq!(labels["org.opencontainers.image.revision"], "3f2c");
    assert_eq!(labels["org.opencontainers.image.source"], "https://git.example.com/www.git");
    assert_eq!((&labels["slipway.dev/depth"], &labels["slipway.dev/parent"]), (&json!("0"), &Value::Null));

    let ended = operator.ended();
    let image = ended.image.unwrap();
    let found =
        client(&place, Credentials::Anonymous).digest(&target(&place).parse().unwrap()).await.unwrap();
    assert_eq!((Some(image.digest), image.layers), (found, 2));
    let steps: Vec<_> = ended.build.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["provision", "push"]);
    assert_eq!(operator.steps(), ["push"]);
}

#[tokio::test]
async fn the_same_build_is_the_same_image_wherever_it_is_pushed() {
    let (near, far) = (Place::open(), Place::open());
    let (_near, _far) = (near.start(), far.start());
    let base = base(&near, Credentials::Anonymous).await;
    let mut digests = Vec::new();
    for place in [&near, &far] {
        let (operator, volume) = (Operator::start().await, Volume::built());
        let mut order = volume.order(&operator, &base, &target(place));
        order["parent"] = json!({"commit": "1a2b", "depth": 3});
        let output = volume.push(&order).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        digests.push(operator.ended().image.unwrap().digest);
        let manifest = get(place, "www/manifests/3f2c-candidate").await;
        let config =
            get(place, &format!("www/blobs/{}", manifest["config"]["digest"].as_str().unwrap())).await;
        let labels = &config["config"]["Labels"];
        assert_eq!(
            (&labels["slipway.dev/depth"], &labels["slipway.dev/parent"]),
            (&json!("3"), &json!("1a2b"))
        );
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_registry_that_wants_a_login_gets_that_of_the_secret_and_no_other() {
    let place = Place::private();
    let _running = place.start();
    let base = base(&place, fleet()).await;
    let login = |password: &str| {
        json!({"auths": {&place.address: {"username": "fleet", "password": password,
        "auth": base64(&format!("fleet:{password}"))}}})
    };
    for (password, is_right) in [("wrong", false), ("right", true)] {
        let (operator, volume) = (Operator::start().await, Volume::built());
        fs::write(volume.at("logins"), login(password).to_string()).unwrap();
        let mut order = volume.order(&operator, &base, &target(&place));
        order["credentials"] = json!(volume.at("logins"));
        let output = volume.push(&order).await;
        assert_eq!(output.status.success(), is_right, "{}", volume.said());
        let ended = operator.ended();
        assert_eq!(ended.image.is_some(), is_right);
        let said = format!("{} {}", String::from_utf8_lossy(&output.stderr), volume.said());
        assert!(!said.contains(&base64(&format!("fleet:{password}"))) && !said.contains("wrong"), "{said}");
    }
}

fn base64(text: &str) -> String {
    use std::io::Write as _;
    let mut child =
        std::process::Command::new("base64").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_away_for_a_moment_is_waited_for() {
    let (place, operator, volume) = (Place::open(), Operator::start().await, Volume::built());
    let running = place.start();
    let base = base(&place, Credentials::Anonymous).await;
    drop(running);
    let order = volume.order(&operator, &base, &target(&place));
    let pushing = volume.push(&order);
    let come_back = async {
        // The first attempt is told of; only then does the registry come back.
        while operator.steps().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        tokio::task::block_in_place(|| place.start())
    };
    let (output, _running) = tokio::join!(pushing, come_back);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(place.has_tag("www", "3f2c-candidate"));
}

/// A push that fails: what is said, whose fault it is, and no image.
async fn failed(prepare: impl Fn(&Volume, &mut Value)) -> (String, Option<Fault>) {
    let (place, operator, volume) = (Place::open(), Operator::start().await, Volume::empty());
    let _running = place.start();
    let base = base(&place, Credentials::Anonymous).await;
    let mut order = volume.order(&operator, &base, &target(&place));
    order["waitSeconds"] = json!(1);
    prepare(&volume, &mut order);
    let output = volume.push(&order).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(!place.has_tag("www", "3f2c-candidate"), "no image under a good name");
    let ended = operator.ended();
    let error = ended.error.unwrap();
    assert_eq!(volume.said(), error);
    (error, ended.fault)
}

#[tokio::test]
async fn a_build_that_failed_is_told_and_not_pushed() {
    let (error, fault) = failed(|volume, _| {
        volume.write("layer.tar.gz", &layer());
        let error = Some("provisioning failed: no such state".to_owned());
        volume.record(&BuildRecord { error, fault: Some(Fault::Commits), ..record() });
    })
    .await;
    assert_eq!((error.as_str(), fault), ("provisioning failed: no such state", Some(Fault::Commits)));
}

#[tokio::test]
async fn a_build_that_says_nothing_is_not_waited_for_without_end() {
    let (error, fault) = failed(|volume, _| {
        let progress = BuildProgress { step: Some("provision".to_owned()), steps: vec![step("fetch")] };
        volume.write("progress.json", &serde_json::to_vec(&progress).unwrap());
    })
    .await;
    assert_eq!(error, "the build did not end within 1 s; it was at provision");
    assert_eq!(fault, Some(Fault::Surroundings));
}

#[tokio::test]
async fn what_was_not_ordered_is_not_pushed() {
    let (error, _) = failed(|volume, _| {
        volume.write("layer.tar.gz", &layer());
        volume.record(&BuildRecord {
            identity: Identity { service: "api".to_owned(), ..identity() },
            ..BuildRecord::default()
        });
    })
    .await;
    assert_eq!(error, "what was built is not what was ordered");
}

#[tokio::test]
async fn a_link_that_leads_to_the_logins_is_no_layer() {
    let (error, _) = failed(|volume, _| {
        fs::write(volume.at("logins"), "{}").unwrap();
        std::os::unix::fs::symlink(volume.at("logins"), volume.at("out").join("layer.tar.gz")).unwrap();
        volume.record(&record());
    })
    .await;
    assert!(error.contains("layer.tar.gz"), "{error}");
}

#[tokio::test]
async fn a_layer_that_is_cut_or_hostile_is_refused() {
    let (error, _) = failed(|volume, _| {
        volume.write("layer.tar.gz", &layer()[..60]);
        volume.record(&record());
    })
    .await;
    assert!(error.contains("cut or damaged"), "{error}");
    let (error, fault) = failed(|volume, _| {
        volume.write("layer.tar.gz", &hostile());
        volume.record(&record());
    })
    .await;
    assert!(error.contains("../../etc/passwd cannot be in an image's layer"), "{error}");
    assert_eq!(fault, Some(Fault::Commits));
}

fn hostile() -> Vec<u8> {
    let name = b"../../etc/passwd";
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    let compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(compressed);
    archive.append(&header, std::io::empty()).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

#[tokio::test]
async fn a_base_that_is_gone_is_named() {
    let (error, fault) = failed(|volume, order| {
        volume.write("layer.tar.gz", &layer());
        volume.record(&record());
        let base = order["base"].as_str().unwrap().split('@').next().unwrap().to_owned();
        order["base"] = json!(format!("{base}@sha256:{}", "0".repeat(64)));
    })
    .await;
    assert!(error.contains("is not in the registry (any more)"), "{error}");
    assert_eq!(fault, Some(Fault::Surroundings));
}
