//! `slipway list`: all environments of the namespace.

use jiff::Timestamp;
use kube::ResourceExt as _;
use kube::runtime::watcher;
use slipway_crds::v1alpha1::DevEnvironment;

use crate::api_error::Attempted as _;
use crate::args::{Format, List};
use crate::connect::Session;
use crate::environment::{self, Origin};
use crate::exit::Exit;
use crate::follow::Followed;
use crate::output::{Output, colours::Colours, elapsed, objects, run, table};

/// Prints them.
pub async fn run(session: &Session, arguments: &List, output: &mut Output) -> anyhow::Result<Exit> {
    let format = arguments.printed.format;
    if arguments.watch {
        return watch(session, format, output).await;
    }
    show(session, &environment::list(session).await?, format, output)?;
    Ok(Exit::Done)
}

/// Prints them again whenever one of them changes.
async fn watch(session: &Session, format: Format, output: &mut Output) -> anyhow::Result<Exit> {
    let mut environments = Followed::<DevEnvironment>::new(&session.client, &session.namespace);
    loop {
        match environments.changed().await {
            Ok(()) => {
                let known: Vec<_> = environments.known().values().cloned().collect();
                output.begin_anew(&session.headline(), format)?;
                show(session, &known, format, output)?;
            }
            Err(watcher::Error::InitialListFailed(error)) if is_refused(&error) => {
                return Err(error).attempted("watch the environments");
            }
            Err(error) => output.say(&format!("the API server does not answer, it is asked again: {error}")),
        }
    }
}

/// Whether asking again helps nobody.
fn is_refused(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404))
}

fn show(
    session: &Session,
    environments: &[DevEnvironment],
    format: Format,
    output: &mut Output,
) -> anyhow::Result<()> {
    if format != Format::Text {
        objects::write(&mut *output.stdout, format, &objects::list(environments))?;
    } else if environments.is_empty() {
        output.say(&format!("there are no environments; make one with: {} start SERVICE…", session.program));
    } else {
        output.stdout.write_all(text(environments, Timestamp::now()).as_bytes())?;
    }
    output.stdout.flush()?;
    Ok(())
}

fn text(environments: &[DevEnvironment], now: Timestamp) -> String {
    let heading = ["NAME", "STATE", "SERVICES", "ENDS IN", "AGE", "FROM", "WAITING FOR, OR RESULT"];
    table::table(heading, environments.iter().map(|environment| row(environment, now)).collect())
}

fn row(environment: &DevEnvironment, now: Timestamp) -> [String; 7] {
    let status = environment::status(environment);
    let age = environment.metadata.creation_timestamp.as_ref();
    let ends = status.expires_at.filter(|_| status.ended.is_none());
    let result = status.integration.as_ref().map(|run| run::outcome(run, Colours::default()));
    let wait = status.blocked_by.first().map(|wait| format!("{}: {}", wait.what, wait.message));
    let last = wait.or(result).unwrap_or_default();
    [
        environment.name_any(),
        environment::state(environment).word().to_owned(),
        status.services.unwrap_or_default(),
        ends.map(|at| elapsed::until(at, now)).unwrap_or_default(),
        age.map(|time| elapsed::since(time.0, now)).unwrap_or_default(),
        from(environment),
        last.lines().next().unwrap_or_default().to_owned(),
    ]
}

fn from(environment: &DevEnvironment) -> String {
    match environment::origin(environment) {
        Origin::Git(sync) => format!("git ({sync})"),
        Origin::CommandLine => "slipway".to_owned(),
        Origin::Hand => "hand".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_environment_is_one_line() {
        let kind = ("slipway.dev/v1alpha1", "DevEnvironment");
        let list = json!([
            {"apiVersion": kind.0, "kind": kind.1, "spec": {"profile": "demo"},
                "metadata": {"name": "demo", "labels": {"slipway.dev/gitsync": "fleet"},
                    "creationTimestamp": "2026-11-22T10:00:00Z"},
                "status": {"services": "5/6", "expiresAt": "2026-11-22T18:00:00Z", "blockedBy": [{"what": "service www",
                    "reason": "R", "message": "it crashed\nbadly", "since": "2026-11-22T10:00:00Z"}]}},
            {"apiVersion": kind.0, "kind": kind.1,
                "metadata": {"name": "test-www-3f2c", "annotations": {"slipway.dev/made-by": "slipway test"},
                    "creationTimestamp": "2026-11-22T09:00:00Z"},
                "spec": {"integration": {"service": "www", "commit": "3f2c"}},
                "status": {"ended": {"reason": "Finished", "at": "2026-11-22T10:00:00Z", "generation": 1},
                    "expiresAt": "2026-11-22T18:00:00Z",
                    "integration": {"generation": 1, "step": "Finished", "outcome": "Passed",
                        "since": "2026-11-22T10:00:00Z"}}}
        ]);
        let environments: Vec<DevEnvironment> = serde_json::from_value(list).unwrap();
        let expected = "\
NAME           STATE     SERVICES  ENDS IN  AGE  FROM         WAITING FOR, OR RESULT
demo           Starting  5/6       7h       1h   git (fleet)  service www: it crashed
test-www-3f2c  Finished  -         -        2h   slipway      Passed
";
        assert_eq!(text(&environments, "2026-11-22T11:00:00Z".parse().unwrap()), expected);
    }
}
