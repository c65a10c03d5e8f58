//! Repositories over ssh, from Debian's own server on the loopback address.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use slipway_cluster::{Cache, Progress};
use slipway_crds::conditions;
use slipway_crds::v1alpha1::{GitSync, ServiceRepo};

use super::story::{Story, free_address, ready};

const LIMIT: Duration = Duration::from_secs(30);

/// A server that lets one key in; it ends with the value.
struct SshServer {
    process: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl SshServer {
    fn start() -> Self {
        let cache = Cache::open().unwrap();
        let server = cache.debian_package("openssh-server", Progress::Quiet).unwrap();
        let library = cache.debian_package("libwrap0", Progress::Quiet).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let address = free_address();
        for (name, kind) in
            [("host", "ed25519"), ("other", "ed25519"), ("client", "ed25519"), ("stranger", "ecdsa")]
        {
            run(Command::new("ssh-keygen")
                .args(["-q", "-N", "", "-t", kind, "-f"])
                .arg(folder.path().join(name)));
        }
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "ListenAddress {address}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nPidFile none\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPrintMotd no\n",
            at("host"),
            at("client.pub"),
        );
        fs::write(folder.path().join("config"), config).unwrap();
        fs::write(folder.path().join("passwd"), passwd()).unwrap();
        // The server wants a user and a folder of its own; it sees them, and nobody else does.
        let script = "mount --bind \"$1\" /etc/passwd && mount -t tmpfs none /run && mkdir -m 755 /run/sshd && exec \"$2\" -D -f \"$3\"";
        let process = Command::new("unshare")
            .args(["--mount", "sh", "-ec", script, "sh"])
            .args([at("passwd").as_str(), &server.join("usr/sbin/sshd").display().to_string(), &at("config")])
            .env("LD_LIBRARY_PATH", library.join("usr/lib/x86_64-linux-gnu"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { process, address, folder };
        server.wait();
        server
    }

    fn wait(&self) {
        let started = Instant::now();
        while std::net::TcpStream::connect(self.address).is_err() {
            assert!(started.elapsed() < LIMIT, "sshd does not listen on {}", self.address);
            std::thread::yield_now();
        }
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// A line of `known_hosts` with one of the keys.
    fn known(&self, key: &str) -> String {
        format!("[127.0.0.1]:{} {}", self.address.port(), self.text(key))
    }

    fn url(&self, path: &Path) -> String {
        format!("ssh://root@{}{}", self.address, path.display())
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn passwd() -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap();
    format!("{known}sshd:x:64099:65534::/run/sshd:/usr/sbin/nologin\n")
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

#[tokio::test]
async fn a_repository_is_read_over_ssh_by_key_from_a_known_server_only() {
    let server = tokio::task::spawn_blocking(SshServer::start).await.unwrap();
    let story = Story::begin("ssh").await;
    let url = server.url(story.repository.path());
    let login =
        |key: &str, host: &str| json!({"identity": server.text(key), "known_hosts": server.known(host)});
    let first = story.commit(&["a"], &[]);
    story.secret("git", login("client", "host.pub")).await;
    story.sync(json!({"url": url, "credentials": {"secret": "git"}})).await;
    story.until_applied(&first).await;
    let repo = json!({"url": url, "interval": "1s", "credentials": {"secret": "git"}});
    story.make_repo("www", repo).await;
    story.until_trunk("www", &first).await;

    story.secret("git", login("client", "other.pub")).await;
    let sync = story.until_not_ready("AuthenticationFailed").await;
    assert!(
        ready(&sync).2.contains("showed another key (ssh-ed25519) than those known (ssh-ed25519)"),
        "{}",
        ready(&sync).2
    );
    let second = story.commit(&["b"], &[]);
    let refused = |repo: Option<&ServiceRepo>| {
        let status = repo.and_then(|repo| repo.status.as_ref());
        status.is_some_and(|status| conditions::is_true(&status.conditions, conditions::STALLED))
    };
    story.wait("www", "it is refused", refused).await;

    story.secret("git", login("stranger", "host.pub")).await;
    let told = |sync: &GitSync| ready(sync).2.contains("the credentials in Secret ssh/git are not valid");
    story.until("the key is refused", told).await;
    assert_eq!(story.services().await, ["a", "www"]);

    story.secret("git", login("client", "host.pub")).await;
    story.until_applied(&second).await;
    story.until_trunk("www", &second).await;
}

#[tokio::test]
async fn ssh_without_a_secret_or_without_known_hosts_is_refused() {
    let story = Story::begin("ssh-open").await;
    story.sync(json!({"url": "ssh://git@127.0.0.1:1/fleet.git"})).await;
    let sync = story.until_not_ready("AuthenticationFailed").await;
    assert!(ready(&sync).2.contains("ssh needs `credentials`"), "{}", ready(&sync).2);
    story.secret("git", json!({"identity": "x", "username": "emma", "password": "x"})).await;
    story.patch::<GitSync>("fleet", json!({"spec": {"credentials": {"secret": "git"}}})).await;
    let told = |sync: &GitSync| ready(sync).2.contains("has no `identity` (a private key) and `known_hosts`");
    story.until("the Secret is refused", told).await;
}
