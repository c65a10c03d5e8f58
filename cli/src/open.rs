//! `slipway open`: services answer on ports of this machine, through the API server.

mod forward;

use k8s_openapi::api::core::v1::{Service, ServicePort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use serde::Serialize;
use slipway_crds::names;
use tokio::net::TcpListener;

use crate::api_error::Attempted as _;
use crate::args::{Format, Forward, Open};
use crate::connect::Session;
use crate::environment;
use crate::exit::{Exit, Usage};
use crate::output::{Output, objects};
use crate::pods;
use forward::Target;

/// A port of a service, and the port of its container behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Port {
    port: u16,
    target: u16,
}

/// A port of a service that answers here.
#[derive(Serialize)]
struct Opened {
    service: String,
    port: u16,
    address: String,
}

/// Opens them, until Ctrl-C.
pub async fn run(session: &Session, arguments: &Open, output: &mut Output) -> anyhow::Result<Exit> {
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    let name = environment.name_any();
    let pods = pods::api(session, &environment)?;
    let namespace = environment::namespace(&environment).unwrap_or_default();
    let services: Api<Service> = Api::namespaced(session.client.clone(), namespace);
    let services =
        services.list(&ListParams::default()).await.attempted("list the Services of the environment")?;
    let wanted = if arguments.all { all(&services.items) } else { named(arguments)? };
    let hint = format!("see what runs there: {} status {name}", session.program);
    if wanted.is_empty() {
        anyhow::bail!("no service of {name} answers on a port\n  {hint}");
    }
    let (mut opened, mut forwards) = (Vec::new(), Vec::new());
    for Forward { service, port, local_port } in wanted {
        let found = services.items.iter().find(|found| found.name_any() == service);
        let Some(ports) = found.map(ports).filter(|ports| !ports.is_empty()) else {
            anyhow::bail!("{service} answers on no port in {name}\n  {hint}");
        };
        let Port { port, target } = choose(&service, &ports, port)?;
        let listener = listen(&service, local_port).await?;
        opened.push(Opened { service: service.clone(), port, address: address(&service, &listener)? });
        forwards.push((listener, Target { pods: pods.clone(), service, port: target }));
    }
    tell(&name, &opened, arguments.printed.format, output)?;
    tokio::select! {
        ended = forward::carry_all(forwards, output) => ended.map(|()| Exit::Done),
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| Exit::Done).map_err(Into::into),
    }
}

/// Every port of every service.
fn all(services: &[Service]) -> Vec<Forward> {
    let of_service = |service: &Service| {
        let name = service.name_any();
        let forward =
            move |Port { port, .. }| Forward { service: name.clone(), port: Some(port), local_port: None };
        ports(service).into_iter().map(forward)
    };
    services.iter().flat_map(of_service).collect()
}

/// Those that are named; the flags are for one alone.
fn named(arguments: &Open) -> Result<Vec<Forward>, Usage> {
    let Open { services, port, local_port, .. } = arguments;
    match services.as_slice() {
        [one] => Ok(vec![Forward {
            service: one.service.clone(),
            port: one.port.or(*port),
            local_port: one.local_port.or(*local_port),
        }]),
        _ if port.is_some() || local_port.is_some() => Err(Usage(
            "--port and --local-port are for one service; for several write www:80=8080".to_owned(),
        )),
        several => Ok(several.to_vec()),
    }
}

fn ports(service: &Service) -> Vec<Port> {
    let pair = |port: &ServicePort| {
        let target = match &port.target_port {
            Some(IntOrString::Int(target)) => *target,
            _ => port.port,
        };
        Some(Port { port: u16::try_from(port.port).ok()?, target: u16::try_from(target).ok()? })
    };
    service.spec.iter().flat_map(|spec| spec.ports.iter().flatten()).filter_map(pair).collect()
}

/// The named port of the service, or its first.
fn choose(service: &str, ports: &[Port], named: Option<u16>) -> Result<Port, Usage> {
    let found = ports.iter().find(|Port { port, .. }| named.is_none_or(|named| named == *port));
    let all: Vec<_> = ports.iter().map(|Port { port, .. }| format!("{service}:{port}")).collect();
    found.copied().ok_or_else(|| {
        Usage(format!("{service} does not answer on that port; name one of: {}", all.join(", ")))
    })
}

async fn listen(service: &str, port: Option<u16>) -> anyhow::Result<TcpListener> {
    let wanted = port.unwrap_or_default();
    TcpListener::bind(("127.0.0.1", wanted)).await.map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens on it".to_owned(),
            std::io::ErrorKind::PermissionDenied => "ports below 1024 are for root".to_owned(),
            _ => error.to_string(),
        };
        anyhow::anyhow!(
            "port {wanted} of this machine cannot be used for {service}: {why}\n  name another, or none, and a free one is taken"
        )
    })
}

fn address(service: &str, listener: &TcpListener) -> std::io::Result<String> {
    let scheme = if service == names::LOCAL { "" } else { "http://" };
    Ok(format!("{scheme}{}", listener.local_addr()?))
}

/// Addresses on standard output, a line each, so that the first line of one alone is its address.
fn tell(name: &str, opened: &[Opened], format: Format, output: &mut Output) -> anyhow::Result<()> {
    match format {
        Format::Text => opened.iter().try_for_each(|one| writeln!(output.stdout, "{}", one.address))?,
        format => objects::write(&mut *output.stdout, format, &opened)?,
    }
    output.stdout.flush()?;
    for Opened { service, port, address } in opened {
        let address = address.trim_start_matches("http://");
        let told = format!("{service} of {name}, port {port}, answers on {address} until Ctrl-C");
        let told = output.colours_of_news.of_service(service, &told);
        output.say(&told);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use serde_json::json;

    fn www() -> Service {
        serde_json::from_value(json!({"metadata": {"name": "www"}, "spec": {"ports": [
            {"port": 80, "targetPort": 8080}, {"port": 6379}]}}))
        .unwrap()
    }

    #[test]
    fn the_first_port_is_meant_unless_one_is_named() {
        let ports = ports(&www());
        let target = |named| choose("www", &ports, named).map(|port| port.target);
        assert_eq!((target(None), target(Some(6379))), (Ok(8080), Ok(6379)));
        assert_eq!(
            target(Some(8080)).unwrap_err().0,
            "www does not answer on that port; name one of: www:80, www:6379"
        );
    }

    #[test]
    fn all_is_every_port_of_every_service() {
        let ports: Vec<_> =
            all(&[www()]).into_iter().map(|forward| (forward.service, forward.port)).collect();
        assert_eq!(ports, [("www".to_owned(), Some(80)), ("www".to_owned(), Some(6379))]);
    }

    #[test]
    fn flags_are_for_one_service() {
        let asked = |words: &[&str]| {
            let words = [&["slipway", "open"], words].concat();
            let crate::args::Call::Verb(crate::args::Verb::Open(open)) =
                crate::args::Arguments::try_parse_from(words).unwrap().call
            else {
                panic!()
            };
            named(&open)
        };
        let one = asked(&["www", "--port", "80", "--local-port", "8080"]).unwrap();
        assert_eq!((one[0].port, one[0].local_port), (Some(80), Some(8080)));
        assert_eq!(asked(&["www", "api:8000"]).unwrap().len(), 2);
        assert!(asked(&["www", "api", "--port", "80"]).unwrap_err().0.contains("www:80=8080"));
    }

    #[tokio::test]
    async fn a_taken_port_is_refused_with_the_way_out() {
        let taken = listen("www", None).await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let refusal = listen("api", Some(port)).await.unwrap_err().to_string();
        let expected =
            format!("port {port} of this machine cannot be used for api: another program listens on it");
        assert!(refusal.starts_with(&expected), "{refusal}");
        assert!(refusal.contains("a free one is taken"), "{refusal}");
    }
}
