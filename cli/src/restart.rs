//! `slipway restart`: new pods of the same commit. It is an annotation, so it works for environments from git, too.

use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::environment::restart;

use crate::args::{Format, Restart};
use crate::connect::Session;
use crate::environment::{self, State};
use crate::exit::{Exit, Usage};
use crate::output::{Output, objects};
use crate::start::wait::{self, Goal, Waited};
use crate::write;

/// Asks for it, and shows how the new pods come up.
pub async fn run(session: &Session, arguments: &Restart, output: &mut Output) -> anyhow::Result<Exit> {
    let timeout = arguments.timeout.as_deref().map(slipway_plan::duration::parse).transpose()?;
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    write::refuse_deleting(&environment, &session.program)?;
    refuse(&environment, &arguments.services, &session.program)?;
    let now = write::now();
    let keys: Vec<_> = arguments.services.iter().map(|service| restart::annotation(service)).collect();
    let annotations = keys.iter().map(String::as_str).chain([names::REQUESTED_AT]);
    let annotations = annotations.map(|key| (key, Some(now.clone()))).collect();
    let asked = write::annotate(session, &environment, annotations).await?;
    let format = arguments.printed.format;
    let (name, program) = (environment.name_any(), &session.program);
    let services = arguments.services.join(", ");
    if arguments.detach {
        let told = format!("{services} restarts; watch it: {program} status {name} --watch");
        return tell(&asked, &told, format, output);
    }
    output.say(&format!("{services} of {name} restarts"));
    let goal = Goal::Services(&arguments.services);
    match wait::until(session, &asked, timeout, goal, output).await? {
        Waited::Arrived(environment) => {
            let told = output.colours.good(&format!("✓ {services} of {name} restarted"));
            tell(&environment, &told, format, output)
        }
        other => other.told(&name, "restarting", program, output),
    }
}

fn tell(
    environment: &DevEnvironment,
    told: &str,
    format: Format,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    match format {
        Format::Text => writeln!(output.stdout, "{told}")?,
        format => objects::write(&mut *output.stdout, format, environment)?,
    }
    Ok(Exit::Done)
}

/// Where nothing runs that could be restarted, it says so, and asks for nothing.
fn refuse(environment: &DevEnvironment, services: &[String], program: &str) -> Result<(), Usage> {
    let name = environment.name_any();
    if let Some(run) = &environment.spec.integration {
        let (service, commit) = (&run.service, &run.commit);
        return Err(Usage(format!(
            "{name} is an integration run: a restart would change its result\n  \
             run it anew: {program} test {service} --commit {commit} --again"
        )));
    }
    if let State::Ended(_) | State::Stopping = environment::state(environment) {
        return Err(Usage(format!("{name} does not run\n  start it: {program} start --env {name}")));
    }
    environment::refuse_unknown(environment, services, &[], program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn environment(spec: &Value, status: &Value) -> DevEnvironment {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "demo"}, "spec": spec, "status": status}))
        .unwrap()
    }

    fn refusal(spec: &Value, status: &Value, service: &str) -> String {
        refuse(&environment(spec, status), &[service.to_owned()], "slipway").unwrap_err().0
    }

    #[test]
    fn what_does_not_run_is_not_restarted() {
        let spec = json!({"services": ["www"]});
        let lock = json!([{"service": "www", "why": "w", "ready": true}]);
        assert_eq!(
            refusal(&spec, &json!({"lock": lock}), "api"),
            "demo does not run api; it runs: www\n  add it: slipway start api --env demo"
        );
        let ended = json!({"ended": {"reason": "Stopped", "at": "2026-11-22T10:00:00Z", "generation": 1}});
        assert!(refusal(&spec, &ended, "www").ends_with("slipway start --env demo"));
        let run = json!({"integration": {"service": "www", "commit": "3f2c"}});
        assert!(refusal(&run, &json!({}), "www").ends_with("slipway test www --commit 3f2c --again"));
    }
}
