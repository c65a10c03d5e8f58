//! A new service for people: what was made, and what comes next.

use super::seed::{FLEET, OPS, Seed};
use crate::output::colours::Colours;

/// Files, then the steps until it runs. Who has a top file of their own is told what it lacks.
pub fn told(seed: &Seed, written: &[String], had_top: bool, colours: Colours) -> String {
    let (service, repository) = (&seed.service, &seed.repository);
    let mut lines = vec![colours.good(&format!("✓ {service}, a new service"))];
    lines.extend(written.iter().map(|path| format!("  {path}")));
    lines.extend([
        String::new(),
        "next:".to_owned(),
        format!("  {service} becomes a repository of its own, at {repository}:"),
        format!("    cd {service} && git init --initial-branch main && git add . && git commit --message \"A service\""),
        format!("    git push {repository} main"),
    ]);
    if had_top {
        let (path, text) = &seed.top;
        lines.push(format!("  {path} is there already; add to its `base`:"));
        lines.extend(text.lines().filter(|line| line.starts_with("  ")).map(|line| format!("  {line}")));
    }
    lines.extend([
        format!("  what is in {OPS} goes to the Fleet's ops repository, what is in {FLEET} to the one that its GitSync reads"),
        String::new(),
        format!("  slipway build {service} --watch"),
        format!("  slipway start {service}"),
    ]);
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use slipway_plan::service_name::ServiceName;

    use super::*;

    #[test]
    fn who_has_a_top_file_is_told_what_to_add() {
        let seed = Seed::of(&ServiceName::parse("greeter").unwrap(), None).unwrap();
        let lines = "    'role:greeter':\n      - match: grain\n      - greeter\n";
        let with = told(&seed, &[], true, Colours::default());
        assert!(
            with.contains(&format!("ops/states/top.sls is there already; add to its `base`:\n{lines}")),
            "{with}"
        );
        assert!(!told(&seed, &[], false, Colours::default()).contains("match: grain"));
    }
}
