//! `slipway start`: makes an environment, changes it, or starts it again; then shows how it comes up.

mod change;
pub mod wait;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentSpec, GitSync};

use crate::args::{Format, Start};
use crate::connect::Session;
use crate::environment::{self, Origin};
use crate::exit::Exit;
use crate::live::{self, How, OpsTree, Source};
use crate::output::{Output, objects, ready};
use crate::request::Request;
use crate::write::{self, Declared};
use wait::{Goal, Waited};

pub use change::wanted_spec;

/// What `slipway start` writes into the annotation that says who made an environment.
const MADE_BY: &str = "slipway start";

/// Starts it.
pub async fn run(session: &Session, arguments: &Start, output: &mut Output) -> anyhow::Result<Exit> {
    let name = arguments.env.clone().map_or_else(environment::own_name, Ok)?;
    let source = arguments.live.as_deref().map(Source::read).transpose()?;
    if let Some(source) = &source {
        source.refuse_others(&arguments.services)?;
    }
    let ops = arguments.live_ops.as_deref().map(OpsTree::read).transpose()?;
    if let Some(tree) = &ops {
        tree.refuse_fleet(session).await?;
    }
    let request = Request::parse(&arguments.services, &arguments.wanted)?;
    let timeout = arguments.timeout.as_deref().map(slipway_plan::duration::parse).transpose()?;
    let before = environment_of_that_name(session, &name).await?;
    if let Some(before) = &before {
        write::refuse_deleting(before, &session.program)?;
    }
    let spec = wanted_spec(&name, &request, before.as_ref(), &session.program)?;
    let environment = match before {
        None => make(session, &name, &spec, output).await?,
        Some(before) => change(session, &before, &spec, output).await?,
    };
    let format = arguments.printed.format;
    if arguments.detach {
        return detached(session, &environment, format, output);
    }
    let waited = wait::until(session, &environment, timeout, Goal::Everything, output).await?;
    let exit = finish(session, &name, waited, format, output).await?;
    if exit != Exit::Done || (source.is_none() && ops.is_none()) {
        return Ok(exit);
    }
    let environment = environment::find(session, &name).await?;
    let format = if format == Format::Yaml { Format::Json } else { format };
    let how = How { format, ..How::default() };
    match (source, ops) {
        (Some(source), _) => live::follow_code(session, &environment, source, how, output).await,
        (None, Some(tree)) => {
            live::follow_ops(session, &environment, &tree, &arguments.services, how, output).await
        }
        (None, None) => Ok(exit),
    }
}

/// The environment of that name, if there is one.
pub async fn environment_of_that_name(
    session: &Session,
    name: &str,
) -> anyhow::Result<Option<DevEnvironment>> {
    use crate::api_error::Attempted as _;
    session.environments().get_opt(name).await.attempted(format!("read environment {name}"))
}

async fn make(
    session: &Session,
    name: &str,
    spec: &DevEnvironmentSpec,
    output: &mut Output,
) -> anyhow::Result<DevEnvironment> {
    let made = write::apply(session, &Declared { name, spec, made_by: MADE_BY, before: None }).await?;
    output.say(&format!("environment {name} made"));
    Ok(made)
}

/// Changes the spec where that is this program's to do, and starts again what had ended.
async fn change(
    session: &Session,
    before: &DevEnvironment,
    spec: &DevEnvironmentSpec,
    output: &mut Output,
) -> anyhow::Result<DevEnvironment> {
    let name = before.name_any();
    let mut annotations = change::resumption(before, Timestamp::now());
    if *spec != before.spec {
        refuse_foreign(session, before, spec).await?;
        let declared = Declared { name: &name, spec, made_by: MADE_BY, before: Some(before) };
        let changed = write::apply(session, &declared).await?;
        output.say(&format!("environment {name} changed"));
        if annotations.is_empty() {
            return Ok(changed);
        }
    }
    let resumed = if annotations.is_empty() { "as it was" } else { "started again" };
    annotations.push((names::REQUESTED_AT, Some(write::now())));
    let annotated = write::annotate(session, before, annotations).await?;
    output.say(&format!("environment {name} {resumed}"));
    Ok(annotated)
}

async fn refuse_foreign(
    session: &Session,
    before: &DevEnvironment,
    spec: &DevEnvironmentSpec,
) -> anyhow::Result<()> {
    let origin = environment::origin(before);
    if origin == Origin::CommandLine {
        return Ok(());
    }
    let sync = match &origin {
        // Only to say where: it is no reason to fail that it cannot be read.
        Origin::Git(name) => session.in_namespace::<GitSync>().get_opt(name).await.ok().flatten(),
        _ => None,
    };
    let yaml = objects::yaml(&write::document(&before.name_any(), spec)?)?;
    anyhow::bail!(change::refusal(before, &origin, sync.as_ref(), &yaml, &session.program))
}

fn detached(
    session: &Session,
    environment: &DevEnvironment,
    format: Format,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    match format {
        Format::Text => {
            let (name, program) = (environment.name_any(), &session.program);
            writeln!(output.stdout, "{name} starts; watch it: {program} status {name} --watch")?;
        }
        Format::Json | Format::Yaml => objects::write(&mut *output.stdout, format, environment)?,
    }
    Ok(Exit::Done)
}

async fn finish(
    session: &Session,
    name: &str,
    waited: Waited,
    format: Format,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let program = &session.program;
    match waited {
        Waited::Arrived(environment) if format == Format::Text => {
            let ports = ports(session, &environment).await;
            let text = ready::ready(&environment, &ports, program, Timestamp::now(), output.colours);
            write!(output.stdout, "{text}")?;
            Ok(Exit::Done)
        }
        Waited::Arrived(environment) => {
            objects::write(&mut *output.stdout, format, &environment)?;
            Ok(Exit::Done)
        }
        other => other.told(name, "starting", program, output),
    }
}

/// The ports of its services, as far as they may be seen.
async fn ports(session: &Session, environment: &DevEnvironment) -> ready::Ports {
    let Some(namespace) = environment::namespace(environment) else { return ready::Ports::new() };
    let services: Api<Service> = Api::namespaced(session.client.clone(), namespace);
    let listed = services.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default();
    let ports = |service: &Service| {
        let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        ports.map(|port| port.port).collect()
    };
    listed.iter().map(|service| (service.name_any(), ports(service))).collect()
}
