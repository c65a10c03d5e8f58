//! Environments as stories: what is done, in which order, and that it comes to rest.

mod support;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use slipway_crds::conditions;
use slipway_crds::v1alpha1::Outcome;
use slipway_plan::environment::decide::{Act, Refusal};
use support::{Sources, Story, at, commit, environment, fleet};

const STORES: &str = "stores: [{name: redis, image: redis, ports: [6379], data: /data}]\nprofiles: [{name: rider, services: [www]}]\n";

fn sources() -> Sources {
    Sources::default()
        .service("www", "run: {ports: [80]}\ndependencies: [local, api]\n")
        .service("api", "run: {ports: [8000]}\ndependencies: [eta]\n")
        .service("eta", "run: {ports: [8001]}\nroles: {web: {instances: 2}, worker: {command: work}, nightly: {command: etl, schedule: \"0 3 * * *\"}}\n")
}

fn story(spec: &str) -> Story {
    Story { environment: environment(spec), fleet: fleet(STORES), sources: sources(), ..Story::empty() }
}

fn ready(story: &Story) -> bool {
    story
        .environment
        .status
        .as_ref()
        .is_some_and(|status| conditions::is_true(&status.conditions, conditions::READY))
}

#[test]
fn an_environment_is_not_ready_before_each_store_says_so() {
    let mut story = story("profile: rider\n");
    story.run(at(0));
    let pod = story.world.objects.iter_mut().find(|object| object.key.kind == "Pod").unwrap();
    pod.body["status"]["containerStatuses"][0]["ready"] = false.into();
    story.look(at(60));
    assert!(!ready(&story), "the StatefulSet counts the pods of a moment ago");
}

#[test]
fn an_environment_is_made_in_order_and_comes_to_rest() {
    let mut story = story("profile: rider\n");
    assert_eq!(
        story.run(at(0)),
        "\
+ Namespace env-demo-1b50a1
+ NetworkPolicy env-demo-1b50a1/environment
+ Service env-demo-1b50a1/local
+ StatefulSet env-demo-1b50a1/local
+ Service env-demo-1b50a1/eta
+ Service env-demo-1b50a1/api
+ Service env-demo-1b50a1/www
+ CronJob env-demo-1b50a1/eta-nightly
+ Deployment env-demo-1b50a1/eta-web
+ Deployment env-demo-1b50a1/eta-worker
+ Deployment env-demo-1b50a1/api
+ Deployment env-demo-1b50a1/www
"
        .replace("1b50a1", &story.world.objects[0].key.name["env-demo-".len()..])
    );
    assert!(ready(&story));
    assert_eq!(story.environment.status.as_ref().unwrap().services.as_deref(), Some("4/4"));
    let before = story.environment.status.clone();
    assert_eq!(story.look(at(60)).act, Act::Wait);
    assert_eq!(story.environment.status, before, "nothing is written that changes nothing");
}

#[test]
fn a_ready_environment_stays_ready_while_a_restarted_operator_reads_its_repositories() {
    let mut story = story("profile: rider\n");
    story.run(at(0));
    let before = story.environment.status.clone();
    story.sources.unread = true;
    assert_eq!(story.look(at(60)).act, Act::Wait);
    assert_eq!(story.environment.status, before);
    story.environment.metadata.generation = Some(2);
    story.look(at(61));
    assert!(!ready(&story), "what is wanted now is not known yet");
}

#[test]
fn a_branch_swaps_one_workload_and_no_other() {
    let mut story = story("profile: rider\n");
    story.run(at(0));
    story.sources = sources().branch("api", "fix", true);
    story.environment.spec.branches.insert("api".to_owned(), "fix".to_owned());
    story.environment.metadata.generation = Some(2);
    assert_eq!(story.run(at(10)).lines().collect::<Vec<_>>().len(), 1);
    let lock = story.environment.status.unwrap().lock;
    let api = lock.iter().find(|locked| locked.service == "api").unwrap();
    assert_eq!((api.commit.clone(), api.why.as_str()), (Some(commit("api", "fix")), "branch fix"));
}

#[test]
fn while_an_image_is_missing_the_old_pod_keeps_running_and_the_image_is_named() {
    let mut story = story("profile: rider\n");
    story.run(at(0));
    let before = story.world.objects.clone();
    story.sources = sources().branch("api", "fix", false);
    story.environment.spec.branches.insert("api".to_owned(), "fix".to_owned());
    let decision = story.look(at(10));
    assert_eq!(story.world.objects, before, "nothing that runs is touched");
    let wait = &decision.status.blocked_by[0];
    assert_eq!(wait.reason, "ImageNotFound");
    assert!(wait.message.contains(&commit("api", "fix")), "{}", wait.message);
    assert_eq!(decision.again, Some(at(13)), "it is looked for again by itself");
    story.sources = sources().branch("api", "fix", true);
    assert_eq!(story.run(at(20)).lines().count(), 1);
    assert!(ready(&story));
}

#[test]
fn a_removed_service_goes_with_its_objects() {
    let mut story = story("services: [api]\n");
    story.run(at(0));
    story.environment.spec.services = vec!["eta".to_owned()];
    let told = story.run(at(10));
    assert_eq!(told.lines().map(|line| &line[..12]).collect::<Vec<_>>(), ["- Service en", "- Deployment"]);
    assert!(ready(&story));
}

#[test]
fn a_deleted_service_gets_the_same_address_back() {
    let mut story = story("services: [eta]\n");
    story.run(at(0));
    let of = |story: &Story| {
        let service = story.world.objects.iter().find(|object| object.key.kind == "Service").unwrap();
        service.body["spec"]["clusterIP"].clone()
    };
    let address = of(&story);
    story.world.objects.retain(|object| object.key.kind != "Service");
    story.run(at(10));
    assert_eq!(of(&story), address);
}

#[test]
fn drift_is_put_back_and_undeclared_fields_are_left() {
    let mut story = story("services: [eta]\n");
    story.run(at(0));
    let web = story.world.objects.iter_mut().find(|object| object.key.name == "eta-web").unwrap();
    web.body["spec"]["replicas"] = 7.into();
    web.body["spec"]["paused"] = false.into();
    let Act::Apply(plan) = story.decide(at(10)).act else { panic!("nothing is done") };
    assert!(plan.to_string().ends_with("eta-web (drift at spec.replicas)\n"), "{plan}");
    assert_eq!(plan.steps.len(), 1);
}

#[test]
fn a_restart_swaps_the_pods_of_one_service_and_nothing_else() {
    let mut story = story("profile: rider\n");
    story.run(at(0));
    let annotations = story.environment.metadata.annotations.get_or_insert_default();
    annotations.insert("slipway.dev/restarted-at.eta".to_owned(), "2026-11-22T10:00:00Z".to_owned());
    let Act::Apply(plan) = story.look(at(10)).act else { panic!("nothing is done") };
    let steps = plan.to_string();
    let steps: Vec<_> = steps.lines().map(|step| step.rsplit('/').next().unwrap_or_default()).collect();
    assert_eq!(steps, ["eta-web", "eta-worker"]);
    assert!(!ready(&story), "it is not ready before the new pods are");
    story.world.settle();
    assert_eq!(story.look(at(60)).act, Act::Wait, "it is done once");
    assert!(ready(&story));
}

#[test]
fn the_stateful_pod_restarts_too() {
    let mut story = story("profile: rider\n");
    story.run(at(0));
    let annotations = story.environment.metadata.annotations.get_or_insert_default();
    annotations.insert("slipway.dev/restarted-at.local".to_owned(), "2026-11-22T10:00:00Z".to_owned());
    let Act::Apply(plan) = story.decide(at(10)).act else { panic!("nothing is done") };
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.to_string().contains("/local"), "{plan}");
}

#[test]
fn a_held_environment_does_not_follow() {
    let mut story = story("services: [eta]\nupdate: hold\n");
    story.run(at(0));
    story.sources.commits.insert(("eta".to_owned(), String::new()), commit("eta", "newer"));
    assert_eq!(story.run(at(10)), "");
    story.environment.spec.update = None;
    let text = story.sources.manifests[&("eta".to_owned(), commit("eta", "trunk"))].clone();
    story.sources.manifests.insert(("eta".to_owned(), commit("eta", "newer")), text);
    story.sources.images.push(format!("registry/eta:{}", commit("eta", "newer")));
    assert_eq!(story.run(at(20)).lines().count(), 3, "each of its three workloads moves");
}

#[test]
fn mistakes_are_named_and_harm_nothing_that_runs() {
    let mut story = story("profile: rider\n");
    story.run(at(0));
    let before = story.world.objects.clone();
    let mut says = |spec: &str| {
        story.environment.spec = environment(spec).spec;
        let decision = story.look(at(10));
        assert_eq!(decision.act, Act::Wait);
        conditions::find(&decision.status.conditions, conditions::STALLED).unwrap().message.clone()
    };
    assert!(says("profile: driver\n").contains("no profile `driver`"));
    assert!(says("services: [nobody]\n").contains("no ServiceRepo `nobody`"));
    assert!(says("services: [eta]\nbranches: {www: x}\n").contains("`branches` names www"));
    assert!(says("services: [eta]\nmachine: huge\n").contains("no machine `huge`"));
    assert!(says("services: [eta]\nbranches: {eta: gone}\n").contains("eta"));
    assert_eq!(story.world.objects, before);
}

#[test]
fn a_circle_of_services_is_named() {
    let mut story = story("services: [a]\n");
    story.sources =
        Sources::default().service("a", "dependencies: [b]\n").service("b", "dependencies: [a]\n");
    let decision = story.look(at(0));
    let stalled = conditions::find(&decision.status.conditions, conditions::STALLED).unwrap();
    assert_eq!(stalled.message, "services depend on each other in a circle: a → b → a");
}

#[test]
fn an_expired_environment_loses_its_namespace_and_keeps_its_object() {
    let mut story = story("services: [eta]\nttl: 60s\n");
    story.run(at(0));
    let told = story.run(at(60));
    assert!(told.starts_with("- Namespace"), "{told}");
    assert!(story.world.objects.is_empty());
    let status = story.environment.status.clone().unwrap();
    assert_eq!(conditions::find(&status.conditions, conditions::ENDED).unwrap().reason, "Expired");
    assert_eq!(story.look(at(120)).act, Act::Wait);
    assert_eq!(story.look(at(60 + 7 * 86_400)).act, Act::RemoveObject, "made by hand: kept for seven days");
    story.environment.metadata.labels = Some([("slipway.dev/gitsync".to_owned(), "fleet".to_owned())].into());
    assert_eq!(story.look(at(60 + 7 * 86_400)).act, Act::Wait, "from git: git's to remove");
}

#[test]
fn a_refusal_is_told_and_a_conflict_is_called_one() {
    let mut story = story("services: [eta]\n");
    story.run(at(0));
    story.refused = Some(Refusal::Conflict("Service env/eta exists and belongs to helm".to_owned()));
    let told = story.decide(at(10)).status.conditions;
    assert!(
        conditions::is_true(&told, conditions::CONFLICT) && conditions::is_true(&told, conditions::STALLED)
    );
    story.refused = Some(Refusal::Refused("failed to create Service env/eta: quota".to_owned()));
    let told = story.decide(at(10)).status.conditions;
    assert!(
        conditions::is_true(&told, conditions::RECONCILING) && !conditions::is_true(&told, conditions::READY)
    );
}

#[test]
fn local_without_stores_is_a_mistake_of_the_fleet() {
    let mut story = story("services: [www]\n");
    story.fleet = fleet("");
    let decision = story.look(at(0));
    let stalled = conditions::find(&decision.status.conditions, conditions::STALLED).unwrap();
    assert!(stalled.message.contains("the Fleet has no stores"), "{}", stalled.message);
}

#[test]
fn a_run_waits_a_moment_for_the_fleet_it_was_applied_with_and_not_for_a_mistake() {
    let outcome = |story: &Story| story.environment.status.clone().unwrap().integration.unwrap().outcome;
    let mut early = story("integration: {service: nobody, commit: main}\n");
    let decision = early.look(at(0));
    assert_eq!((outcome(&early), decision.again), (None, Some(at(10))));
    early.look(at(10));
    assert_eq!(outcome(&early), Some(Outcome::Error));
    let mut mistaken = story("integration: {service: eta, commit: gone}\n");
    mistaken.look(at(0));
    assert_eq!(outcome(&mistaken), Some(Outcome::Error));
}

#[test]
fn a_namespace_that_hangs_is_told_with_what_kubernetes_says() {
    let mut story = story("services: [eta]\n");
    story.run(at(0));
    story.environment.metadata.deletion_timestamp = Some(Time(at(10)));
    let namespace = story.world.objects.iter_mut().find(|object| object.key.kind == "Namespace").unwrap();
    namespace.body["metadata"]["deletionTimestamp"] = at(10).to_string().into();
    namespace.body["status"] = serde_json::json!({"conditions": [
        {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "Some content has finalizers remaining: example.dev/hold"}]});
    let says = |second| story.decide(at(second)).status.conditions[0].clone();
    assert_eq!(says(20).reason, "Terminating");
    let told = says(100);
    assert_eq!(told.reason, "NamespaceHangs");
    assert!(told.message.contains("example.dev/hold"), "{}", told.message);
    story.world.objects.clear();
    assert_eq!(story.decide(at(200)).act, Act::RemoveFinalizer);
}
