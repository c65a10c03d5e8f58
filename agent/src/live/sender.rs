//! The end that has the working tree: it decides what is sent.

use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use super::difference::difference;
use super::error::LiveError;
use super::frame::{Incoming, Outgoing};
use super::message::{Answer, Problem, Provisioned, Question, VERSION};
use super::rules::Rules;
use super::tree::LiveTree;
use super::working_tree::WorkingTree;
use super::writing;

/// How often both trees are compared before it is said that they differ.
const ROUNDS: u32 = 6;
/// Pause after the first round that did not lead to the same trees; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// What a sync did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Files and links written there.
    pub written: u64,
    /// Files and links removed there.
    pub removed: u64,
    /// Bytes of the files that were sent.
    pub bytes: u64,
    /// What could not be done.
    pub problems: Vec<Problem>,
    /// Whether both trees are the same now, but for what `problems` names.
    pub is_equal: bool,
    /// Digest of the container's tree.
    pub digest: String,
}

impl Synced {
    /// Whether anything was done there.
    pub fn is_change(&self) -> bool {
        self.written + self.removed > 0
    }
}

/// A connection to the other end.
pub struct Sender<R, W> {
    incoming: Incoming<R>,
    outgoing: Outgoing<W>,
    rules: Option<Rules>,
    /// The container's tree, as far as it is known.
    known: Option<LiveTree>,
    /// Whether files were changed there after which no reload ran.
    pub reload_due: bool,
}

impl<R: Read, W: Write> Sender<R, W> {
    /// Waits for the first word of the other end.
    pub fn greet(input: R, output: W) -> Result<Self, LiveError> {
        let mut incoming = Incoming::new(input);
        let reload_due = match heard(&mut incoming)? {
            Answer::Hello { version: VERSION, reload_due } => reload_due,
            Answer::Hello { version, .. } => {
                let what = format!("it speaks version {version}, and this program version {VERSION}");
                return Err(LiveError::speech(what));
            }
            other => return Err(unexpected(&other)),
        };
        Ok(Self { incoming, outgoing: Outgoing::new(output), rules: None, known: None, reload_due })
    }

    /// Makes the container's tree like this one, however often either changes meanwhile; not for ever.
    pub fn sync(&mut self, tree: &mut WorkingTree) -> Result<Synced, LiveError> {
        let mut all = Synced::default();
        for round in 0..ROUNDS {
            let once = self.round(tree)?;
            let (written, removed) = (once.written, once.removed);
            all = Synced {
                written: all.written + written,
                removed: all.removed + removed,
                bytes: all.bytes + once.bytes,
                ..once
            };
            self.reload_due |= all.is_change();
            let is_stuck = round > 0 && written + removed == 0 && !all.problems.is_empty();
            if all.is_equal || is_stuck {
                break;
            }
            thread::sleep(PAUSE * (1 << round));
        }
        Ok(all)
    }

    /// Forgets what is known of the container's tree unless it is still like that: something in the container, or its
    /// end, may have changed it.
    pub fn check(&mut self) -> Result<(), LiveError> {
        if let Some(known) = &self.known {
            let known = Some(known.fingerprint());
            self.ask(&Question::Look { known })?;
        }
        Ok(())
    }

    fn round(&mut self, tree: &mut WorkingTree) -> Result<Synced, LiveError> {
        let (wanted, rules) = tree.look()?;
        self.agree_on(rules)?;
        let known = match self.known.take() {
            Some(known) => known,
            None => self.ask(&Question::Look { known: None })?,
        };
        let difference = difference(&wanted, &known);
        let blocked = difference.blocked.iter().map(|path| Problem {
            path: crate::layer::shown(path),
            why: "in the container it is a folder with ignored files: remove it there".to_owned(),
        });
        let mut synced = Synced { problems: blocked.collect(), is_equal: true, ..Synced::default() };
        let after = difference.after.digest();
        if difference.is_nothing() {
            synced.digest = after;
            self.known = Some(known);
            return Ok(synced);
        }
        self.outgoing.say(&Question::Edit)?;
        let mut data = self.outgoing.data();
        synced.bytes = writing::write(&difference, &wanted, tree, &mut data)?;
        data.finish()?;
        match heard(&mut self.incoming)? {
            Answer::Edited { digest, written, removed, problems } => {
                synced.is_equal = digest == after;
                (synced.written, synced.removed, synced.digest) = (written, removed, digest);
                synced.problems.extend(problems);
            }
            other => return Err(unexpected(&other)),
        }
        self.known = synced.is_equal.then_some(difference.after);
        Ok(synced)
    }

    /// Runs the command there. What it prints is passed on; its code is returned, none when it took too long.
    pub fn reload(&mut self, command: &str, output: &mut impl Write) -> Result<Option<i32>, LiveError> {
        self.outgoing.say(&Question::Reload { command: command.to_owned() })?;
        let mut data = self.incoming.data();
        // What cannot be shown is no reason to stop.
        if std::io::copy(&mut data, output).is_err() {
            data.drain()?;
        }
        match heard(&mut self.incoming)? {
            Answer::Reloaded { code } => {
                self.reload_due = false;
                Ok(code)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Has the container provisioned from the ops repository that was mirrored into it. When that did not go well, it is due
    /// again after the next edit, and for the next connection.
    pub fn provision(&mut self) -> Result<Provisioned, LiveError> {
        self.outgoing.say(&Question::Provision)?;
        match heard(&mut self.incoming)? {
            Answer::Provisioned(provisioned) => {
                self.reload_due = false;
                Ok(*provisioned)
            }
            other => Err(unexpected(&other)),
        }
    }

    fn agree_on(&mut self, rules: Rules) -> Result<(), LiveError> {
        if self.rules.as_ref() != Some(&rules) {
            self.outgoing.say(&Question::Rules(rules.clone()))?;
            self.rules = Some(rules);
            self.known = None;
        }
        Ok(())
    }

    /// The container's tree.
    fn ask(&mut self, question: &Question) -> Result<LiveTree, LiveError> {
        self.outgoing.say(question)?;
        match heard(&mut self.incoming)? {
            Answer::Same => self.known.clone().ok_or_else(|| unexpected(&Answer::Same)),
            Answer::Tree { gaps } => {
                let mut data = self.incoming.data();
                let tree = LiveTree::read(std::io::BufReader::new(&mut data)).map_err(in_the_container)?;
                data.drain()?;
                let tree = LiveTree { gaps: gaps.into_iter().collect(), ..tree };
                self.known = Some(tree.clone());
                Ok(tree)
            }
            other => Err(unexpected(&other)),
        }
    }
}

fn heard<R: Read>(incoming: &mut Incoming<R>) -> Result<Answer, LiveError> {
    match incoming.hear()? {
        Some(Answer::Failed { message }) => Err(LiveError::Refused { message }),
        Some(answer) => Ok(answer),
        None => Err(LiveError::lost(std::io::ErrorKind::UnexpectedEof.into())),
    }
}

fn in_the_container(error: LiveError) -> LiveError {
    match error {
        LiveError::TooMany { .. } => LiveError::Refused { message: format!("in the container, {error}") },
        other => other,
    }
}

fn unexpected(answer: &Answer) -> LiveError {
    let text = serde_json::to_string(answer).unwrap_or_default();
    LiveError::speech(format!("it answers {}", text.chars().take(80).collect::<String>()))
}
