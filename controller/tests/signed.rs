//! Commits that git signed with ssh-keygen and gpg, read over HTTP and checked.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, also in what they share")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use slipway_controller::git::{Git, Limits, Remote, Want};
use slipway_controller::signature::{SignatureError, SignedContent, verify};
use slipway_crds::v1alpha1::SignatureProvider::{self, Gpg, Ssh};
use support::git_server::GitServer;
use support::repository::Repository;

/// A folder with keys; agents that gpg started end with it.
struct Keys(tempfile::TempDir);

impl Keys {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes an SSH key and returns what is public of it.
    fn ssh(&self, name: &str, kind: &[&str]) -> String {
        run(Command::new("ssh-keygen")
            .args(["-q", "-N", "", "-C", "", "-f"])
            .arg(self.path(name))
            .arg("-t")
            .args(kind));
        std::fs::read_to_string(self.path(name).with_extension("pub")).unwrap()
    }

    fn gpg(&self, arguments: &[&str]) -> String {
        run(Command::new("gpg")
            .arg("--homedir")
            .arg(self.0.path())
            .args(["--batch", "--quiet", "--passphrase", ""])
            .args(arguments))
    }

    /// Makes an `OpenPGP` key that lasts a year, and returns what is public of it.
    fn openpgp(&self, user: &str, kind: &str) -> String {
        self.gpg(&["--quick-generate-key", user, kind, "sign", "1y"]);
        self.gpg(&["--armor", "--export", user])
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.0.path()).args(["--kill", "all"]).status();
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A commit of the same files, signed by git.
fn sign(repository: &Path, keys: &Keys, format: &str, key: &str) {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(repository).env("GNUPGHOME", keys.0.path());
        command.args(["-c", "user.name=Emma", "-c", "user.email=emma@example.com"]);
        run(command.args(arguments)).trim().to_owned()
    };
    let (format, key) = (format!("gpg.format={format}"), format!("user.signingkey={key}"));
    let commit = git(&["-c", &format, "-c", &key, "commit-tree", "-S", "-m", "signed", "main^{tree}"]);
    git(&["update-ref", "refs/heads/main", &commit]);
}

/// A repository on a server, and a mirror of it.
struct Yard {
    server: GitServer,
    repository: Repository,
    git: Git,
    _cache: tempfile::TempDir,
}

impl Yard {
    async fn new() -> Self {
        let server = GitServer::start().await;
        let repository = server.repository("fleet.git");
        repository.commit("main", &[("a.yaml", "1")]);
        let cache = tempfile::tempdir().unwrap();
        let git = Git::new(cache.path(), Limits::default()).unwrap();
        Self { server, repository, git, _cache: cache }
    }

    async fn head(&self) -> Option<SignedContent> {
        let remote = Remote::public(&self.server.url("fleet.git")).unwrap();
        self.git.fetch(&remote, Want::Reference("refs/heads/main".to_owned())).await.unwrap();
        let head = self.git.refs(&remote).await.unwrap().branch("main").unwrap().clone();
        self.git.signed(&remote, &head).await.unwrap()
    }
}

fn checked(
    provider: SignatureProvider,
    signers: &str,
    signed: Option<&SignedContent>,
    after: SignedDuration,
) -> Result<String, SignatureError> {
    let data = BTreeMap::from([("signers".to_owned(), ByteString(signers.as_bytes().to_vec()))]);
    verify(provider, &data, signed, Timestamp::now() + after)
}

const NOW: SignedDuration = SignedDuration::ZERO;
const LATER: SignedDuration = SignedDuration::from_hours(24 * 800);

#[tokio::test]
async fn a_commit_signed_by_an_ssh_key_is_checked_against_allowed_signers() {
    let (yard, keys) = (Yard::new().await, Keys::new());
    for (name, kind) in
        [("ed", &["ed25519"][..]), ("ec", &["ecdsa", "-b", "384"]), ("rsa", &["rsa", "-b", "2048"])]
    {
        let (public, stranger) = (keys.ssh(name, kind), keys.ssh(&format!("stranger-{name}"), kind));
        sign(yard.repository.path(), &keys, "ssh", keys.path(name).to_str().unwrap());
        let signed = yard.head().await;
        let ssh = |line: &str| checked(Ssh, line, signed.as_ref(), NOW);
        assert_eq!(
            ssh(&format!("# people\nemma@example.com {public}")),
            Ok("emma@example.com".to_owned()),
            "{name}"
        );
        assert_eq!(ssh(&format!("emma@example.com {stranger}")), Err(SignatureError::Untrusted), "{name}");
        let over = ssh(&format!("emma valid-before=\"20200101\" {public}"));
        assert!(matches!(over, Err(SignatureError::KeyNotValid { .. })), "{over:?}");
        let of_files = ssh(&format!("emma namespaces=\"file\" {public}"));
        assert!(matches!(of_files, Err(SignatureError::NoSigners(_))), "{of_files:?}");
        let mut changed = signed.clone().unwrap();
        changed.content.push(b'!');
        let changed = checked(Ssh, &format!("emma {public}"), Some(&changed), NOW);
        assert_eq!(changed, Err(SignatureError::Untrusted), "{name}");
    }
}

#[tokio::test]
async fn a_commit_signed_by_gpg_is_checked_against_public_keys_until_they_expire() {
    let (yard, keys) = (Yard::new().await, Keys::new());
    for (user, kind) in [("emma@example.com", "ed25519"), ("otto@example.com", "rsa2048")] {
        let (public, stranger) = (keys.openpgp(user, kind), keys.openpgp(&format!("not.{user}"), kind));
        sign(yard.repository.path(), &keys, "openpgp", &format!("<{user}>"));
        let signed = yard.head().await;
        let gpg = |keys: &str, after| checked(Gpg, keys, signed.as_ref(), after);
        assert!(gpg(&public, NOW).is_ok(), "{:?}", gpg(&public, NOW));
        assert!(gpg(&format!("{stranger}{public}"), NOW).is_ok(), "one of several is enough");
        assert_eq!(gpg(&stranger, NOW), Err(SignatureError::Untrusted));
        let over = gpg(&public, LATER);
        assert!(matches!(over, Err(SignatureError::KeyNotValid { why: "expired", .. })), "{over:?}");
        assert!(matches!(gpg("no key", NOW), Err(SignatureError::NoSigners(_))));
        let mut changed = signed.clone().unwrap();
        changed.content.push(b'!');
        assert_eq!(checked(Gpg, &public, Some(&changed), NOW), Err(SignatureError::Untrusted));
    }
}

#[tokio::test]
async fn a_subkey_signs_for_its_key_and_not_after_it_was_revoked() {
    let (yard, keys) = (Yard::new().await, Keys::new());
    keys.gpg(&["--quick-generate-key", "emma@example.com", "ed25519", "cert", "1y"]);
    let listed = keys.gpg(&["--with-colons", "--list-keys", "emma@example.com"]);
    let fingerprint =
        listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
    keys.gpg(&["--quick-add-key", &fingerprint, "ed25519", "sign", "6m"]);
    let public = keys.gpg(&["--armor", "--export", "emma@example.com"]);
    sign(yard.repository.path(), &keys, "openpgp", "<emma@example.com>");
    let signed = yard.head().await;
    assert_eq!(checked(Gpg, &public, signed.as_ref(), NOW), Ok(fingerprint.clone()));
    let half_a_year = SignedDuration::from_hours(24 * 200);
    let over = checked(Gpg, &public, signed.as_ref(), half_a_year);
    assert!(matches!(over, Err(SignatureError::KeyNotValid { why: "expired", .. })), "{over:?}");

    let revocation = keys.0.path().join("openpgp-revocs.d").join(format!("{fingerprint}.rev"));
    let text = std::fs::read_to_string(&revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&revocation, text).unwrap();
    keys.gpg(&["--import", revocation.to_str().unwrap()]);
    let revoked = keys.gpg(&["--armor", "--export", "emma@example.com"]);
    let told = checked(Gpg, &revoked, signed.as_ref(), NOW);
    assert!(matches!(told, Err(SignatureError::KeyNotValid { why: "revoked", .. })), "{told:?}");
}

#[tokio::test]
async fn unsigned_and_otherwise_signed_commits_are_told_apart() {
    let (yard, keys) = (Yard::new().await, Keys::new());
    let public = keys.ssh("ed", &["ed25519"]);
    let unsigned = yard.head().await;
    assert_eq!(
        checked(Ssh, &format!("emma {public}"), unsigned.as_ref(), NOW),
        Err(SignatureError::Unsigned)
    );
    let armoured = keys.openpgp("emma@example.com", "ed25519");
    sign(yard.repository.path(), &keys, "ssh", keys.path("ed").to_str().unwrap());
    let told = checked(Gpg, &armoured, yard.head().await.as_ref(), NOW);
    assert_eq!(told, Err(SignatureError::Malformed("OpenPGP's")));
    assert!(matches!(checked(Ssh, "", yard.head().await.as_ref(), NOW), Err(SignatureError::NoSigners(_))));
}
