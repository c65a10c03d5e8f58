//! `slipway plan`: what would change, before it does. The operator is asked, which answers from the code that would do it.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentSpec, Fleet, GitSync, ServiceRepo};
use slipway_plan::gitsync::files::{self, Content, File, Home};
use slipway_plan::gitsync::kinds::Kinds;
use slipway_plan::object::Object;
use slipway_plan::preview::{Preview, Question};

use crate::api_error::Attempted as _;
use crate::args::{Format, Plan};
use crate::ask::Operator;
use crate::connect::Session;
use crate::exit::{Exit, Usage};
use crate::output::{Output, objects, preview};
use crate::request::Request;
use crate::{start, write};

/// Asks for it.
pub async fn run(session: &Session, arguments: &Plan, output: &mut Output) -> anyhow::Result<Exit> {
    let objects = asked(session, arguments).await?;
    let operator = Operator::of(session).await?;
    let mut planned = Vec::new();
    for object in objects {
        let question = Question { object, commit: arguments.commit.clone(), files: None };
        planned.push(operator.ask(&question).await?);
    }
    match arguments.printed.format {
        Format::Text => {
            planned
                .iter()
                .try_for_each(|one| write!(output.stdout, "{}", preview::text(one, output.colours)))?;
        }
        format => objects::write(&mut *output.stdout, format, &planned)?,
    }
    Ok(if planned.iter().all(Preview::is_possible) { Exit::Done } else { Exit::Failed })
}

/// What the operator is asked about, as it would be.
async fn asked(session: &Session, arguments: &Plan) -> anyhow::Result<Vec<Value>> {
    let target = arguments.target.as_str();
    let objects = match target.split_once('/') {
        _ if is_file(target) => {
            refuse_flags(arguments)?;
            read(session, target).await?
        }
        Some((kind, name)) if kind_of(kind)? != Kind::DevEnvironment => {
            refuse_flags(arguments)?;
            vec![existing(session, kind_of(kind)?, name).await?]
        }
        Some((_, name)) => vec![named(session, name, arguments).await?],
        None => vec![named(session, target, arguments).await?],
    };
    if arguments.commit.is_some() && objects.iter().any(|object| object["kind"] != "GitSync") {
        return Err(Usage(
            "--commit is for a GitSync: gitsync/NAME; the commit of a service is --branch SERVICE=SHA"
                .to_owned(),
        )
        .into());
    }
    Ok(objects)
}

fn is_file(target: &str) -> bool {
    let extension = Path::new(target).extension();
    target == "-" || extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Services and flags change an environment that is named.
fn refuse_flags(arguments: &Plan) -> anyhow::Result<()> {
    if Request::parse(&arguments.services, &arguments.wanted)? == Request::default() {
        return Ok(());
    }
    Err(Usage("services and flags go with the name of an environment; a file says it all".to_owned()).into())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    DevEnvironment,
    Fleet,
    GitSync,
    ServiceRepo,
}

/// As kubectl takes them.
fn kind_of(text: &str) -> Result<Kind, Usage> {
    match text.to_lowercase().trim_end_matches('s') {
        "devenvironment" | "denv" | "environment" => Ok(Kind::DevEnvironment),
        "fleet" => Ok(Kind::Fleet),
        "gitsync" => Ok(Kind::GitSync),
        "servicerepo" | "srepo" => Ok(Kind::ServiceRepo),
        _ => Err(Usage(format!(
            "`{text}` is no kind that is planned: devenvironment, fleet, servicerepo and gitsync are; the name of a file ends in .yaml"
        ))),
    }
}

async fn existing(session: &Session, kind: Kind, name: &str) -> anyhow::Result<Value> {
    match kind {
        Kind::DevEnvironment => get::<DevEnvironment>(session, name).await,
        Kind::Fleet => get::<Fleet>(session, name).await,
        Kind::GitSync => get::<GitSync>(session, name).await,
        Kind::ServiceRepo => get::<ServiceRepo>(session, name).await,
    }
}

async fn get<K>(session: &Session, name: &str) -> anyhow::Result<Value>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize,
{
    let kind = K::kind(&());
    let found = session.in_namespace::<K>().get_opt(name).await.attempted(format!("read {kind} {name}"))?;
    let missing = || Usage(format!("there is no {kind} {name} in namespace {}", session.namespace));
    let mut found = found.ok_or_else(missing)?;
    found.meta_mut().managed_fields = None;
    Ok(serde_json::to_value(found)?)
}

/// The objects of a file, as the operator would see them.
async fn read(session: &Session, file: &str) -> anyhow::Result<Vec<Value>> {
    let mut objects = Vec::new();
    for object in parse(file, content(file)?, &session.namespace)? {
        objects.push(if object.key.kind == "DevEnvironment" {
            let spec: DevEnvironmentSpec = serde_json::from_value(object.body["spec"].clone())?;
            serde_json::to_value(in_place(session, &object.key.name, spec).await?)?
        } else {
            object.body.into()
        });
    }
    Ok(objects)
}

fn content(file: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match file {
        "-" => std::io::stdin().read_to_end(&mut bytes).map(drop),
        file => std::fs::read(file).map(|read| bytes = read),
    }
    .with_context(|| {
        format!("{file} cannot be read: name a file that is there, or the name of an environment")
    })?;
    Ok(bytes)
}

/// A file's objects; what a `GitSync` would refuse is refused here, in the same words.
fn parse(file: &str, bytes: Vec<u8>, namespace: &str) -> anyhow::Result<Vec<Object>> {
    let files = [File { path: file.to_owned(), content: Content::Bytes(bytes) }];
    let reading = files::read(&files, &Home { namespace, name: "", uid: "", kinds: &Kinds::own() });
    if !reading.mistakes.is_empty() {
        let mistakes: Vec<_> = reading.mistakes.iter().map(|mistake| mistake.error.to_string()).collect();
        anyhow::bail!(mistakes.join("\n"));
    }
    if reading.objects.is_empty() {
        anyhow::bail!("{file}: nothing is declared in it");
    }
    Ok(reading.objects)
}

/// The environment of that name, with what is asked for added.
async fn named(session: &Session, name: &str, arguments: &Plan) -> anyhow::Result<Value> {
    let request = Request::parse(&arguments.services, &arguments.wanted)?;
    let before = start::environment_of_that_name(session, name).await?;
    let spec = start::wanted_spec(name, &request, before.as_ref(), &session.program)?;
    Ok(serde_json::to_value(in_place(session, name, spec).await?)?)
}

/// The environment as it would be: what there is of it, with that spec.
async fn in_place(session: &Session, name: &str, spec: DevEnvironmentSpec) -> anyhow::Result<DevEnvironment> {
    let before = start::environment_of_that_name(session, name).await?;
    let mut environment = match before {
        Some(before) => DevEnvironment { spec, ..before },
        None => serde_json::from_value(write::document(name, &spec)?)?,
    };
    environment.metadata.namespace = Some(session.namespace.clone());
    environment.metadata.managed_fields = None;
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_from_a_name() {
        assert!(is_file("environments/demo.yaml") && is_file("-"));
        assert!(!is_file("demo") && !is_file("gitsync/fleet"));
    }

    #[test]
    fn kinds_are_named_as_kubectl_takes_them() {
        for (text, kind) in [
            ("gitsync", Kind::GitSync),
            ("GitSync", Kind::GitSync),
            ("fleets", Kind::Fleet),
            ("srepo", Kind::ServiceRepo),
            ("denv", Kind::DevEnvironment),
        ] {
            assert_eq!(kind_of(text).unwrap(), kind, "{text}");
        }
        assert!(kind_of("environments").is_ok() && kind_of("pod").is_err());
    }

    #[test]
    fn mistakes_in_a_file_are_told_with_their_place() {
        let mistake = |text: &str| parse("e.yaml", text.into(), "fleet").unwrap_err().to_string();
        let head = "apiVersion: slipway.dev/v1alpha1\nkind: DevEnvironment\nmetadata: {name: demo}\n";
        assert!(mistake(&format!("{head}spec:\n  servces: [www]\n")).starts_with("e.yaml:5:3: "));
        assert!(mistake(&format!("{head}sepc: {{}}\n")).starts_with("e.yaml:4:1: "));
        assert_eq!(mistake(""), "e.yaml: nothing is declared in it");
    }

    #[test]
    fn a_file_may_hold_several_objects() {
        let one = |kind: &str, name: &str, spec: &str| {
            format!(
                "---\napiVersion: slipway.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
            )
        };
        let all = one("DevEnvironment", "b", "profile: p")
            + &one("Fleet", "f", "registry: r")
            + &one("DevEnvironment", "a", "profile: p");
        let all = parse("e.yaml", all.into(), "fleet").unwrap();
        assert_eq!(all.iter().map(|object| object.key.name.as_str()).collect::<Vec<_>>(), ["f", "a", "b"]);
    }
}
