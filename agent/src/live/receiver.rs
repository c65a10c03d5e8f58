//! The end in the container: it does what it is told to, in one folder, and says how that folder is.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::error::LiveError;
use super::frame::{Incoming, Outgoing};
use super::look::{Cache, look};
use super::message::{Answer, Question, SyncOrder, VERSION};
use super::reload;
use super::rules::Ruling;
use super::tree::LiveTree;
use crate::layer::{edit, sha256};
use crate::tree::mount_points;

/// Serves one connection until it ends.
pub fn serve<W: Write>(order: &SyncOrder, input: impl Read, outgoing: &Outgoing<W>) -> Result<(), LiveError> {
    let served = refuse(&order.mount).and_then(|()| {
        let mut serving = Serving::new(order, outgoing.clone());
        serving.all(&mut Incoming::new(input))
    });
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

fn refuse(mount: &Path) -> Result<(), LiveError> {
    let why = match fs::metadata(mount) {
        _ if !mount.is_absolute() || mount.parent().is_none() => "is no folder of a service",
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => "is no folder in the container",
        Err(_) => "is not in the container, or may not be read there",
    };
    let message = format!("{} {why}: correct run.mount in manifest.yaml", mount.display());
    Err(LiveError::Refused { message })
}

struct Serving<'a, W> {
    order: &'a SyncOrder,
    outgoing: Outgoing<W>,
    ruling: Ruling,
    cache: Cache,
}

impl<'a, W: Write> Serving<'a, W> {
    fn new(order: &'a SyncOrder, outgoing: Outgoing<W>) -> Self {
        Self { order, outgoing, ruling: Ruling::default(), cache: Cache::default() }
    }

    fn all(&mut self, incoming: &mut Incoming<impl Read>) -> Result<(), LiveError> {
        let reload_due = self.mark().exists();
        self.outgoing.say(&Answer::Hello { version: VERSION, reload_due })?;
        while let Some(question) = incoming.hear()? {
            match question {
                Question::Rules(rules) => self.ruling = Ruling::new(rules),
                Question::Look { known } => self.tell(known.as_ref())?,
                Question::Edit => self.edit(incoming)?,
                Question::Reload { command } => self.reload(&command)?,
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
        self.remember();
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
        // What cannot be forgotten makes for one reload too many.
        let _ = fs::remove_file(self.mark());
        self.outgoing.say(&Answer::Reloaded { code })
    }

    /// The file that is there while a reload is due.
    fn mark(&self) -> PathBuf {
        let mount = self.order.mount.to_string_lossy();
        let name: String = sha256(mount.as_bytes()).chars().skip("sha256:".len()).take(16).collect();
        self.order.state.join(format!("reload-due-{name}"))
    }

    /// Where nothing can be remembered, a reload that a lost connection prevented is not made up for.
    fn remember(&self) {
        let _ = fs::create_dir_all(&self.order.state);
        let _ = fs::File::options().write(true).create_new(true).open(self.mark());
    }
}
