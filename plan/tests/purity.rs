//! A crate boundary is a law: what decides has no client, no async runtime and no git in its dependencies.

#![allow(clippy::disallowed_types, reason = "asking cargo is what this test does")]

use std::collections::BTreeSet;
use std::process::Command;

const FORBIDDEN: [&str; 9] =
    ["kube-client", "kube-runtime", "tokio", "async-std", "hyper", "reqwest", "git2", "gix", "rand"];

#[test]
fn the_dependencies_of_plan_have_no_client_runtime_or_git() {
    let arguments =
        ["tree", "--package", "slipway-plan", "--edges", "normal", "--prefix", "none", "--offline"];
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains("slipway-crds"), "the tree was read");
    let found: Vec<_> = FORBIDDEN.iter().filter(|name| names.contains(**name)).collect();
    assert!(found.is_empty(), "plan depends on {found:?}");
}
