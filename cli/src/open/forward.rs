//! Carries connections to a pod that is ready at that moment, so that an address outlives pods.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;

use crate::api_error::{Attempted as _, told};
use crate::output::Output;
use crate::pods;

/// How many seconds a connection is held while no pod is ready.
const PATIENCE: u32 = 20;

/// Where connections go. The pod is chosen for each: a new one takes the place of an old one.
pub struct Target {
    /// The pods of the environment.
    pub pods: Api<Pod>,
    /// The service.
    pub service: String,
    /// Port of its container.
    pub port: u16,
}

/// Carries the connections of all listeners, for ever.
pub async fn carry_all(forwards: Vec<(TcpListener, Target)>, output: &mut Output) -> anyhow::Result<()> {
    let (tell, mut news) = tokio::sync::mpsc::unbounded_channel();
    let mut accepting = tokio::task::JoinSet::new();
    for (listener, target) in forwards {
        accepting.spawn(accept(listener, Arc::new(target), tell.clone()));
    }
    loop {
        tokio::select! {
            Some(ended) = accepting.join_next() => ended??,
            Some(line) = news.recv() => output.say(&line),
        }
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<Target>,
    tell: UnboundedSender<String>,
) -> std::io::Result<()> {
    loop {
        let (connection, _) = listener.accept().await?;
        let (target, tell) = (Arc::clone(&target), tell.clone());
        tokio::spawn(async move {
            if let Err(error) = carry(connection, &target).await {
                drop(tell.send(told(&error)));
            }
        });
    }
}

/// The pod that answers now. While none does, as between an old pod and a new one, a connection is held for a while.
async fn serving(target: &Target) -> anyhow::Result<String> {
    for _ in 0..PATIENCE {
        if let Some(pod) = pods::serving(&pods::list(&target.pods).await?, &target.service) {
            return Ok(pod);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    anyhow::bail!(
        "a connection was given up: no pod of {service} was ready to answer for {PATIENCE} seconds\n  see why: slipway why {service}",
        service = target.service
    )
}

async fn carry(mut connection: TcpStream, target: &Target) -> anyhow::Result<()> {
    let Target { pods, port, .. } = target;
    let pod = serving(target).await?;
    let mut forward =
        pods.portforward(&pod, &[*port]).await.attempted(format!("reach port {port} of pod {pod}"))?;
    let refused = forward.take_error(*port);
    let Some(mut stream) = forward.take_stream(*port) else { return Ok(()) };
    // Either side may simply hang up: that ends a connection, and is no news.
    let copied = copy_bidirectional(&mut connection, &mut stream).await;
    drop(stream);
    let refused = match refused {
        Some(refused) if copied.as_ref().map_or(true, |(_, from_pod)| *from_pod == 0) => refused.await,
        _ => None,
    };
    match refused {
        Some(message) => anyhow::bail!("pod {pod}: {message}"),
        None => Ok(()),
    }
}
