//! Sources from a real git server, through the operator's mirror and endpoint, to the agent that unpacks them. Only the
//! API server is scripted.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, also in what they share")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use slipway_agent::Identity;
use slipway_agent::delta::Delta;
use slipway_agent::order::{Folders, Sources};
use slipway_agent::sources::{SourcesError, assets, fetch, inputs};
use slipway_agent::{Asset, layer::Applied};
use slipway_controller::git::{Git, Limits, Remote};
use slipway_controller::lease::Tenure;
use slipway_controller::sources::{Repository, Supply, router};
use slipway_plan::commit::CommitId;
use support::git_server::GitServer;
use support::repository::Repository as Served;

/// What the API server knows, by path; all else is not found.
type World = Arc<Mutex<Vec<(&'static str, Value)>>>;

fn client(world: &World) -> Client {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let world = Arc::clone(world);
    tokio::spawn(async move {
        while let Some((request, send)) = handle.next_request().await {
            let path = request.uri().path().to_owned();
            let known = world.lock().unwrap().iter().find(|(known, _)| *known == path).cloned();
            let missing = json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404});
            let (status, value) = known.map_or((404, missing), |(_, value)| (200, value));
            let body = Body::from(value.to_string().into_bytes());
            send.send_response(Response::builder().status(status).body(body).unwrap());
        }
    });
    Client::new(service, "default")
}

/// Who has the token, and one environment with one pod, made for these commits.
fn world(service: &CommitId, ops: &CommitId) -> World {
    let extra = json!({"authentication.kubernetes.io/pod-name": ["www-x"],
        "authentication.kubernetes.io/pod-uid": ["pod-uid"]});
    let user = json!({"username": "system:serviceaccount:env-emma:default", "extra": extra});
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": ""},
        "status": {"authenticated": true, "audiences": ["slipway.dev/builds"], "user": user}});
    let labels = json!({"slipway.dev/environment": "emma", "slipway.dev/owner-uid": "env-uid",
        "slipway.dev/service": "www"});
    let commits = json!({"slipway.dev/commit": service.as_str(), "slipway.dev/ops-commit": ops.as_str()});
    let pod =
        json!({"metadata": {"name": "www-x", "uid": "pod-uid", "labels": labels, "annotations": commits}});
    let environment = json!({"apiVersion": "slipway.dev/v1alpha1", "kind": "DevEnvironment", "spec": {},
        "metadata": {"name": "emma", "namespace": "fleet", "uid": "env-uid"},
        "status": {"namespace": {"name": "env-emma"}}});
    Arc::new(Mutex::new(vec![
        ("/apis/authentication.k8s.io/v1/tokenreviews", review),
        ("/api/v1/namespaces/env-emma/pods/www-x", pod),
        ("/apis/slipway.dev/v1alpha1/namespaces/fleet/devenvironments/emma", environment),
    ]))
}

/// The operator, and a container that asks it.
struct Story {
    url: String,
    folder: tempfile::TempDir,
    _mirrors: tempfile::TempDir,
}

impl Story {
    async fn new(server: &GitServer, world: &World, tenure: Tenure) -> Self {
        let mirrors = tempfile::tempdir().unwrap();
        let git = Git::new(mirrors.path(), Limits::default()).unwrap();
        let (service, ops) = (server.url("www.git"), server.url("ops.git"));
        let find = move |namespace: &str, name: &slipway_plan::service_name::ServiceName, which| {
            assert_eq!((namespace, name.as_str()), ("fleet", "www"));
            let url = if which == Repository::Service { &service } else { &ops };
            Some(Remote::public(url).unwrap())
        };
        let supply = Supply { client: client(world), tenure, git, find: Arc::new(find) };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/sources/fleet/www", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router(supply)).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "secret").unwrap();
        Self { url, folder, _mirrors: mirrors }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// As the agent does it, from what is there to what is wanted.
    async fn fetch(&self, has: Option<Identity>, wants: &Identity) -> Result<(), SourcesError> {
        let from = Sources { url: self.url.clone(), token_file: self.at("token") };
        let folders = Folders { service: self.at("service"), ops: self.at("ops"), ..Folders::default() };
        let delta = Delta::between(has.as_ref(), wants);
        tokio::task::spawn_blocking(move || fetch(&delta, &from, &folders).map(drop)).await.unwrap()
    }

    fn from(&self) -> Sources {
        Sources { url: self.url.clone(), token_file: self.at("token") }
    }

    /// The assets of a commit, as the agent asks for them.
    async fn assets(&self, commit: &CommitId) -> Result<Vec<Asset>, SourcesError> {
        let (from, commit) = (self.from(), commit.as_str().to_owned());
        tokio::task::spawn_blocking(move || assets(&from, &commit)).await.unwrap()
    }

    async fn inputs(&self, commit: &CommitId, at: usize) -> Result<Applied, SourcesError> {
        let (from, commit, folder) = (self.from(), commit.as_str().to_owned(), self.at("inputs"));
        tokio::task::spawn_blocking(move || inputs(&from, &commit, at, &folder)).await.unwrap()
    }

    fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.at(path)).ok()
    }
}

fn identity(service: &CommitId, ops: &CommitId) -> Identity {
    let (service_sha, ops_sha) = (service.as_str().to_owned(), ops.as_str().to_owned());
    Identity { service: "www".to_owned(), service_sha, ops_sha }
}

fn repositories(server: &GitServer) -> (Served, Served) {
    (server.repository("www.git"), server.repository("ops.git"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_gets_both_repositories_and_later_only_what_changed() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let states = ops.commit("main", &[("states/top.sls", "base: {}")]);
    let large: String = "some line of a file\n".repeat(80_000);
    let first =
        www.commit("main", &[("app/a.py", "1"), ("app/b.py", "1"), ("data", &large), ("link", "-> app")]);
    let second = www.commit("main", &[("app/a.py", "2"), ("data", &large), ("link", "-> app")]);

    let story = Story::new(&server, &world(&first, &states), Tenure::unlimited()).await;
    story.fetch(None, &identity(&first, &states)).await.unwrap();
    assert_eq!(story.read("service/app/a.py").as_deref(), Some("1"));
    assert_eq!(story.read("service/data"), Some(large));
    assert_eq!(fs::read_link(story.at("service/link")).unwrap(), PathBuf::from("-> app"));
    assert_eq!(story.read("ops/states/top.sls").as_deref(), Some("base: {}"));
    let modified = fs::metadata(story.at("service/app/a.py")).unwrap().modified().unwrap();
    let seconds = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(seconds, 1_800_000_000, "the commit's time");

    fs::write(story.at("service/app/cache.pyc"), "left by a program").unwrap();
    let other = Story::new(&server, &world(&second, &states), Tenure::unlimited()).await;
    let story = Story { url: other.url.clone(), ..story };
    story.fetch(Some(identity(&first, &states)), &identity(&second, &states)).await.unwrap();
    assert_eq!(story.read("service/app/a.py").as_deref(), Some("2"));
    assert_eq!(story.read("service/app/b.py"), None, "it is gone");
    assert!(story.read("service/app/cache.pyc").is_some(), "only what changed is touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_push_over_what_is_there_the_whole_comes() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let states = ops.commit("main", &[("top.sls", "base: {}")]);
    let lost = www.commit("main", &[("a", "1"), ("gone", "1")]);
    let now = www.rewrite("main", &[("a", "2")]);
    let story = Story::new(&server, &world(&now, &states), Tenure::unlimited()).await;
    fs::create_dir_all(story.at("service")).unwrap();
    fs::write(story.at("service/gone"), "1").unwrap();
    story.fetch(Some(identity(&lost, &states)), &identity(&now, &states)).await.unwrap();
    assert_eq!((story.read("service/a").as_deref(), story.read("service/gone")), (Some("2"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_gets_no_commit_but_those_it_was_made_for() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let states = ops.commit("main", &[("top.sls", "base: {}")]);
    let own = www.commit("main", &[("a", "1")]);
    let others = www.commit("secret", &[("a", "secret")]);
    let story = Story::new(&server, &world(&own, &states), Tenure::unlimited()).await;
    let refused = story.fetch(None, &identity(&others, &states)).await.unwrap_err().to_string();
    assert!(refused.contains("403") && refused.contains("another commit"), "{refused}");
    let unknown: CommitId = "0123456789012345678901234567890123456789".parse().unwrap();
    let story = Story::new(&server, &world(&unknown, &states), Tenure::unlimited()).await;
    let refused = story.fetch(None, &identity(&unknown, &states)).await.unwrap_err().to_string();
    assert!(refused.contains("404") && refused.contains("no longer has commit"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_anything_else_gets_nothing() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let (own, states) = (www.commit("main", &[("a", "1")]), ops.commit("main", &[("b", "1")]));
    let world = world(&own, &states);
    world.lock().unwrap()[0].1["status"]["audiences"] = json!(["slipway.dev/run"]);
    let story = Story::new(&server, &world, Tenure::unlimited()).await;
    let refused = story.fetch(None, &identity(&own, &states)).await.unwrap_err().to_string();
    assert!(refused.contains("401"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_repository_must_not_hold_is_refused_in_words() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let states = ops.commit("main", &[("top.sls", "base: {}")]);
    let hostile = www.folder(&[("100644", b".wh.hosts", www.blob(b""))]);
    let commit = www.commit_folder("main", hostile);
    let story = Story::new(&server, &world(&commit, &states), Tenure::unlimited()).await;
    let refused = story.fetch(None, &identity(&commit, &states)).await.unwrap_err().to_string();
    assert!(refused.contains("422") && refused.contains(".wh.hosts"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_has_nothing_to_give() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let (own, states) = (www.commit("main", &[("a", "1")]), ops.commit("main", &[("b", "1")]));
    let story = Story::new(&server, &world(&own, &states), Tenure::none()).await;
    let url = format!("{}/service?to={own}", story.url);
    let answer = tokio::task::spawn_blocking(move || {
        let agent = slipway_agent::operator::client(std::time::Duration::from_secs(5));
        let answer = agent.get(&url).call().unwrap();
        (answer.status().as_u16(), answer.headers()["connection"].to_str().unwrap().to_owned())
    });
    assert_eq!(answer.await.unwrap(), (503, "close".to_owned()));
}

const MANIFEST: &str = "name: www\nassets: [{command: make, inputs: [art, '*.lock'], output: public}]\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_container_learns_what_an_asset_depends_on_and_gets_its_inputs_alone() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let states = ops.commit("main", &[("top.sls", "base: {}")]);
    let files = |css: &'static str, main: &'static str| {
        [
            ("manifest.yaml", MANIFEST),
            ("art/deep/a.css", css),
            ("a.lock", "1"),
            ("lib/b.lock", "1"),
            ("main.py", main),
        ]
    };
    let commits = [files("1", "1"), files("1", "2"), files("2", "2")].map(|files| www.commit("main", &files));
    let mut told = Vec::new();
    for commit in &commits {
        let story = Story::new(&server, &world(commit, &states), Tenure::unlimited()).await;
        let asset = story.assets(commit).await.unwrap().remove(0);
        assert_eq!((asset.command.as_str(), asset.output.as_str()), ("make", "public"));
        told.push(asset.sources);
        assert_eq!(story.inputs(commit, 0).await.unwrap().written, 2);
        assert!(story.read("inputs/art/deep/a.css").is_some() && story.read("inputs/a.lock").is_some());
        assert!(!story.at("inputs/lib").exists() && !story.at("inputs/main.py").exists());
        let refused = story.inputs(commit, 1).await.unwrap_err().to_string();
        assert!(refused.contains("404"), "{refused}");
    }
    assert_eq!(told[0], told[1], "no input changed");
    assert_ne!(told[1], told[2], "an input changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn assets_of_other_commits_are_not_told_and_mistakes_are_told_in_words() {
    let server = GitServer::start().await;
    let (www, ops) = repositories(&server);
    let states = ops.commit("main", &[("top.sls", "base: {}")]);
    let own = www.commit("main", &[("manifest.yaml", MANIFEST), ("art/a", "1"), ("public/.gitkeep", "")]);
    let others = www.commit("secret", &[("manifest.yaml", MANIFEST), ("art/a", "secret")]);
    let story = Story::new(&server, &world(&own, &states), Tenure::unlimited()).await;
    let refused = story.assets(&others).await.unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
    let refused = story.inputs(&others, 0).await.unwrap_err().to_string();
    assert!(refused.contains("403"), "{refused}");
    let refused = story.assets(&own).await.unwrap_err().to_string();
    assert!(refused.contains("422") && refused.contains("the commit has `public/.gitkeep`"), "{refused}");
}
