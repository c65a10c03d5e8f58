//! Only what is signed is applied, when that is asked for.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use slipway_crds::v1alpha1::GitSync;

use super::story::{Story, ready};

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Signs what the trunk has, in a commit on top of it.
fn sign(repository: &Path, key: &Path) -> String {
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(repository).args(["-c", "user.name=Emma", "-c", "user.email=emma@example.com"]);
        run(command.args(arguments))
    };
    let key = format!("user.signingkey={}", key.display());
    let commit = git(&[
        "-c",
        "gpg.format=ssh",
        "-c",
        &key,
        "commit-tree",
        "-S",
        "-p",
        "main",
        "-m",
        "signed",
        "main^{tree}",
    ]);
    git(&["update-ref", "refs/heads/main", &commit]);
    commit
}

#[tokio::test]
async fn only_a_commit_that_is_signed_is_applied_and_the_last_one_stays() {
    let story = Story::begin("signed").await;
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str| {
        let path = folder.path().join(name);
        run(Command::new("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&path));
        path
    };
    let (emma, stranger) = (key("emma"), key("stranger"));
    let public = std::fs::read_to_string(emma.with_extension("pub")).unwrap();
    story.secret("signers", json!({"allowed_signers": format!("emma@example.com {public}")})).await;
    story.commit(&["a", "b"], &[]);
    story.sync(json!({"verify": {"provider": "ssh", "secret": "signers"}})).await;
    let sync = story.until_not_ready("SignatureRefused").await;
    assert!(ready(&sync).2.contains("is not applied: it is not signed"), "{}", ready(&sync).2);
    assert!(story.services().await.is_empty());
    let signed = sign(story.repository.path(), &emma);
    story.until_applied(&signed).await;

    story.commit(&[], &["b"]);
    sign(story.repository.path(), &stranger);
    let told = |sync: &GitSync| {
        let (_, reason, message) = ready(sync);
        reason == "SignatureRefused" && message.contains("is not signed by a key that is trusted here")
    };
    let sync = story.until("the stranger's commit is refused", told).await;
    assert!(
        ready(&sync).2.ends_with(&format!("commit {} stays applied", &signed[..8])),
        "{}",
        ready(&sync).2
    );
    assert_eq!(story.services().await, ["a", "b"]);
    let third = sign(story.repository.path(), &emma);
    story.until_applied(&third).await;
    assert_eq!(story.services().await, ["a"]);
}
