//! `slipway doctor`: looks at everything Slipway stands on, and says how to mend what is wrong. Nothing is changed.

mod check;
mod cluster;
mod definitions;
mod environments;
mod fleet;
mod git;
mod nodes;
mod operator;
mod rights;

use slipway_crds::v1alpha1::DevEnvironment;

use crate::args::{Doctor, Format};
use crate::connect::Session;
use crate::exit::Exit;
use crate::output::{Output, objects};
use check::{Check, Verdict};

/// Looks, and tells.
pub async fn run(session: &Session, arguments: &Doctor, output: &mut Output) -> anyhow::Result<Exit> {
    let checks = look(session).await;
    match arguments.printed.format {
        Format::Text => output.stdout.write_all(check::told(&checks, output.colours).as_bytes())?,
        format => objects::write(&mut *output.stdout, format, &checks)?,
    }
    let failed = checks.iter().any(|check| check.verdict == Verdict::Failed);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

async fn look(session: &Session) -> Vec<Check> {
    let mut checks = match cluster::look(session).await {
        Ok(checks) => checks,
        // Nothing else can be known.
        Err(check) => return vec![check],
    };
    let environments = session.environments().list(&kube::api::ListParams::default()).await;
    let environments: Vec<DevEnvironment> = environments.map(|list| list.items).unwrap_or_default();
    let (definitions, operator, rights, nodes, fleet, git) = tokio::join!(
        definitions::look(session),
        operator::look(session),
        rights::look(session, &environments),
        nodes::look(session),
        fleet::look(session, &environments),
        git::look(session),
    );
    checks.extend(definitions);
    checks.push(operator);
    checks.extend([rights, nodes, fleet, git, environments::look(&environments)].concat());
    checks
}
