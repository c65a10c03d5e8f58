//! `slipway keep`: an environment outlives its `ttl`. It is an annotation, so it works for environments from git, too.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, EndReason};
use slipway_plan::duration;

use crate::args::{Format, Keep};
use crate::connect::Session;
use crate::environment::{self, State};
use crate::exit::Exit;
use crate::output::{Output, elapsed, objects};
use crate::write;

/// Asks for it.
pub async fn run(session: &Session, arguments: &Keep, output: &mut Output) -> anyhow::Result<Exit> {
    let name = arguments.name.clone().map_or_else(environment::own_name, Ok)?;
    let environment = environment::find(session, &name).await?;
    write::refuse_deleting(&environment, &session.program)?;
    let until = until(&environment, duration::parse(&arguments.duration)?, Timestamp::now());
    let text = Some(elapsed::moment(until));
    let kept = write::annotate(session, &environment, vec![(names::KEEP_UNTIL, text)]).await?;
    match arguments.printed.format {
        Format::Text => writeln!(output.stdout, "{}", told(&environment, until, &session.program))?,
        format => objects::write(&mut *output.stdout, format, &kept)?,
    }
    Ok(Exit::Done)
}

/// Until when it is kept: that long from now, and no shorter than somebody asked for before.
fn until(environment: &DevEnvironment, duration: SignedDuration, now: Timestamp) -> Timestamp {
    let asked = now.saturating_add(duration).unwrap_or(Timestamp::MAX);
    environment::kept_until(environment).map_or(asked, |before| before.max(asked))
}

fn told(environment: &DevEnvironment, until: Timestamp, program: &str) -> String {
    let (name, until) = (environment.name_any(), elapsed::moment(until));
    match environment::state(environment) {
        State::Ended(EndReason::Expired) => format!("{name} starts again, and is kept until {until}"),
        State::Ended(EndReason::Finished) => {
            format!(
                "{name} is a finished integration run: its result stays, but nothing runs that could be kept"
            )
        }
        State::Ended(EndReason::Stopped) | State::Stopping => {
            format!("{name} is stopped; once started, it is kept until {until}: {program} start --env {name}")
        }
        _ if environment.spec.ttl.is_none() => {
            format!("{name} has no ttl: it runs until it is stopped, anyway")
        }
        _ => format!("{name} is kept until {until}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn environment(annotations: &Value, spec: &Value, status: &Value) -> DevEnvironment {
        serde_json::from_value(json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment",
            "metadata": {"name": "demo", "annotations": annotations}, "spec": spec, "status": status}))
        .unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn it_never_shortens() {
        let (now, hour) = (at("2026-11-22T10:00:00Z"), SignedDuration::from_hours(1));
        let (spec, status) = (json!({"services": ["www"]}), json!({}));
        assert_eq!(until(&environment(&json!({}), &spec, &status), hour, now), at("2026-11-22T11:00:00Z"));
        let kept = json!({"slipway.dev/keep-until": "2026-11-23T10:00:00Z"});
        assert_eq!(until(&environment(&kept, &spec, &status), hour, now), at("2026-11-23T10:00:00Z"));
    }

    #[test]
    fn what_it_means_depends_on_how_it_stands() {
        let moment = at("2026-11-22T11:00:00Z");
        let with_ttl = json!({"services": ["www"], "ttl": "8h"});
        let ended = |reason: &str| json!({"ended": {"reason": reason, "at": "2026-11-22T10:00:00Z", "generation": 1}});
        let told =
            |spec: &Value, status: &Value| told(&environment(&json!({}), spec, status), moment, "slipway");
        assert_eq!(told(&with_ttl, &json!({})), "demo is kept until 2026-11-22T11:00:00Z");
        assert!(told(&json!({"services": ["www"]}), &json!({})).contains("has no ttl"));
        assert!(told(&with_ttl, &ended("Expired")).contains("starts again"));
        assert!(told(&with_ttl, &ended("Stopped")).ends_with("slipway start --env demo"));
        assert!(told(&with_ttl, &ended("Finished")).contains("nothing runs"));
    }
}
