//! Builds that go wrong: each says why, none gets a good name, and what runs goes on.

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use slipway_crds::reasons;
use slipway_crds::v1alpha1::{BuildOutcome, BuildStage, BuildStep, ServiceBuildStatus};
use slipway_demo::Change;
use slipway_e2e::answer::until_told;
use slipway_e2e::fat::{FatYard, SERVICE};
use slipway_e2e::pods::crew;
use slipway_e2e::{Story, World, environment, yard};
use slipway_plan::build::inputs::Tags;
use slipway_plan::service_name::ServiceName;

/// As the Fleet of the demo calls its registry.
const REGISTRY: &str = "registry.slipway.test:5000";

pub fn stories() -> Vec<Story> {
    vec![
        Story {
            name: "fat: what cannot be built says why, gets no good name, and what runs goes on",
            run: |world| commits(world).boxed_local(),
        },
        Story {
            name: "fat: a build that hangs, fills the disk or is killed ends, and says so",
            run: |world| pods(world).boxed_local(),
        },
        Story {
            name: "fat: a base image that is gone is waited for, by name",
            run: |world| base(world).boxed_local(),
        },
    ]
}

/// A state of the daemon that does this instead.
fn state(text: &str) -> Change {
    Change::write("states/metrics/init.sls", text)
}

/// A state that runs a command.
fn command(id: &str, line: &str) -> Change {
    state(&format!("{id}:\n  cmd.run:\n    - name: {line}\n"))
}

/// A manifest whose unit tests are this command.
fn unit(line: &str) -> Change {
    Change::write(
        "manifest.yaml",
        format!("name: {SERVICE}\nrun: {{ports: [80]}}\nunit: {{command: {line:?}}}\n"),
    )
}

async fn commits(world: &World) -> Result<()> {
    let one = yard::environment("one", &serde_json::json!({"services": [SERVICE]}));
    let fat = FatYard::open_with(world, "fat-mishaps", &[one], "{concurrency: 3}").await?;
    let ready = fat.yard.ready("one").await?;
    let namespace = environment::namespace(&ready)?;
    let before = crew(fat.yard.client(), &namespace).await?;

    fat.build("nowhere", "0123456789012345678901234567890123456789", None).await?;
    let syntax = fat.branch_ops("syntax", &[state("{% if %}\n")])?;
    fat.build("syntax", fat.trunk(), Some(&syntax)).await?;
    let fails = fat.branch_ops("fails", &[command("the-pump", "echo no water; exit 3")])?;
    fat.build("fails", fat.trunk(), Some(&fails)).await?;
    fat.build("untested", &fat.branch("untested", &[unit("no-such-command --all")])?, None).await?;
    fat.build("chatty", &fat.branch("chatty", &[unit("yes 0123456789 | head --bytes 100M")])?, None).await?;

    let waits = fat.build_when("nowhere", "waiting", |status| !status.blocked_by.is_empty()).await?;
    let blocked = &waits.blocked_by[0];
    ensure!(blocked.reason == reasons::REFERENCE_NOT_FOUND && waits.step == BuildStep::Waiting, "{waits:?}");

    let syntax = fat.build_ended("syntax").await?;
    failed(&fat, &syntax, "metrics").await?;
    let fails = fat.build_ended("fails").await?;
    failed(&fat, &fails, "the-pump").await?;
    let states = fails.provisioned.as_ref().context("nothing is said of the states")?;
    ensure!(states.failed.iter().any(|state| state.id.contains("the-pump")), "{states:?}");
    let untested = fat.build_ended("untested").await?;
    failed(&fat, &untested, "is not there").await?;
    ensure!(untested.image.is_some(), "the image was not kept: {untested:?}");
    let run = untested.unit.as_ref().and_then(|unit| unit.run.as_ref()).context("nothing was run")?;
    ensure!(format!("{run:?}").contains("no-such-command"), "{run:?}");

    let chatty = fat.build_ended("chatty").await?;
    ensure!(chatty.outcome == Some(BuildOutcome::Succeeded), "{chatty:?}");
    until_told(world, &ready, SERVICE, "/places", "harbour").await?;
    let after = crew(fat.yard.client(), &namespace).await?;
    ensure!(before == after, "what ran was touched: {before:?} {after:?}");
    Ok(())
}

/// An error unless it is the commits' fault, the message names it, and the registry has no such image under a good name.
async fn failed(fat: &FatYard<'_>, status: &ServiceBuildStatus, named: &str) -> Result<()> {
    ensure!(status.outcome == Some(BuildOutcome::Failed), "{status:?}");
    ensure!(status.message.contains(named), "it does not name {named}: {}", status.message);
    has_no_good_name(fat, status).await
}

async fn has_no_good_name(fat: &FatYard<'_>, status: &ServiceBuildStatus) -> Result<()> {
    let inputs = status.inputs.as_ref().context("nobody knows what it is made of")?;
    let tags = Tags::of(REGISTRY, &ServiceName::parse(SERVICE)?, inputs);
    let good = tags.good.rsplit(':').next().unwrap_or_default();
    let known = fat.tags().await?;
    ensure!(!known.iter().any(|tag| tag == good), "a build that failed is called good: {good}");
    Ok(())
}

async fn pods(world: &World) -> Result<()> {
    // Most of the time is for provisioning; until a node measures a pod's disk, a minute may pass.
    let builds = "{concurrency: 3, timeout: 3m, resources: {limits: {ephemeral-storage: 200Mi}}}";
    let fat = FatYard::open_with(world, "fat-pods", &[], builds).await?;
    let hangs = fat.branch_ops("hangs", &[command("the-tide", "sleep 3600")])?;
    fat.build("hangs", fat.trunk(), Some(&hangs)).await?;
    let killed = fat.branch_ops("killed", &[command("the-ebb", "sleep 3600")])?;
    fat.build("killed", fat.trunk(), Some(&killed)).await?;
    let fills = "head --bytes 400M /dev/zero > /srv/much; sleep 3600";
    fat.build("fills", fat.trunk(), Some(&fat.branch_ops("fills", &[command("the-flood", fills)])?)).await?;

    let works = |status: &ServiceBuildStatus| status.stage == Some(BuildStage::Provision);
    let status = fat.build_when("killed", "provisioning", works).await?;
    kill(&fat, &status, "killed").await?;
    for (name, outcome, said) in [
        ("killed", BuildOutcome::Error, "the Job of the build"),
        ("fills", BuildOutcome::Error, "torage"),
        ("hangs", BuildOutcome::Failed, "did not end within"),
    ] {
        let ended = fat.build_ended(name).await?;
        ensure!(ended.outcome == Some(outcome), "{name}: {ended:?}");
        ensure!(ended.message.contains(said), "{name}: {}", ended.message);
        has_no_good_name(&fat, &ended).await?;
    }
    Ok(())
}

/// Kills the pod of a build.
async fn kill(fat: &FatYard<'_>, status: &ServiceBuildStatus, name: &str) -> Result<()> {
    let all: Api<Pod> = fat.yard.within(status.namespace.as_deref().context("it has no namespace")?);
    let its = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={name}"));
    let at_once = DeleteParams::default().grace_period(0);
    let gone = all.delete_collection(&at_once, &its).await?;
    ensure!(gone.left().is_some_and(|pods| !pods.items.is_empty()), "{name} has no pod");
    Ok(())
}

async fn base(world: &World) -> Result<()> {
    let fat = FatYard::open(world, "fat-base", &[]).await?;
    fat.push_base("{registry}/base:gone").await?;
    fat.build("based", fat.trunk(), None).await?;
    let named = |reason: &'static str| {
        move |status: &ServiceBuildStatus| status.blocked_by.iter().any(|blocked| blocked.reason == reason)
    };
    let gone = fat.build_when("based", "missing its base", named(reasons::IMAGE_NOT_FOUND)).await?;
    ensure!(gone.message.contains("base:gone"), "it does not name the base: {}", gone.message);
    fat.push_base("registry.slipway.test:5999/base:1").await?;
    let down = fat.build_when("based", "missing its registry", named(reasons::REGISTRY_FAILED)).await?;
    ensure!(down.message.contains("5999"), "it does not name the registry: {}", down.message);
    fat.push_base("{registry}/base:1").await?;
    let built = fat.build_ended("based").await?;
    ensure!(built.outcome == Some(BuildOutcome::Succeeded), "{built:?}");
    Ok(())
}
