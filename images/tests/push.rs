//! Pushing to a registry: only what is missing is sent.
#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod fake_registry;

use fake_registry::FakeRegistry;
use slipway_images::{Credentials, Execution, Image, LayerBuilder, Registry};

fn client(fake: &FakeRegistry) -> Registry {
    Registry::new(vec![fake.address.to_string()], Credentials::Anonymous)
}

fn image(content: &str) -> Image {
    let layer = LayerBuilder::new().file("/file", 0o644, content).build().unwrap();
    let execution = Execution {
        environment: vec!["PATH=/bin".to_owned()],
        working_directory: Some("/base".to_owned()),
        ..Execution::default()
    };
    Image::from_scratch(vec![layer], &execution).unwrap()
}

fn name(fake: &FakeRegistry, rest: &str) -> slipway_images::Reference {
    Registry::reference(&format!("{}/{rest}", fake.address)).unwrap()
}

#[tokio::test]
async fn a_pushed_image_is_found_under_its_tag_with_its_digest() {
    let fake = FakeRegistry::start().await;
    let pushed = client(&fake).push(&image("a"), &name(&fake, "team/www:1")).await.unwrap();
    let resolved = client(&fake).digest(&name(&fake, "team/www:1")).await.unwrap();
    assert_eq!(resolved, Some(pushed.clone()));
    assert_eq!(pushed, image("a").digest());
}

#[tokio::test]
async fn an_image_that_does_not_exist_has_no_digest_and_that_is_no_error() {
    let fake = FakeRegistry::start().await;
    assert_eq!(client(&fake).digest(&name(&fake, "team/www:none")).await.unwrap(), None);
}

#[tokio::test]
async fn a_layer_that_the_registry_has_is_not_sent_again() {
    let fake = FakeRegistry::start().await;
    client(&fake).push(&image("a"), &name(&fake, "www:1")).await.unwrap();
    let after_first = fake.content.lock().unwrap().uploaded.len();
    client(&fake).push(&image("a"), &name(&fake, "www:2")).await.unwrap();
    assert_eq!(fake.content.lock().unwrap().uploaded.len(), after_first);
}

#[tokio::test]
async fn a_new_layer_on_a_base_sends_that_layer_alone_and_inherits_how_it_runs() {
    let fake = FakeRegistry::start().await;
    let registry = client(&fake);
    registry.push(&image("base"), &name(&fake, "base:1")).await.unwrap();
    fake.content.lock().unwrap().uploaded.clear();

    let inherited = registry.inherit(&name(&fake, "base:1")).await.unwrap();
    let layer = LayerBuilder::new().file("/srv/www/code", 0o644, "x").build().unwrap();
    let digest = layer.digest.clone();
    let execution = Execution { working_directory: Some("/srv/www".to_owned()), ..Execution::default() };
    let on_base = Image::on(inherited, vec![layer], &execution).unwrap();
    registry.push(&on_base, &name(&fake, "www:1")).await.unwrap();

    let manifest = fake.manifest("www:1");
    let config_digest = manifest["config"]["digest"].as_str().unwrap().to_owned();
    let layers: Vec<&str> = manifest["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["digest"].as_str().unwrap())
        .collect();
    assert_eq!(layers.last(), Some(&digest.as_str()));
    assert_eq!(layers.len(), 2);
    let content = fake.content.lock().unwrap();
    assert_eq!(content.uploaded, [digest, config_digest.clone()]);
    let config: serde_json::Value =
        serde_json::from_slice(&content.blobs[&format!("www@{config_digest}")]).unwrap();
    assert_eq!(config["config"]["Env"][0], "PATH=/bin");
    assert_eq!(config["config"]["WorkingDir"], "/srv/www");
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_an_error_that_names_the_image() {
    let registry = Registry::new(vec!["127.0.0.1:9".to_owned()], Credentials::Anonymous);
    let error = registry.digest(&Registry::reference("127.0.0.1:9/www:1").unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:9/www:1"), "{error}");
}
