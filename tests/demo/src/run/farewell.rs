//! What a person needs to go on from here.

use std::fmt::Write;

use anyhow::Result;
use slipway_crds::v1alpha1::DevEnvironment;

use super::terminal;
use crate::demo::Demo;
use crate::repositories::{FLEET, OPS};

/// URLs of the services, the line for another terminal, and where to clone from and push to.
pub(super) async fn text(demo: &Demo, environment: &DevEnvironment) -> Result<String> {
    let mut text = String::from("\nThe fleet answers on this machine:\n");
    for service in demo.repositories().services() {
        let address = demo.publish(environment, service).await?;
        writeln!(text, "  {service:<12}http://{address}/")?;
    }
    let www = demo.publish(environment, "www").await?;
    writeln!(text, "  try         http://{www}/journey?from=harbour&to=station")?;
    writeln!(text, "\nIn another terminal:\n  {}", terminal::line(demo)?)?;
    writeln!(text, "\nClone, change, push; the environment follows:")?;
    for repository in demo.repositories().services().iter().map(String::as_str).chain([FLEET, OPS]) {
        writeln!(text, "  git clone {}", demo.clone_url(repository))?;
    }
    write!(text, "\nCtrl-C ends it all.")?;
    Ok(text)
}
