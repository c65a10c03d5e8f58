//! The end in the container: it does what it is told to, in one folder, and says how that folder is.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::error::LiveError;
use super::frame::{Incoming, Outgoing};
use super::look::{Cache, look};
use super::message::{Answer, Question, SyncOrder, VERSION};
use super::ops::{Ops, may_have_changed};
use super::reload;
use super::rules::Ruling;
use super::tree::LiveTree;
use crate::layer::{edit, sha256};
use crate::tree::mount_points;

/// Due from the first edit until the reload, or the provisioner, ran.
const RELOAD_DUE: &str = "reload-due";
/// Due from the beginning of a provisioner until it went well, and services were restarted if it changed something.
const RESTART_DUE: &str = "restart-due";

/// Serves one connection until it ends.
pub fn serve<W: Write>(order: &SyncOrder, input: impl Read, outgoing: &Outgoing<W>) -> Result<(), LiveError> {
    let refused = refuse(&order.mount, "correct run.mount in manifest.yaml");
    ended(refused.and_then(|()| Serving::new(order, None, outgoing).all(&mut Incoming::new(input))), outgoing)
}

/// The same for the ops repository of a fat container: no reload follows, but provisioning.
pub fn serve_ops<W: Write>(ops: &Ops, input: impl Read, outgoing: &Outgoing<W>) -> Result<(), LiveError> {
    let order = SyncOrder { state: ops.state(), ..SyncOrder::new(ops.folder()) };
    let refused = ops.refuse().and_then(|()| refuse(&order.mount, "was the image built from one?"));
    let serve = || Serving::new(&order, Some(ops), outgoing).all(&mut Incoming::new(input));
    ended(refused.and_then(|()| serve()), outgoing)
}

fn ended<W: Write>(served: Result<(), LiveError>, outgoing: &Outgoing<W>) -> Result<(), LiveError> {
    match served {
        // Nobody is there to be told.
        Err(error) if error.is_lost() => Ok(()),
        Err(error) => {
            outgoing.say(&Answer::Failed { message: told(&error) })?;
            Err(error)
        }
        Ok(()) => Ok(()),
    }
}

fn told(error: &LiveError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    if error.to_string().ends_with(&source) { error.to_string() } else { format!("{error}{source}") }
}

fn refuse(mount: &Path, hint: &str) -> Result<(), LiveError> {
    let why = match fs::metadata(mount) {
        _ if !mount.is_absolute() || mount.parent().is_none() => "is no folder of a service",
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "is no folder in the container",
        Err(_) => "is not in the container, or may not be read there",
    };
    let message = format!("{} {why}: {hint}", mount.display());
    Err(LiveError::Refused { message })
}

struct Serving<'a, W> {
    order: &'a SyncOrder,
    /// What provisions, where the ops repository is mirrored.
    ops: Option<&'a Ops>,
    outgoing: Outgoing<W>,
    ruling: Ruling,
    cache: Cache,
}

impl<'a, W: Write> Serving<'a, W> {
    fn new(order: &'a SyncOrder, ops: Option<&'a Ops>, outgoing: &Outgoing<W>) -> Self {
        Self { order, ops, outgoing: outgoing.clone(), ruling: Ruling::default(), cache: Cache::default() }
    }

    fn all(&mut self, incoming: &mut Incoming<impl Read>) -> Result<(), LiveError> {
        let reload_due = self.mark(RELOAD_DUE).exists();
        self.outgoing.say(&Answer::Hello { version: VERSION, reload_due })?;
        while let Some(question) = incoming.hear()? {
            match question {
                Question::Rules(rules) => self.ruling = Ruling::new(rules),
                Question::Look { known } => self.tell(known.as_ref())?,
                Question::Edit => self.edit(incoming)?,
                Question::Reload { command } => self.reload(&command)?,
                Question::Provision => self.provision()?,
            }
        }
        Ok(())
    }

    fn look(&mut self) -> Result<LiveTree, LiveError> {
        let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
        let root = self.order.mount.canonicalize().unwrap_or_else(|_| self.order.mount.clone());
        let gaps: BTreeSet<_> = mount_points(&mounts, &root);
        look(&self.order.mount, &mut self.ruling, false, &gaps, &mut self.cache)
    }

    fn tell(&mut self, known: Option<&String>) -> Result<(), LiveError> {
        let tree = self.look()?;
        if known.is_some_and(|known| *known == tree.fingerprint()) {
            return self.outgoing.say(&Answer::Same);
        }
        self.outgoing.say(&Answer::Tree { gaps: tree.gaps.iter().cloned().collect() })?;
        let mut data = self.outgoing.data();
        tree.write(&mut data).map_err(LiveError::lost)?;
        data.finish()
    }

    fn edit(&mut self, incoming: &mut Incoming<impl Read>) -> Result<(), LiveError> {
        // Before anything changes: a reload is due even when nobody is there any more who would ask for it.
        self.remember(RELOAD_DUE);
        let mut data = incoming.data();
        let edited = edit(&mut data, &self.order.mount)?;
        data.drain()?;
        let digest = self.look()?.digest();
        let (written, removed, problems) = (edited.written, edited.removed, edited.problems);
        self.outgoing.say(&Answer::Edited { digest, written, removed, problems })
    }

    fn reload(&mut self, command: &str) -> Result<(), LiveError> {
        let limit = std::time::Duration::from_secs(self.order.reload_seconds.into());
        let mut data = self.outgoing.data();
        let ended = reload::run(command, &self.order.mount, limit, &mut data);
        data.finish()?;
        let refused =
            |error| LiveError::Refused { message: format!("cannot run `sh -c {command}`: {error}") };
        let code = ended.map_err(refused)?;
        self.forget(RELOAD_DUE);
        self.outgoing.say(&Answer::Reloaded { code })
    }

    /// What a run has changed that broke off is not known; what one changed that failed counts, too: the next one that goes
    /// well restarts the services.
    fn provision(&mut self) -> Result<(), LiveError> {
        let Some(ops) = self.ops else {
            return Err(LiveError::speech("a service's code is mirrored here, and nothing is provisioned"));
        };
        let restart_due = self.mark(RESTART_DUE).exists();
        self.remember(RESTART_DUE);
        let provisioned = ops.provision(restart_due)?;
        let is_good = provisioned.is_good();
        if is_good {
            self.forget(RELOAD_DUE);
        }
        if is_good || !(restart_due || may_have_changed(&provisioned.record)) {
            self.forget(RESTART_DUE);
        }
        self.outgoing.say(&Answer::Provisioned(Box::new(provisioned)))
    }

    /// The file that is there while something is due.
    fn mark(&self, what: &str) -> PathBuf {
        let mount = self.order.mount.to_string_lossy();
        let name: String = sha256(mount.as_bytes()).chars().skip("sha256:".len()).take(16).collect();
        self.order.state.join(format!("{what}-{name}"))
    }

    /// Where nothing can be remembered, a reload that a lost connection prevented is not made up for.
    fn remember(&self, what: &str) {
        let _ = fs::create_dir_all(&self.order.state);
        let _ = fs::File::options().write(true).create_new(true).open(self.mark(what));
    }

    /// What cannot be forgotten makes for one reload too many.
    fn forget(&self, what: &str) {
        let _ = fs::remove_file(self.mark(what));
    }
}
