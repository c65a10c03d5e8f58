//! From a commit to an environment, and back.

use anyhow::{Result, ensure};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use serde_json::json;
use slipway_demo::{Change, FLEET, TRUNK, is_ready};
use slipway_e2e::environment::namespace;
use slipway_e2e::waiting::{until, until_gone};
use slipway_e2e::{Story, World, pods, yard};

const NAME: &str = "walk";

pub fn stories() -> Vec<Story> {
    vec![Story {
        name: "commit: a pushed file becomes a ready environment, and a removed file removes it",
        run: |world| come_and_go(world).boxed_local(),
    }]
}

/// In the demo's own fleet: nobody asks for a look, the repository is polled.
async fn come_and_go(world: &World) -> Result<()> {
    let file = yard::environment(NAME, &json!({"services": ["dispatch"]}));
    let path = file.path.clone();
    world.demo.commit(FLEET, TRUNK, &[file]).await?;
    let environments = world.demo.environments();
    let environment = until(&environments, NAME, "the pushed environment is ready", is_ready).await?;
    let namespace = namespace(&environment)?;
    let crew = pods::crew(world.demo.client(), &namespace).await?;
    let posts: Vec<&String> = crew.keys().collect();
    ensure!(
        posts == ["dispatch/web", "dispatch/worker", "eta", "local"],
        "what dispatch depends on runs, and no more: {posts:?}"
    );

    world.demo.commit(FLEET, TRUNK, &[Change::remove(&path)]).await?;
    until_gone(&environments, NAME).await?;
    let namespaces: Api<Namespace> = Api::all(world.demo.client().clone());
    ensure!(namespaces.get_opt(&namespace).await?.is_none(), "{namespace} outlives its environment");
    let demo = world.demo.environments().get_opt("demo").await?;
    ensure!(
        demo.is_some_and(|demo| demo.metadata.deletion_timestamp.is_none()),
        "the other file's is still there"
    );
    Ok(())
}
