//! The namespaces a cluster lives in, held by one thread of this process.
//!
//! Namespaces belong to threads, not to processes. One thread leaves the host's namespaces and runs whatever has to happen
//! inside: mounts, links, and the start of each part. A child of that thread is born inside; a socket keeps the network of
//! the thread that made it. So nothing has to be re-executed, and the parts are direct children that can be waited for.
//!
//! The first process of the PID namespace is `keeper init`, at the end of a pipe from here: when the pipe closes, also by
//! `kill -9`, it ends, the kernel ends every process of the namespace, and with the last one go mounts and links.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use nix::sched::{CloneFlags, setns, unshare};
use tokio::runtime::Runtime;

use crate::error::{Error, Result};

type Job = Box<dyn FnOnce() + Send>;

/// The thread inside and the process that keeps the PID namespace alive.
pub(crate) struct Namespaces {
    inside: Mutex<Option<Inside>>,
}

struct Inside {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
    init: Option<Child>,
}

impl Namespaces {
    /// Makes the namespaces named by `flags` (a PID namespace always is) and starts their first process.
    pub(crate) fn create(flags: CloneFlags, keeper: &Path) -> Result<Self> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("slipway-inside".into())
            .spawn(move || queue.iter().for_each(|job| job()))
            .map_err(|source| Error::Start { command: "a thread".into(), source })?;
        let namespaces = Self { inside: Mutex::new(Some(Inside { jobs, thread, init: None })) };
        namespaces.run(move || {
            unshare(flags | CloneFlags::CLONE_NEWPID).map_err(Error::kernel("make namespaces"))
        })??;
        let mut init = Command::new(keeper);
        init.arg("init").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
        let init = namespaces.spawn(init)?;
        if let Some(inside) = namespaces.lock().as_mut() {
            inside.init = Some(init);
        }
        Ok(namespaces)
    }

    /// Runs `job` on the thread inside and waits for its result. Jobs run one after the other, so they are short.
    pub(crate) fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let lost = || Error::Thread { attempt: "run something inside the namespaces" };
        let (answer, answered) = mpsc::sync_channel(1);
        let jobs = self.lock().as_ref().map(|inside| inside.jobs.clone()).ok_or_else(lost)?;
        jobs.send(Box::new(move || drop(answer.send(job())))).map_err(|_| lost())?;
        drop(jobs);
        answered.recv().map_err(|_| lost())
    }

    /// Starts a command inside, in a process group of its own: the terminal's Ctrl-C is not for it.
    pub(crate) fn spawn(&self, mut command: Command) -> Result<Child> {
        command.process_group(0);
        let name = command.get_program().to_string_lossy().into_owned();
        self.run(move || command.spawn())?.map_err(|source| Error::Start { command: name, source })
    }

    /// A runtime whose threads are in the network inside: what its tasks listen on and dial is there.
    pub(crate) fn runtime(&self, network: bool) -> Result<Runtime> {
        if !network {
            return build_runtime();
        }
        // The thread inside itself cannot make threads: they would be born into another PID namespace than their process.
        let path =
            self.run(|| format!("/proc/{}/task/{}/ns/net", std::process::id(), nix::unistd::gettid()))?;
        let namespace = std::fs::File::open(&path).map_err(Error::file("open", path))?;
        let entered = std::thread::spawn(move || {
            setns(namespace, CloneFlags::CLONE_NEWNET).map_err(Error::kernel("enter the node's network"))?;
            build_runtime()
        });
        entered.join().map_err(|_| Error::Thread { attempt: "enter the node's network" })?
    }

    /// Ends every process inside and returns when the last is gone.
    pub(crate) fn end(&self) {
        let Some(inside) = self.lock().take() else { return };
        if let Some(mut init) = inside.init {
            // A refusal to die would be the kernel's; the janitor tells what it left.
            drop(init.stdin.take());
            drop(init.wait());
        }
        drop(inside.jobs);
        drop(inside.thread.join());
    }

    fn lock(&self) -> MutexGuard<'_, Option<Inside>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        self.end();
    }
}

fn build_runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("slipway-cluster")
        .enable_all()
        .build()
        .map_err(|source| Error::Start { command: "threads of the cluster".into(), source })
}
