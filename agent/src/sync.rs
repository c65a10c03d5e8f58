//! The container's end of `slipway sync`: standard input and output are the connection.

use std::io;
use std::thread;
use std::time::Duration;

use slipway_agent::live::{Outgoing, SyncOrder, serve};

/// How often this end says that it is alive.
const BEAT: Duration = Duration::from_secs(5);

/// Serves until the other end is gone.
pub fn sync(order: &SyncOrder) -> anyhow::Result<()> {
    let outgoing = Outgoing::new(io::stdout());
    let beating = outgoing.clone();
    thread::spawn(move || {
        while beating.beat().is_ok() {
            thread::sleep(BEAT);
        }
        // Nobody reads any more, and standard input may never end: not everything that carries it says so.
        std::process::exit(1);
    });
    Ok(serve(order, io::stdin().lock(), &outgoing)?)
}
