//! `slipway-images`: makes the images of the operator and of the agent and pushes them anywhere.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use slipway_images::{Credentials, Image, Reference, Registry, agent_image, operator_image};

/// Makes OCI images without Docker and pushes them to a registry.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Push the image of the operator, of the agent, or both.
    Push {
        /// Registry, with a path if it has one. Example: registry.example.com/platform
        #[arg(long)]
        registry: String,
        /// Tag of the images.
        #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
        tag: String,
        /// The program to put into the image; without it, the one that cargo built beside this one.
        #[arg(long)]
        binary: Option<PathBuf>,
        /// Speak HTTP instead of HTTPS; loopback registries are always spoken to that way.
        #[arg(long)]
        plain_http: bool,
        /// What to push.
        #[arg(required = true)]
        programs: Vec<Program>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Program {
    /// slipway-controller, run by manifests/install.yaml.
    Operator,
    /// slipway-agent, copied into the containers of services.
    Agent,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Operator => "slipway-controller",
            Self::Agent => "slipway-agent",
        }
    }

    fn image(self, binary: &Path) -> Result<Image, slipway_images::ImageError> {
        match self {
            Self::Operator => operator_image(binary),
            Self::Agent => agent_image(binary),
        }
    }

    /// The static agent is built with `--target`, so it is in a folder of its own.
    fn built_beside(self, me: &Path) -> Result<PathBuf> {
        let profile = me.parent().context("this program is in no directory")?;
        let name = profile.file_name().context("this program is in no build directory")?;
        let target = profile.parent().context("this program is in no build directory")?;
        let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        Ok(match self {
            Self::Operator => profile.join(self.name()),
            Self::Agent => target.join(host).join(name).join(self.name()),
        })
    }
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
    let Action::Push { registry, tag, binary, plain_http, programs } = action;
    for program in programs {
        let target = Registry::reference(&format!("{registry}/{}:{tag}", program.name()))?;
        let binary = binary.clone().map_or_else(|| program.built_beside(&std::env::current_exe()?), Ok)?;
        let digest = push(program, &binary, &target, plain_http).await?;
        println!("{target}@{digest}");
    }
    Ok(())
}

async fn push(program: Program, binary: &Path, target: &Reference, plain_http: bool) -> Result<String> {
    let image = program.image(binary)?;
    let host = target.resolve_registry().to_owned();
    let plain = if plain_http || is_loopback(&host) { vec![host] } else { Vec::new() };
    let registry = Registry::new(plain, Credentials::of_this_machine(target));
    if registry.digest(target).await?.is_some_and(|digest| digest == image.digest()) {
        return Ok(image.digest());
    }
    Ok(registry.push(&image, target).await?)
}

fn is_loopback(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
