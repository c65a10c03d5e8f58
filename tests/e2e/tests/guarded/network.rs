//! Who reaches whom, by real connections.

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::json;
use slipway_crds::v1alpha1::{DevEnvironment, Outcome};
use slipway_demo::{NAMESPACE, travel_within};
use slipway_e2e::environment::{self, finished};
use slipway_e2e::waiting::{until, until_answered};
use slipway_e2e::{chart, pods};

use crate::stage::{PATIENCE, Stage};

/// Tries once; waits no longer than two seconds for an answer.
const CONNECT: &str = "import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
    print('reached')
except OSError as refusal:
    print('not reached:', refusal)
";

/// A pod that connections are tried from.
struct Origin {
    pods: Api<Pod>,
    pod: String,
    container: &'static str,
}

impl Origin {
    async fn tries(&self, host: &str, port: u16) -> Result<String> {
        let command = ["python3", "-c", CONNECT, host, &port.to_string()];
        pods::exec(&self.pods, &self.pod, self.container, &command).await
    }

    async fn reaches(&self, host: &str, port: u16) -> Result<()> {
        until_answered(&format!("{} reaches {host}:{port}", self.pod), async || {
            let told = self.tries(host, port).await?;
            ensure!(told.starts_with("reached"), "{host}:{port} is {told}");
            Ok(())
        })
        .await
    }

    /// Once is enough: its environment is ready, and its policies are older than its pods.
    async fn does_not_reach(&self, host: &str, port: u16) -> Result<()> {
        let told = self.tries(host, port).await?;
        ensure!(told.starts_with("not reached"), "{} reaches {host}:{port}", self.pod);
        Ok(())
    }
}

pub async fn environments_reach_themselves_and_nobody_else(stage: &Stage) -> Result<()> {
    let demo = stage.demo.environment_ready("demo", PATIENCE).await?;
    let www = stage.demo.publish(&demo, "www").await?;
    travel_within(www, PATIENCE).await.context("five services and two stores of one environment")?;
    stage.make::<DevEnvironment>(NAMESPACE, "other", json!({"services": ["ats"]})).await?;
    let other = stage.demo.environment_ready("other", PATIENCE).await?;
    let (demo, other) = (environment::namespace(&demo)?, environment::namespace(&other)?);
    let inside = Origin {
        pod: pods::of_service(&stage.within(&other), "ats").await?,
        pods: stage.within(&other),
        container: "ats",
    };
    let outside = stranger(stage).await?;

    inside.reaches("ats", 80).await?;
    for (host, port) in addresses(stage, &demo).await? {
        inside.does_not_reach(&host, port).await?;
        outside.does_not_reach(&host, port).await?;
    }
    let operator = service_address(stage, chart::NAMESPACE, "slipway-controller").await?;
    let node = stage.demo.cluster().node_address().to_string();
    // The operator, the API server as Service and as process, git, the registry.
    let others = [(&*operator, 80), ("10.96.0.1", 443), (&node, 6443), (&node, 80), (&node, 5000)];
    for (host, port) in others {
        outside.reaches(host, port).await.context("what is refused to others must be there")?;
        inside.does_not_reach(host, port).await?;
    }
    Ok(())
}

/// Services of an environment by name and address, and its pods.
async fn addresses(stage: &Stage, namespace: &str) -> Result<Vec<(String, u16)>> {
    let mut found = vec![(format!("www.{namespace}.svc.cluster.local"), 80)];
    for service in ["www", "api"] {
        found.push((service_address(stage, namespace, service).await?, 80));
    }
    found.push((service_address(stage, namespace, "local").await?, 6379));
    for pod in stage.within::<Pod>(namespace).list(&ListParams::default()).await? {
        let port = if pod.name_any() == "local-0" { 6379 } else { 80 };
        let address = pod.status.and_then(|status| status.pod_ip).context("a pod without an address")?;
        found.push((address, port));
    }
    Ok(found)
}

async fn service_address(stage: &Stage, namespace: &str, name: &str) -> Result<String> {
    let service = stage.within::<Service>(namespace).get(name).await?;
    let address = service.spec.and_then(|spec| spec.cluster_ip).context("a Service without a spec")?;
    if address != "None" {
        return Ok(address);
    }
    // A headless one is its pods.
    Ok(format!("{name}.{namespace}.svc.cluster.local"))
}

/// A pod in no environment: nothing keeps it from anything but the policies of others.
async fn stranger(stage: &Stage) -> Result<Origin> {
    let image = format!("{}/ats:{}", slipway_cluster::REGISTRY, stage.head("ats")?);
    let container = json!({"name": "main", "image": image, "command": ["sleep", "infinity"]});
    stage.make::<Pod>("default", "stranger", json!({"containers": [container]})).await?;
    let pods = stage.within::<Pod>("default");
    let runs =
        |found: &Pod| found.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running"));
    until(&pods, "stranger", "it runs", runs).await?;
    Ok(Origin { pods, pod: "stranger".to_owned(), container: "main" })
}

pub async fn a_runs_result_reaches_the_operator(stage: &Stage) -> Result<()> {
    let spec = json!({"integration": {"service": "api", "commit": stage.head("api")?}});
    stage.make::<DevEnvironment>(NAMESPACE, "run", spec).await?;
    let environments = stage.demo.environments();
    let over = until(&environments, "run", "its run is over", |found| finished(found).is_some()).await?;
    let run = finished(&over).context("no run")?;
    ensure!(run.outcome == Some(Outcome::Passed), "it ended as {run:?}");
    Ok(())
}
