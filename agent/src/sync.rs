//! The container's end of `slipway sync`: standard input and output are the connection.

use std::fs;
use std::io::{self, Stdout};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use slipway_agent::InitOrder;
use slipway_agent::live::{Answer, Ops, Outgoing, SyncOrder, serve, serve_ops};

use crate::arguments::{self, Task};

/// How often this end says that it is alive.
const BEAT: Duration = Duration::from_secs(5);

/// Serves until the other end is gone.
pub fn sync(order: &SyncOrder) -> anyhow::Result<()> {
    Ok(serve(order, io::stdin().lock(), &beating())?)
}

/// The same for the ops repository of this container; the order of the process that brought it up says where that is, and
/// what is run.
pub fn sync_ops(process: u32) -> anyhow::Result<()> {
    let outgoing = beating();
    match order_of_process(process) {
        Ok(order) => Ok(serve_ops(&Ops::new(order), io::stdin().lock(), &outgoing)?),
        Err(error) => {
            outgoing.say(&Answer::Failed { message: format!("{error:#}") })?;
            Err(error)
        }
    }
}

fn beating() -> Outgoing<Stdout> {
    let outgoing = Outgoing::new(io::stdout());
    let beating = outgoing.clone();
    thread::spawn(move || {
        while beating.beat().is_ok() {
            thread::sleep(BEAT);
        }
        // Nobody reads any more, and standard input may never end: not everything that carries it says so.
        std::process::exit(1);
    });
    outgoing
}

fn order_of_process(process: u32) -> anyhow::Result<InitOrder> {
    let file = format!("/proc/{process}/cmdline");
    let line = fs::read(&file).with_context(|| format!("cannot read {file}"))?;
    let line = String::from_utf8_lossy(&line);
    match order_of(&line) {
        Some(order) => Ok(order),
        None => anyhow::bail!(
            "process {process} of this container is no `slipway-agent init`: its image is not built by Slipway, and has no \
             ops repository"
        ),
    }
}

/// Words on a command line of `/proc` end with a zero byte.
fn order_of(line: &str) -> Option<InitOrder> {
    match arguments::parse(line.split_terminator('\0').skip(1).map(str::to_owned)) {
        Ok(Task::Init(order)) => Some(*order),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_process_is_found_and_only_that_of_an_init() {
        let order = r#"{"identity": {"service": "www", "serviceSha": "b", "opsSha": "y"},
            "sources": {"url": "http://10.0.0.1:80", "tokenFile": "/t"},
            "provisioner": {"with": {"command": ["sh", "-c", "a b"]}, "timeoutSeconds": 60}}"#;
        let found = order_of(&format!("/slipway/agent\0init\0{order}\0")).unwrap();
        assert_eq!((found.identity.service.as_str(), found.folders.ops.to_str()), ("www", Some("/srv/ops")));
        for line in
            ["nginx\0-g\0daemon off;\0", "/slipway/agent\0run\0--\0sh\0", "/slipway/agent\0init\0{}\0", ""]
        {
            assert_eq!(order_of(line), None, "{line:?}");
        }
    }
}
