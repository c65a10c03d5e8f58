//! What holds for every environment, wherever its making is cut off.

mod support;

use proptest::prelude::*;
use slipway_plan::environment::decide::Act;
use slipway_plan::object::{Observed, digest};
use support::{Sources, Story, World, at, environment, fleet};

const STORES: &str = "stores: [{name: redis, image: redis, ports: [6379], data: /data}]\n";
const SERVICES: [&str; 4] = ["www", "api", "eta", "ats"];

fn sources() -> Sources {
    Sources::default()
        .service("www", "run: {ports: [80]}\ndependencies: [local, api]\n")
        .service("api", "run: {ports: [8000]}\ndependencies: [eta]\n")
        .service("eta", "run: {ports: [8001]}\n")
        .service("ats", "roles: {worker: {command: work}}\n")
        .branch("eta", "fix", true)
        .branch("www", "late", false)
}

fn story(spec: &str) -> Story {
    Story { environment: environment(spec), fleet: fleet(STORES), sources: sources(), ..Story::empty() }
}

prop_compose! {
    fn spec()(
        chosen in proptest::sample::subsequence(SERVICES.to_vec(), 1..=4),
        fix in any::<bool>(),
        debug in any::<bool>(),
    ) -> String {
        let runs_eta = chosen.iter().any(|service| *service != "ats");
        let branches = if fix && runs_eta { "branches: {eta: fix}\n" } else { "" };
        let env = if debug { "env: {DEBUG: \"1\"}\n" } else { "" };
        format!("services: [{}]\n{branches}{env}", chosen.join(", "))
    }
}

/// End states are compared by what was declared: UIDs and addresses differ between runs.
fn end_state(world: &World) -> Vec<String> {
    let told = |object: &Observed| {
        let mut body = object.body.clone();
        for field in ["uid", "generation"] {
            body["metadata"][field] = serde_json::Value::Null;
        }
        if let Some(spec) = body["spec"].as_object_mut() {
            spec.remove("clusterIP");
        }
        format!("{} {}", object.key, digest(&body))
    };
    let mut all: Vec<_> = world.objects.iter().map(told).collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn carrying_a_plan_out_leaves_nothing_to_plan(spec in spec()) {
        let mut story = story(&spec);
        story.run(at(0));
        prop_assert_eq!(story.decide(at(1)).act, Act::Wait);
    }

    #[test]
    fn a_cut_at_any_step_ends_in_the_same_state(spec in spec(), cut in 0_usize..12) {
        let mut reference = story(&spec);
        reference.run(at(0));
        let mut killed = story(&spec);
        let mut left = cut;
        while left > 0 {
            let decision = killed.decide(at(0));
            let Act::Apply(plan) = &decision.act else { break };
            // The status is written before the first step, and again as it was when the process died.
            killed.environment.status = Some(decision.status.clone());
            for step in plan.steps.iter().take(left) {
                killed.world.step(step);
            }
            left = left.saturating_sub(plan.steps.len());
        }
        killed.run(at(0));
        prop_assert_eq!(end_state(&killed.world), end_state(&reference.world));
    }

    #[test]
    fn the_way_to_a_spec_does_not_matter(first in spec(), then in spec()) {
        let mut direct = story(&then);
        direct.run(at(0));
        let mut changed = story(&first);
        changed.run(at(0));
        changed.environment.spec = environment(&then).spec;
        changed.environment.metadata.generation = Some(2);
        changed.run(at(1));
        prop_assert_eq!(end_state(&changed.world), end_state(&direct.world));
    }
}
