//! `slipway plan`: what would change, before it does. The operator is asked, which answers from the code that would do it.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use http::Request as HttpRequest;
use kube::ResourceExt as _;
use serde::{Deserialize, Serialize};
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentSpec};
use slipway_plan::gitsync::files::{self, Content, File, Home};
use slipway_plan::gitsync::kinds::Kinds;
use slipway_plan::object::Object;

use crate::api_error::ApiError;
use crate::args::{Format, Plan};
use crate::connect::Session;
use crate::exit::{Exit, Usage};
use crate::output::{Output, colours::Colours, objects};
use crate::request::Request;
use crate::{start, write};

/// Where the operator answers: namespace, Service and name of its port.
const OPERATOR: (&str, &str, &str) = ("slipway-system", "slipway-controller", "http");

/// What the operator says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Answer {
    /// Why it cannot be done.
    #[serde(default)]
    problems: Vec<String>,
    /// What would be done, in order.
    #[serde(default)]
    steps: Vec<String>,
    /// What it would wait for.
    #[serde(default)]
    waits: Vec<String>,
}

/// An environment and what would change.
#[derive(Serialize)]
struct Planned {
    environment: String,
    #[serde(flatten)]
    answer: Answer,
}

/// Asks for it.
pub async fn run(session: &Session, arguments: &Plan, output: &mut Output) -> anyhow::Result<Exit> {
    let environments = if is_file(&arguments.target) {
        read(session, arguments).await?
    } else {
        vec![named(session, arguments).await?]
    };
    let mut planned = Vec::new();
    for environment in environments {
        let answer = ask(session, &environment).await?;
        planned.push(Planned { environment: environment.name_any(), answer });
    }
    match arguments.printed.format {
        Format::Text => {
            planned.iter().try_for_each(|one| write!(output.stdout, "{}", text(one, output.colours)))?;
        }
        format => objects::write(&mut *output.stdout, format, &planned)?,
    }
    let possible = planned.iter().all(|one| one.answer.problems.is_empty());
    Ok(if possible { Exit::Done } else { Exit::Failed })
}

fn is_file(target: &str) -> bool {
    let extension = Path::new(target).extension();
    target == "-" || extension.is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The environments of a file, as the operator would see them.
async fn read(session: &Session, arguments: &Plan) -> anyhow::Result<Vec<DevEnvironment>> {
    if Request::parse(&arguments.services, &arguments.wanted)? != Request::default() {
        return Err(Usage(
            "services and flags go with the name of an environment; a file says it all".to_owned(),
        )
        .into());
    }
    let mut environments = Vec::new();
    for (name, spec) in parse(&arguments.target, content(&arguments.target)?, &session.namespace)? {
        environments.push(in_place(session, &name, spec).await?);
    }
    Ok(environments)
}

fn content(file: &str) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match file {
        "-" => std::io::stdin().read_to_end(&mut bytes).map(drop),
        file => std::fs::read(file).map(|read| bytes = read),
    }
    .with_context(|| format!("failed to read {file}"))?;
    Ok(bytes)
}

/// Names and specs of a file's environments; what a `GitSync` would refuse is refused here, in the same words.
fn parse(file: &str, bytes: Vec<u8>, namespace: &str) -> anyhow::Result<Vec<(String, DevEnvironmentSpec)>> {
    let files = [File { path: file.to_owned(), content: Content::Bytes(bytes) }];
    let reading = files::read(&files, &Home { namespace, name: "", uid: "", kinds: &Kinds::own() });
    if !reading.mistakes.is_empty() {
        let mistakes: Vec<_> = reading.mistakes.iter().map(|mistake| mistake.error.to_string()).collect();
        anyhow::bail!(mistakes.join("\n"));
    }
    if let Some(other) = reading.objects.iter().find(|object| object.key.kind != "DevEnvironment") {
        anyhow::bail!("{file}: only DevEnvironments are planned, and it has {}", other.key);
    }
    if reading.objects.is_empty() {
        anyhow::bail!("{file}: there is no DevEnvironment in it");
    }
    let spec = |object: &Object| {
        anyhow::Ok((object.key.name.clone(), serde_json::from_value(object.body["spec"].clone())?))
    };
    reading.objects.iter().map(spec).collect()
}

/// The environment of that name, with what is asked for added.
async fn named(session: &Session, arguments: &Plan) -> anyhow::Result<DevEnvironment> {
    let request = Request::parse(&arguments.services, &arguments.wanted)?;
    let before = start::environment_of_that_name(session, &arguments.target).await?;
    let spec = start::wanted_spec(&arguments.target, &request, before.as_ref(), &session.program)?;
    in_place(session, &arguments.target, spec).await
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

async fn ask(session: &Session, environment: &DevEnvironment) -> anyhow::Result<Answer> {
    let (namespace, service, port) = OPERATOR;
    let path = format!(
        "/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy/v1/plan/{}",
        session.namespace
    );
    let request = HttpRequest::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(serde_json::to_vec(environment)?)?;
    session.client.request(request).await.map_err(unreachable)
}

/// The operator is reached through the API server: tells which of the two is in the way.
fn unreachable(error: kube::Error) -> anyhow::Error {
    let (namespace, service, _) = OPERATOR;
    match &error {
        kube::Error::Api(status) if status.code == 404 => anyhow::anyhow!(
            "the operator cannot be asked: there is no Service {service} in namespace {namespace}, or it is too old to plan\n  \
             install it: kubectl apply -f manifests/install.yaml"
        ),
        kube::Error::Api(status) if matches!(status.code, 500 | 502 | 503 | 504) => anyhow::anyhow!(
            "the operator cannot be asked: {}\n  does it run? kubectl -n {namespace} get deployment,pods",
            status.message
        ),
        _ => ApiError::new("ask the operator for a plan".to_owned(), error).into(),
    }
}

fn text(planned: &Planned, colours: Colours) -> String {
    let Planned { environment, answer: Answer { problems, steps, waits } } = planned;
    let head = match (problems.is_empty(), steps.len()) {
        (false, _) => "it cannot be done".to_owned(),
        (true, 0) => "nothing would change".to_owned(),
        (true, 1) => "1 step".to_owned(),
        (true, count) => format!("{count} steps"),
    };
    let waits = waits.iter().filter(|wait| is_worth_saying(wait, problems));
    let waits = waits.map(|wait| format!("  {} {wait}\n", colours.waiting("waits for")));
    let problems = problems.iter().map(|problem| format!("  {} {problem}\n", colours.bad("✗")));
    let steps = steps.iter().map(|step| format!("  {step}\n"));
    let head = format!("{}: {head}\n", colours.bold(environment));
    std::iter::once(head).chain(problems).chain(steps).chain(waits).collect()
}

/// What has to start is waited for anyway, and a problem is told as one.
fn is_worth_saying(wait: &str, problems: &[String]) -> bool {
    !wait.ends_with(" is starting") && !problems.iter().any(|problem| wait.contains(problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(list: &[&str]) -> Vec<String> {
        list.iter().map(|&line| line.to_owned()).collect()
    }

    fn told(answer: Answer) -> String {
        text(&Planned { environment: "demo".to_owned(), answer }, Colours::default())
    }

    #[test]
    fn a_plan_is_its_steps_and_what_it_waits_for() {
        assert_eq!(told(Answer::default()), "demo: nothing would change\n");
        let answer = Answer {
            steps: lines(&["+ Service env/www"]),
            waits: lines(&["service www: image r/www:3f2c does not exist yet", "local: local is starting"]),
            ..Answer::default()
        };
        let expected = "demo: 1 step\n  + Service env/www\n  waits for service www: image r/www:3f2c does not exist yet\n";
        assert_eq!(told(answer), expected);
    }

    #[test]
    fn a_problem_is_told_once() {
        let problem = "there is no ServiceRepo wwww";
        let answer = Answer {
            problems: lines(&[problem]),
            waits: lines(&[&format!("demo: {problem}")]),
            ..Answer::default()
        };
        assert_eq!(told(answer), format!("demo: it cannot be done\n  ✗ {problem}\n"));
    }

    #[test]
    fn a_file_is_told_from_a_name() {
        assert!(is_file("environments/demo.yaml") && is_file("-"));
        assert!(!is_file("demo"));
    }

    #[test]
    fn mistakes_in_a_file_are_told_with_their_place() {
        let mistake = |text: &str| parse("e.yaml", text.into(), "fleet").unwrap_err().to_string();
        let head = "apiVersion: slipway.dev/v1alpha1\nkind: DevEnvironment\nmetadata: {name: demo}\n";
        assert!(mistake(&format!("{head}spec:\n  servces: [www]\n")).starts_with("e.yaml:5:3: "));
        assert!(mistake(&format!("{head}sepc: {{}}\n")).starts_with("e.yaml:4:1: "));
        let fleet =
            "apiVersion: slipway.dev/v1alpha1\nkind: Fleet\nmetadata: {name: f}\nspec: {registry: r}\n";
        assert_eq!(mistake(fleet), "e.yaml: only DevEnvironments are planned, and it has Fleet fleet/f");
        assert_eq!(mistake(""), "e.yaml: there is no DevEnvironment in it");
    }

    #[test]
    fn a_file_may_hold_several_environments() {
        let one = |name| {
            let head = "---\napiVersion: slipway.dev/v1alpha1\nkind: DevEnvironment";
            format!("{head}\nmetadata: {{name: {name}}}\nspec: {{profile: p}}\n")
        };
        let both = parse("e.yaml", (one("a") + &one("b")).into(), "fleet").unwrap();
        assert_eq!(both.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "b"]);
    }
}
