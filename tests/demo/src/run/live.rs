//! A live edit: a file is saved in a clone, and the running service answers with it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use slipway_crds::v1alpha1::DevEnvironment;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use super::terminal;
use crate::demo::{Demo, NAMESPACE};
use crate::journey::get;

/// The service whose file is edited.
const SERVICE: &str = "www";
/// The file, and what it says before and while it is edited.
const FILE: &str = "greeting.js";
const BEFORE: &str = "Where to?";
const AFTER: &str = "Where shall we go?";
/// How long an edit, or the first connection, may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Edits a file of a clone that `slipway sync` mirrors, sees it over HTTP, and takes it back: what runs at the end is what git
/// says.
pub(super) async fn edit(demo: &Demo, environment: &DevEnvironment) -> Result<()> {
    let www = demo.publish(environment, SERVICE).await?;
    let folder = tempfile::tempdir()?;
    git2::Repository::clone(&demo.clone_url(SERVICE), folder.path())
        .with_context(|| format!("cannot clone {SERVICE}"))?;
    let mut sync = start(demo, folder.path())?;
    let outcome = Box::pin(follow(&mut sync, folder.path(), www)).await;
    sync.kill().await.context("cannot end slipway sync")?;
    outcome
}

fn start(demo: &Demo, folder: &Path) -> Result<Child> {
    let mut command = terminal::slipway(demo)?;
    command.args(["sync", SERVICE]).arg(folder).args(["--env", NAMESPACE]);
    command.stdout(Stdio::piped());
    command.spawn().context("cannot start slipway sync")
}

async fn follow(sync: &mut Child, folder: &Path, www: SocketAddr) -> Result<()> {
    let said = sync.stdout.take().context("slipway sync has no output")?;
    let mut lines = BufReader::new(said).lines();
    let first = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let first = first.context("slipway sync did not connect")??.context("slipway sync ended")?;
    println!("live: {first}");
    // What it goes on to say is read, so that it is not held up.
    let said = tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            println!("live: {line}");
        }
    });
    let took = save(folder, www, BEFORE, AFTER).await?;
    println!("live: {FILE} saved, and served over HTTP after {took:.2} s: {AFTER}");
    let took = save(folder, www, AFTER, BEFORE).await?;
    println!("live: {FILE} taken back, and served after {took:.2} s: {BEFORE}");
    said.abort();
    Ok(())
}

/// Saves the file with other words; seconds until the page has them.
async fn save(folder: &Path, www: SocketAddr, old: &str, new: &str) -> Result<f64> {
    let path = folder.join(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("{SERVICE} has no {FILE}"))?;
    ensure!(text.contains(old), "{FILE} does not say {old:?}: {text}");
    let begun = Instant::now();
    std::fs::write(&path, text.replace(old, new)).with_context(|| format!("cannot write {FILE}"))?;
    loop {
        match get(www, "/").await {
            Ok(page) if page.contains(new) => return Ok(begun.elapsed().as_secs_f64()),
            _ if begun.elapsed() < PATIENCE => tokio::time::sleep(Duration::from_millis(20)).await,
            Ok(page) => bail!("{FILE} was saved, and the page still says: {page}"),
            Err(error) => {
                return Err(error.context(format!("{FILE} was saved, and {SERVICE} does not answer")));
            }
        }
    }
}
