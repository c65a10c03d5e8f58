//! `slipway-demo`: the fleet, run on the local cluster.

use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use slipway_demo::{End, GitServer, ServiceImages, build_pushed, run};

/// A fleet of real services with their repositories, on a Kubernetes of its own.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start it all and stay until Ctrl-C.
    Run {
        /// Check that the whole fleet works, and end.
        #[arg(long)]
        check: bool,
        /// Keep everything until Ctrl-C when something fails.
        #[arg(long, conflicts_with = "check")]
        keep: bool,
    },
    /// Serve the repositories below a directory over HTTP.
    GitServer {
        /// Address to listen on.
        #[arg(long)]
        listen: SocketAddr,
        /// Directory with the bare repositories.
        #[arg(long)]
        directory: PathBuf,
    },
    /// Build an image for each branch that was pushed; git's post-receive hook, run in the repository.
    BuildImage {
        /// Registry without encryption, as host and port.
        #[arg(long)]
        registry: String,
        /// The image to build on.
        #[arg(long)]
        base: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match act(Arguments::parse().action).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn act(action: Action) -> Result<()> {
    match action {
        Action::Run { check, keep } => Box::pin(run(end(check, keep))).await,
        Action::GitServer { listen, directory } => GitServer::start_at(&directory, listen).await?.run().await,
        Action::BuildImage { registry, base } => {
            let mut pushed = String::new();
            std::io::stdin().read_to_string(&mut pushed).context("git gave no list of branches")?;
            let repository = std::env::current_dir().context("the repository is gone")?;
            build_pushed(&ServiceImages::new(&registry, &base), &repository, &pushed).await
        }
    }
}

fn end(check: bool, keep: bool) -> End {
    match (check, keep) {
        (true, _) => End::Checked,
        (false, true) => End::InterruptedAlone,
        (false, false) => End::Interrupted,
    }
}
