//! One connection to an agent: look, send what differs, reload, wait; again and again.

use std::time::{Duration, Instant};

use super::agent::Speaker;
use super::news::{News, Teller};
use super::watch::Watch;
use slipway_agent::live::{LiveError, Problem, Synced, WorkingTree};

/// How often the container's tree is looked at although nothing changed here; the other end is known to be there, too.
const CHECK: Duration = Duration::from_secs(15);
/// The same where file-system events are not to be had.
const BLIND: Duration = Duration::from_secs(2);
/// Pause where both trees could not be made the same.
const UNEQUAL: Duration = Duration::from_secs(5);

/// What makes a changed tree count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It counts as it is.
    Nothing,
    /// This command, in the container.
    Reload(String),
    /// The container's provisioner.
    Provision,
}

/// What it needs.
pub struct Conversation {
    pub sender: Speaker,
    pub tree: WorkingTree,
    pub watch: Watch,
    pub teller: Teller,
    pub afterwards: Afterwards,
    pub once: bool,
    /// Whether the trees were the same last time, and what stood in the way.
    pub problems: (bool, Vec<Problem>),
}

/// How it ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// Set when nothing is left to do: whether all went well.
    pub finished: Option<bool>,
    /// What went wrong.
    pub error: Option<anyhow::Error>,
    /// Whether both trees were the same once.
    pub has_synced: bool,
}

impl Ended {
    /// With what the agent said at its end.
    pub fn explained(mut self, said: String) -> Self {
        self.error = self.error.map(|error| if said.is_empty() { error } else { error.context(said) });
        self
    }
}

impl Conversation {
    /// Holds it until the connection ends, or once is enough.
    pub fn hold(mut self) -> (Ended, WorkingTree, Watch) {
        let mut has_synced = false;
        let ended = match self.all(&mut has_synced) {
            Ok(is_good) => Ended { finished: Some(is_good), error: None, has_synced },
            Err(error) => Ended { finished: None, error: Some(error.into()), has_synced },
        };
        (ended, self.tree, self.watch)
    }

    fn all(&mut self, has_synced: &mut bool) -> Result<bool, LiveError> {
        let mut complained = None;
        loop {
            // Before the look: what changes after it makes an event.
            let begun = Instant::now();
            let mut pause = if self.watch.is_blind { BLIND } else { CHECK };
            match self.sender.sync(&mut self.tree) {
                Ok(synced) => {
                    if !synced.is_equal {
                        pause = UNEQUAL;
                    }
                    let is_good = self.after(synced, begun, !*has_synced)?;
                    *has_synced = true;
                    complained = None;
                    if self.once {
                        return Ok(is_good);
                    }
                }
                // Here, and not there: the connection is as good as before.
                Err(error @ LiveError::Look { .. }) if !self.once => {
                    let said = error.to_string();
                    if complained.as_ref() != Some(&said) {
                        self.say(News::Problem(said.clone()));
                    }
                    complained = Some(said);
                }
                Err(error) => return Err(error),
            }
            if !self.watch.follow(self.tree.folders()) && !self.watch.wait(pause) {
                self.sender.check()?;
            }
            if self.teller.is_unheard() {
                return Ok(true);
            }
        }
    }

    /// Tells what was done, and makes it count; whether all went well.
    fn after(&mut self, synced: Synced, begun: Instant, is_first: bool) -> Result<bool, LiveError> {
        let is_equal = synced.is_equal && synced.problems.is_empty();
        let problems = (synced.is_equal, synced.problems.clone());
        if synced.is_change() || is_first || self.problems != problems {
            let milliseconds = milliseconds(begun);
            self.say(News::Synced { synced, milliseconds });
        }
        self.problems = problems;
        if !self.sender.reload_due {
            return Ok(is_equal);
        }
        let is_good = match self.afterwards.clone() {
            Afterwards::Nothing => true,
            Afterwards::Reload(command) => self.reload(command)?,
            // Half a tree is not provisioned from: what is missing would be taken for removed.
            Afterwards::Provision => is_equal && self.provision()?,
        };
        Ok(is_equal && is_good)
    }

    fn reload(&mut self, command: String) -> Result<bool, LiveError> {
        let begun = Instant::now();
        let mut output = Vec::new();
        let code = self.sender.reload(&command, &mut Capped(&mut output))?;
        let output = String::from_utf8_lossy(&output).into_owned();
        self.say(News::Reloaded { command, code, output, milliseconds: milliseconds(begun) });
        Ok(code == Some(0))
    }

    fn provision(&mut self) -> Result<bool, LiveError> {
        let provisioned = self.sender.provision()?;
        let is_good = provisioned.is_good();
        self.say(News::Provisioned(Box::new(provisioned)));
        Ok(is_good)
    }

    fn say(&self, news: News) {
        self.teller.say(news);
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Keeps the first of what a reload prints; the rest is in the service's log, if anywhere.
struct Capped<'a>(&'a mut Vec<u8>);

/// Bytes that are kept.
const KEPT: usize = 64 << 10;

impl std::io::Write for Capped<'_> {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let room = KEPT.saturating_sub(self.0.len()).min(buffer.len());
        self.0.extend_from_slice(buffer.get(..room).unwrap_or_default());
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slipway_agent::live::{Outgoing, Sender, SyncOrder, serve};
    use std::io::BufReader;
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::thread::{self, JoinHandle};
    use tokio::sync::mpsc::{self, UnboundedReceiver};

    /// An agent for this folder, in this process.
    fn speaker(mount: &Path) -> Speaker {
        let (here, there) = UnixStream::pair().unwrap();
        let order = SyncOrder { state: mount.with_extension("state"), ..SyncOrder::new(mount) };
        thread::spawn(move || {
            let outgoing = Outgoing::new(there.try_clone().unwrap());
            serve(&order, there, &outgoing)
        });
        Sender::greet(BufReader::new(here.try_clone().unwrap()), here).unwrap()
    }

    type Told = (usize, News);

    struct Folders {
        folder: tempfile::TempDir,
    }

    impl Folders {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            for name in ["work", "mount"] {
                std::fs::create_dir(folder.path().join(name)).unwrap();
            }
            Self { folder }
        }

        fn begin(&self, reload: Option<&str>, once: bool) -> (JoinHandle<Ended>, UnboundedReceiver<Told>) {
            let (sender, told) = mpsc::unbounded_channel();
            let work = self.folder.path().join("work");
            let conversation = Conversation {
                sender: speaker(&self.folder.path().join("mount")),
                tree: WorkingTree::new(&work).unwrap(),
                watch: Watch::new(&work),
                teller: Teller { place: 0, sender },
                afterwards: reload
                    .map_or(Afterwards::Nothing, |command| Afterwards::Reload(command.to_owned())),
                once,
                problems: (true, Vec::new()),
            };
            (thread::spawn(move || conversation.hold().0), told)
        }

        /// As editors do it: at no moment half of it is there.
        fn save(&self, name: &str, text: &str) {
            let next = self.folder.path().join("next");
            std::fs::write(&next, text).unwrap();
            std::fs::rename(next, self.folder.path().join("work").join(name)).unwrap();
        }
    }

    fn files(news: Option<Told>) -> u64 {
        match news {
            Some((0, News::Synced { synced, .. })) => synced.written,
            other => panic!("{other:?}"),
        }
    }

    fn reloaded(news: Option<Told>) -> (Option<i32>, String) {
        match news {
            Some((0, News::Reloaded { code, output, .. })) => (code, output),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_saved_arrives_and_is_reloaded_until_nobody_listens() {
        let folders = Folders::new();
        folders.save("app.py", "1");
        let (conversation, mut told) = folders.begin(Some("cat app.py"), false);
        assert_eq!(files(told.blocking_recv()), 1);
        assert_eq!(reloaded(told.blocking_recv()), (Some(0), "1".to_owned()));
        folders.save("app.py", "22");
        assert_eq!(files(told.blocking_recv()), 1);
        assert_eq!(reloaded(told.blocking_recv()), (Some(0), "22".to_owned()));
        drop(told);
        folders.save("app.py", "333");
        assert_eq!(conversation.join().unwrap().finished, Some(true));
    }

    #[test]
    fn once_ends_with_how_it_went() {
        let folders = Folders::new();
        folders.save("app.py", "1");
        let (conversation, mut told) = folders.begin(Some("exit 3"), true);
        assert_eq!(conversation.join().unwrap().finished, Some(false));
        assert_eq!((files(told.blocking_recv()), reloaded(told.blocking_recv()).0), (1, Some(3)));
        let (conversation, mut told) = folders.begin(Some("exit 3"), true);
        assert_eq!(conversation.join().unwrap().finished, Some(true), "nothing changed, nothing is reloaded");
        assert_eq!(files(told.blocking_recv()), 0);
    }
}
