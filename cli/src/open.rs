//! `slipway open`: a service answers on a port of this machine, through the API server.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::{Api, ResourceExt as _};
use slipway_crds::names;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::api_error::{Attempted as _, told};
use crate::args::Open;
use crate::connect::Session;
use crate::environment;
use crate::exit::{Exit, Usage};
use crate::output::Output;
use crate::pods;

/// How many seconds a connection is held while no pod is ready.
const PATIENCE: u32 = 20;

/// Where connections go. The pod is chosen for each: a new one takes the place of an old one.
struct Target {
    pods: Api<Pod>,
    service: String,
    port: u16,
}

/// Opens it, until Ctrl-C.
pub async fn run(session: &Session, arguments: &Open, output: &mut Output) -> anyhow::Result<Exit> {
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    let (name, service) = (environment.name_any(), &arguments.service);
    let pods = pods::api(session, &environment)?;
    let namespace = environment::namespace(&environment).unwrap_or_default();
    let services: Api<Service> = Api::namespaced(session.client.clone(), namespace);
    let Some(found) = services.get_opt(service).await.attempted(format!("read Service {service}"))? else {
        let program = &session.program;
        anyhow::bail!(
            "{service} answers on no port in {name}\n  see what runs there: {program} status {name}"
        );
    };
    let port = port(service, &ports(&found), arguments.port)?;
    let listener = listen(arguments.local_port).await?;
    let address = listener.local_addr()?;
    let scheme = if service == names::LOCAL { "" } else { "http://" };
    writeln!(output.stdout, "{scheme}{address}")?;
    output.stdout.flush()?;
    output.say(&format!("{service} of {name}, port {port}, answers on {address} until Ctrl-C"));
    let target = Target { pods, service: service.clone(), port };
    tokio::select! {
        ended = accept(&listener, Arc::new(target), output) => ended,
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| Exit::Done).map_err(Into::into),
    }
}

fn ports(service: &Service) -> Vec<(u16, u16)> {
    let pair = |port: &ServicePort| {
        let target = match &port.target_port {
            Some(IntOrString::Int(target)) => *target,
            _ => port.port,
        };
        Some((u16::try_from(port.port).ok()?, u16::try_from(target).ok()?))
    };
    service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()).filter_map(pair).collect()
}

/// The container's port: that of the named port of the service, or of its first.
fn port(service: &str, ports: &[(u16, u16)], named: Option<u16>) -> Result<u16, Usage> {
    let found = ports.iter().find(|(port, _)| named.is_none_or(|named| named == *port));
    let all: Vec<_> = ports.iter().map(|(port, _)| port.to_string()).collect();
    found.map(|(_, target)| *target).ok_or_else(|| {
        Usage(format!("{service} does not answer on that port; name one of: {}", all.join(", ")))
    })
}

async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|error| {
        anyhow::anyhow!("port {port} of this machine cannot be used: {error}\n  leave --local-port out, and a free one is taken")
    })
}

async fn accept(listener: &TcpListener, target: Arc<Target>, output: &mut Output) -> anyhow::Result<Exit> {
    let (tell, mut news) = tokio::sync::mpsc::unbounded_channel();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (connection, _) = accepted?;
                let (target, tell) = (Arc::clone(&target), tell.clone());
                tokio::spawn(async move {
                    if let Err(error) = carry(connection, &target).await {
                        drop(tell.send(told(&error)));
                    }
                });
            }
            Some(line) = news.recv() => output.say(&line),
        }
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
        "a connection was given up: no pod of {} was ready to answer for {PATIENCE} seconds",
        target.service
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_port_is_meant_unless_one_is_named() {
        let service: Service = serde_json::from_value(json!({"spec": {"ports": [
            {"port": 80, "targetPort": 8080}, {"port": 6379}]}}))
        .unwrap();
        let ports = ports(&service);
        assert_eq!(port("www", &ports, None), Ok(8080));
        assert_eq!(port("www", &ports, Some(6379)), Ok(6379));
        assert_eq!(
            port("www", &ports, Some(8080)).unwrap_err().0,
            "www does not answer on that port; name one of: 80, 6379"
        );
    }

    #[tokio::test]
    async fn a_taken_port_is_refused_with_the_way_out() {
        let taken = listen(0).await.unwrap();
        let refusal = listen(taken.local_addr().unwrap().port()).await.unwrap_err().to_string();
        assert!(refusal.contains("leave --local-port out"), "{refusal}");
    }
}
