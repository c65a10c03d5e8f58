//! `slipway-bench`: how long the operator takes, beside what the API server can do at all and beside kubectl.
//!
//! Needs the operator built in the same profile, beside this program: `make bench` builds both.

mod applications;
mod builds;
mod document;
mod environments;
mod figure;
mod fleet;
mod git_sync;
mod kubectl;
mod loader;
mod operator;
mod pods;
mod process;
mod requests;
mod rest;
mod rounds;
mod serve;
mod world;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use figure::Section;

/// Measures Slipway's operator on clusters of its own, and writes what it found into a document.
#[derive(Debug, Parser)]
#[command(name = "slipway-bench")]
enum Command {
    /// Measures.
    Run(Run),
    /// Answers on a port for ever: what the services of the measurements run.
    Serve {
        /// Port.
        #[arg(long, default_value_t = 80)]
        port: u16,
    },
}

#[derive(Debug, clap::Args)]
struct Run {
    /// Smaller and shorter, for developing: the figures are not to be quoted.
    #[arg(long, env = "QUICK", value_parser = clap::builder::FalseyValueParser::new())]
    quick: bool,
    /// Only these parts.
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Document that gets the tables; the JSON goes beside it.
    #[arg(long)]
    document: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Loader, GitSync and kubectl; commits, rest and restart.
    Apply,
    /// One environment of twenty services, to its last object.
    Environment,
    /// Environments on real pods.
    Pods,
    /// Builds, starts and syncs, beside buildah and rsync; both have to be installed.
    Builds,
}

impl Run {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn size(&self) -> rounds::Size {
        if self.quick { rounds::Size::QUICK } else { rounds::Size::FULL }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    match Command::parse() {
        Command::Serve { port } => serve::serve(port).await,
        Command::Run(run) => measure(&run).await,
    }
}

async fn measure(run: &Run) -> Result<()> {
    let mut sections: Vec<Section> = Vec::new();
    if run.wants(Part::Apply) {
        sections.extend(Box::pin(rounds::run(run.size())).await?);
    }
    if run.wants(Part::Environment) {
        sections.push(Box::pin(environments::run(run.size())).await?);
    }
    if run.wants(Part::Pods) {
        sections.push(Box::pin(pods::run(run.size())).await?);
    }
    print!("{}", document::tables(&sections));
    write(run, document::OPERATOR, &sections)?;
    if run.wants(Part::Builds) {
        let sections = Box::pin(builds::run(run.size())).await?;
        print!("{}", document::tables(&sections));
        write(run, document::BUILDS, &sections)?;
    }
    Ok(())
}

/// What was not measured stays as it is in the document.
fn write(run: &Run, place: document::Place, sections: &[Section]) -> Result<()> {
    match &run.document {
        Some(document) if !sections.is_empty() => document::write(document, place, sections, run.quick),
        _ => Ok(()),
    }
}
