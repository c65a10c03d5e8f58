//! `slipway-faults`: the whole suite, one run again, and the operator that is killed.

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use slipway_controller::run;
use slipway_controller::settings::Settings;
use slipway_faults::lie::Lie;
use slipway_faults::suite::{self, Share, Trouble, When};
use slipway_faults::world::World;
use slipway_faults::{report, scenario};

/// Kills the operator at every write, and lies to it.
#[derive(Debug, Parser)]
#[command(name = "slipway-faults")]
enum Command {
    /// Kills the operator before and after every write of every scenario, and tells it every lie.
    Crash {
        /// Only this scenario.
        #[arg(long)]
        scenario: Option<String>,
        /// Runs at once.
        #[arg(long, env = "SLIPWAY_FAULT_PARALLEL", default_value_t = 6)]
        parallel: usize,
        /// Document that gets the table.
        #[arg(long)]
        document: Option<std::path::PathBuf>,
    },
    /// Repeats one run, as the suite printed it.
    Replay {
        /// Scenario.
        scenario: String,
        /// What goes wrong.
        #[command(subcommand)]
        trouble: Replayed,
    },
    /// The operator itself, as a process that can be killed.
    Operator(Box<Settings>),
}

/// Nobody writes to this process: what it reads from ends when the one who started it is gone.
fn end_with_parent() {
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    std::process::exit(1);
}

/// What goes wrong in a run that is repeated.
#[derive(Debug, clap::Subcommand)]
enum Replayed {
    /// The operator is killed.
    Kill {
        /// Before or after the write.
        when: When,
        /// The write, as JSON.
        point: String,
    },
    /// The operator is lied to.
    Lie {
        /// The lie.
        name: String,
    },
}

impl Replayed {
    fn trouble(&self) -> Result<Trouble> {
        Ok(match self {
            Self::Kill { when, point } => {
                Trouble::Kill(*when, serde_json::from_str(point).context("that is no write")?)
            }
            Self::Lie { name } => Trouble::Lie(Lie::named(name).context("there is no such lie")?),
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let program = std::env::current_exe()?;
    match Command::parse() {
        Command::Operator(settings) => {
            std::thread::spawn(end_with_parent);
            run::main(*settings).await
        }
        Command::Crash { scenario, parallel, document } => {
            let scenarios = match scenario {
                Some(name) => vec![scenario::named(&name).context("there is no such scenario")?],
                None => scenario::all(),
            };
            let world = World::start(&program).await?;
            let tried = suite::try_all(&world, &scenarios, Share { rest: 0, of: 1 }, parallel).await?;
            print!("{}", report::table(&tried));
            if let Some(document) = document {
                report::write(&document, &tried)?;
            }
            match suite::failures(&tried).len() {
                0 => Ok(()),
                failed => bail!("{failed} runs went wrong"),
            }
        }
        Command::Replay { scenario, trouble } => {
            let world = World::start(&program).await?;
            let outcome = suite::replay(&world, &scenario, trouble.trouble()?).await?;
            if !outcome.reached {
                bail!("the run did not come by that");
            }
            if outcome.wrong.is_empty() { Ok(()) } else { bail!("it went wrong again") }
        }
    }
}
