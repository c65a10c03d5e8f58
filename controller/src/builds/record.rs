//! What an agent says of a build, in the words of the build's status.

use slipway_agent::{
    AssetRecord, BuildEnded, BuildProgress, Fault, ProvisionRecord, StateRecord, StepRecord,
};
use slipway_crds::v1alpha1::{BuildStage, BuildTime, BuiltAsset, ProvisionState, Provisioned};
use slipway_plan::build::Report;
use slipway_plan::build::stored::StoredBuild;

use crate::runs::cut;

/// States that are told of, and characters of each text.
const MAX_STATES: usize = 10;
const MAX_ID: usize = 200;
const MAX_COMMENT: usize = 300;
const MAX_MESSAGE: usize = 1_000;
/// Assets that are told of, and characters of an output.
const MAX_ASSETS: usize = 16;
const MAX_OUTPUT: usize = 200;
/// Steps that are told of: there are seven.
const MAX_STEPS: usize = 20;
/// Longest digest: `sha256:` and 64 digits.
const MAX_DIGEST: usize = 71;

/// How far it is.
pub fn progress(progress: &BuildProgress) -> Report {
    Report {
        stage: progress.step.as_deref().and_then(stage),
        times: times(&progress.steps),
        ..Report::default()
    }
}

/// How it ended. What is said of whose fault it is decides whether it is tried again: not said, it is nobody's.
pub fn ended(ended: &BuildEnded, digest: String) -> StoredBuild {
    let provision = ended.build.provision.as_ref();
    let message = ended.error.as_ref().or(ended.build.error.as_ref());
    let fault = ended.fault.or(ended.build.fault);
    let pushed = ended.image.as_ref().map(|image| cut(&image.digest, MAX_DIGEST));
    let nothing = || "it ended and pushed nothing".to_owned();
    let message = message.map(|message| told(message, provision));
    let message = message.or_else(|| pushed.is_none().then(nothing));
    let (failed, error) = match fault {
        Some(Fault::Commits) => (message, None),
        Some(Fault::Surroundings) | None => (None, message),
    };
    let pushed = pushed.filter(|_| failed.is_none() && error.is_none());
    let times = times(&ended.build.steps);
    let assets = ended.build.assets.iter().take(MAX_ASSETS).map(asset).collect();
    StoredBuild { times, provisioned: provision.map(provisioned), assets, failed, error, pushed, digest }
}

/// The end of what provisioning wrote, and of what each command of an asset did.
pub fn log(ended: &BuildEnded) -> String {
    let provision = ended.build.provision.iter().map(|provision| match provision.log_cut {
        0 => provision.log.clone(),
        cut => format!("[{cut} bytes of the log came before]\n{}", provision.log),
    });
    let wrote = ended.build.assets.iter().filter(|asset| !asset.log.is_empty());
    let assets = wrote.map(|asset| format!("[the asset {}]\n{}", cut(&asset.output, MAX_OUTPUT), asset.log));
    provision.chain(assets).collect::<Vec<_>>().join("\n")
}

/// With the first state that failed: it is what a person looks for.
fn told(message: &str, provision: Option<&ProvisionRecord>) -> String {
    let first = provision.and_then(|provision| provision.failed.first());
    let whole = match first {
        Some(first) if !message.contains(&first.id) => {
            format!("{message}: {}: {}", named(first), first.comment)
        }
        _ => message.to_owned(),
    };
    cut(&whole, MAX_MESSAGE)
}

fn stage(step: &str) -> Option<BuildStage> {
    Some(match step {
        "fetch" => BuildStage::Fetch,
        "base" => BuildStage::Base,
        "provision" => BuildStage::Provision,
        "assets" => BuildStage::Assets,
        "look" | "commit" => BuildStage::Commit,
        "push" => BuildStage::Push,
        _ => return None,
    })
}

/// Steps as stages; those that share one count together.
fn times(steps: &[StepRecord]) -> Vec<BuildTime> {
    let mut milliseconds: Vec<(BuildStage, u64)> = Vec::new();
    for step in steps.iter().take(MAX_STEPS) {
        let Some(stage) = stage(&step.name) else { continue };
        match milliseconds.iter_mut().find(|(known, _)| *known == stage) {
            Some((_, sum)) => *sum = sum.saturating_add(step.milliseconds),
            None => milliseconds.push((stage, step.milliseconds)),
        }
    }
    let time = |(stage, sum): (BuildStage, u64)| BuildTime {
        name: format!("{stage:?}"),
        seconds: i64::try_from(sum.div_ceil(1_000)).unwrap_or(i64::MAX),
    };
    milliseconds.into_iter().map(time).collect()
}

fn provisioned(record: &ProvisionRecord) -> Provisioned {
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let told = |states: &[StateRecord]| states.iter().take(MAX_STATES).map(state).collect();
    Provisioned {
        states: count(record.states),
        changed: count(record.changed),
        failed: told(&record.failed),
        slowest: told(&record.slowest),
    }
}

fn asset(record: &AssetRecord) -> BuiltAsset {
    BuiltAsset {
        output: cut(&record.output, MAX_OUTPUT),
        built: record.built,
        because: cut(&record.why, MAX_COMMENT),
        milliseconds: i64::try_from(record.milliseconds).unwrap_or(i64::MAX),
    }
}

fn state(record: &StateRecord) -> ProvisionState {
    ProvisionState {
        id: named(record),
        comment: cut(&record.comment, MAX_COMMENT),
        milliseconds: i64::try_from(record.milliseconds).unwrap_or(i64::MAX),
    }
}

fn named(record: &StateRecord) -> String {
    cut(&format!("{} ({})", record.id, record.function), MAX_ID)
}

#[cfg(test)]
mod tests {
    use slipway_agent::{BuildRecord, PushedImage};

    use super::*;

    fn step(name: &str, milliseconds: u64) -> StepRecord {
        StepRecord { name: name.to_owned(), milliseconds }
    }

    fn failing_state() -> StateRecord {
        StateRecord {
            id: "nginx".to_owned(),
            function: "pkg.installed".to_owned(),
            comment: "no such package\u{1b}[31m".to_owned(),
            ..StateRecord::default()
        }
    }

    #[test]
    fn steps_are_told_as_stages_and_unknown_ones_left_out() {
        let steps = [step("base", 10), step("look", 600), step("commit", 600), step("checks", 9)];
        let told: Vec<_> = times(&steps).into_iter().map(|time| (time.name, time.seconds)).collect();
        assert_eq!(told, [("Base".to_owned(), 1), ("Commit".to_owned(), 2)]);
        let progress = BuildProgress { step: Some("provision".to_owned()), steps: Vec::new() };
        assert_eq!(super::progress(&progress).stage, Some(BuildStage::Provision));
    }

    #[test]
    fn a_failed_state_is_named_and_nothing_steers_a_terminal() {
        let provision = ProvisionRecord { failed: vec![failing_state()], ..ProvisionRecord::default() };
        let build = BuildRecord {
            error: Some("1 of 9 states failed".to_owned()),
            fault: Some(Fault::Commits),
            provision: Some(provision),
            ..BuildRecord::default()
        };
        let stored = ended(&BuildEnded { build, ..BuildEnded::default() }, "d".to_owned());
        assert_eq!(
            stored.failed.as_deref(),
            Some("1 of 9 states failed: nginx (pkg.installed): no such package[31m")
        );
        assert_eq!((stored.error, stored.pushed), (None, None));
        assert_eq!(stored.provisioned.unwrap().failed[0].comment, "no such package[31m");
    }

    #[test]
    fn assets_are_told_with_what_their_commands_wrote() {
        let asset = AssetRecord {
            output: "public".to_owned(),
            built: true,
            why: "its sources or its command changed".to_owned(),
            milliseconds: 70,
            log: "minified".to_owned(),
        };
        let provision = ProvisionRecord { log: "provisioned".to_owned(), ..ProvisionRecord::default() };
        let build = BuildRecord { provision: Some(provision), assets: vec![asset], ..BuildRecord::default() };
        let end = BuildEnded { build, ..BuildEnded::default() };
        assert_eq!(log(&end), "provisioned\n[the asset public]\nminified");
        let told = ended(&end, String::new()).assets.remove(0);
        assert_eq!((told.output.as_str(), told.built, told.milliseconds), ("public", true, 70));
        assert_eq!(told.because, "its sources or its command changed");
    }

    #[test]
    fn only_what_was_pushed_without_an_error_counts_as_pushed() {
        let image = Some(PushedImage { digest: "sha256:1".to_owned(), ..PushedImage::default() });
        let good = ended(&BuildEnded { image: image.clone(), ..BuildEnded::default() }, String::new());
        assert_eq!((good.pushed.as_deref(), good.error), (Some("sha256:1"), None));
        let broken = BuildEnded { image, error: Some("cut off".to_owned()), ..BuildEnded::default() };
        let broken = ended(&broken, String::new());
        assert_eq!((broken.pushed, broken.error.as_deref()), (None, Some("cut off")));
        let silent = ended(&BuildEnded::default(), String::new());
        assert_eq!(silent.error.as_deref(), Some("it ended and pushed nothing"));
    }
}
