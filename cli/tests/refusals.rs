//! The program as it is called, where no cluster is needed: help, refusals and their exit codes.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

use std::process::{Command, Output, Stdio};

/// A kubeconfig whose cluster nobody is.
const KUBECONFIG: &str = "apiVersion: v1
kind: Config
current-context: nobody
clusters: [{name: nobody, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: nobody, user: {}}]
contexts:
- {name: nobody, context: {cluster: nobody, user: nobody, namespace: fleet}}
- {name: production, context: {cluster: nobody, user: nobody}}
";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kubeconfig"), KUBECONFIG).unwrap();
        Self { folder }
    }

    /// The program in a folder of its own, with nothing of the caller's surroundings.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipway"));
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null()).env_clear();
        command.env("KUBECONFIG", self.folder.path().join("kubeconfig")).env("USER", "emma");
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "results and complaints are not mixed");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn without_a_context_every_verb_is_refused() {
    let place = Place::new();
    let verbs: [&[&str]; 16] = [
        &["start", "www"],
        &["stop"],
        &["status"],
        &["why", "www"],
        &["logs"],
        &["restart", "www"],
        &["doctor"],
        &["open", "www"],
        &["exec", "www", "--", "true"],
        &["exec", "--failed", "www"],
        &["build", "www"],
        &["sync", "www"],
        &["list"],
        &["keep", "--for", "8h"],
        &["plan", "demo"],
        &["test", "www", "--commit", "main"],
    ];
    for verb in verbs {
        let refused = place.run(verb);
        assert_eq!(code(&refused), 64, "{verb:?}");
        let complaint = complaint(&refused);
        assert!(complaint.starts_with("error: no context was named"), "{complaint}");
        assert!(complaint.contains("    nobody\n    production\n"), "{complaint}");
        assert!(complaint.contains("--context nobody"), "{complaint}");
    }
}

#[test]
fn an_empty_variable_names_no_context() {
    let place = Place::new();
    let refused = place.command(&["list"]).env("SLIPWAY_CONTEXT", "").output().unwrap();
    assert_eq!(code(&refused), 64);
}

#[test]
fn a_context_that_is_not_there_is_refused() {
    let place = Place::new();
    let refused = place.command(&["list"]).env("SLIPWAY_CONTEXT", "staging").output().unwrap();
    assert_eq!(code(&refused), 64);
    assert!(complaint(&refused).starts_with("error: there is no context staging in the kubeconfig"));
}

#[test]
fn without_a_kubeconfig_it_says_what_to_do() {
    let place = Place::new();
    let refused =
        place.command(&["list"]).env("KUBECONFIG", place.folder.path().join("none")).output().unwrap();
    assert_eq!(code(&refused), 64);
    assert!(complaint(&refused).contains("no context at all"));
}

#[test]
fn the_first_line_names_context_and_namespace() {
    let place = Place::new();
    let headline = |words: &[&str]| complaint(&place.run(words)).lines().next().unwrap().to_owned();
    assert_eq!(headline(&["list", "--context", "nobody"]), "context nobody, namespace fleet");
    assert_eq!(headline(&["list", "--context", "production"]), "context production, namespace default");
    assert_eq!(
        headline(&["list", "--context", "production", "-n", "demo"]),
        "context production, namespace demo"
    );
}

#[test]
fn a_cluster_that_does_not_answer_is_an_error_and_for_a_test_an_undecided_one() {
    let place = Place::new();
    let listed = place.run(&["list", "--context", "nobody"]);
    assert_eq!(code(&listed), 1);
    let told = complaint(&listed);
    let lines: Vec<_> = told.lines().collect();
    assert!(
        lines[1].starts_with("error: failed to list the environments: the API server cannot be reached: "),
        "{told}"
    );
    assert!(lines[2].starts_with("  is the cluster of this context running"), "{told}");
    assert_eq!(lines.len(), 3, "it is told once: {told}");
    let tested = place.run(&["test", "www", "--commit", "main", "--context", "nobody"]);
    assert_eq!(code(&tested), 2);
    let executed = place.run(&["exec", "www", "--context", "nobody", "--", "true"]);
    assert_eq!(code(&executed), 125);
}

#[test]
fn wrong_words_are_told_from_failures_by_their_code() {
    let place = Place::new();
    for words in [
        &["begin"][..],
        &["exec", "www"],
        &["exec", "--failed", "www", "--role", "worker"],
        &["keep", "--for", "soon"],
        &["test", "www"],
        &[],
    ] {
        assert_eq!(code(&place.run(words)), 64, "{words:?}");
    }
    let service = place.run(&["start", "Www", "--context", "nobody"]);
    assert_eq!(code(&service), 64);
    assert!(complaint(&service).contains("`Www` is not a service name"));
}

#[test]
fn a_mistake_in_a_file_is_told_with_its_place_before_anything_is_sent() {
    let place = Place::new();
    let yaml = "apiVersion: slipway.dev/v1alpha1\nkind: DevEnvironment\nmetadata: {name: demo}\nspec:\n  services: [www]\n  ttl: 8\n";
    std::fs::write(place.folder.path().join("demo.yaml"), yaml).unwrap();
    let planned = place.run(&["plan", "demo.yaml", "--context", "nobody"]);
    assert_eq!(code(&planned), 1);
    let told = complaint(&planned);
    assert!(told.contains("error: demo.yaml:6:8: text is expected here: write \"8\" with quotes"), "{told}");
}

fn read(place: &Place, path: &str) -> String {
    std::fs::read_to_string(place.folder.path().join(path)).unwrap()
}

#[test]
fn a_new_service_is_made_of_files_without_any_cluster() {
    let place = Place::new();
    let url = "http://git.test/greeter.git";
    let made = place.run(&["build", "new_service_greeter", "--dir", "src", "--repository", url]);
    assert_eq!((code(&made), made.stderr.len()), (0, 0));
    let told = String::from_utf8(made.stdout).unwrap();
    for path in ["greeter/manifest.yaml", "ops/states/greeter/init.sls", "ops/states/top.sls"] {
        assert!(told.contains(&format!("\n  {path}\n")), "{told}");
        assert!(read(&place, &format!("src/{path}")).contains("greeter"), "{path}");
    }
    assert!(told.contains(&format!("git push {url} main\n")), "{told}");
    assert!(read(&place, "src/fleet/services/greeter.yaml").contains(&format!("  url: {url}\n")));

    let before = read(&place, "src/ops/states/top.sls");
    let second = place.run(&["build", "new_service_api", "--dir", "src", "-o", "json"]);
    assert_eq!(code(&second), 0);
    let told = String::from_utf8(second.stdout).unwrap();
    assert!(told.contains("api/manifest.yaml") && !told.contains("top.sls"), "{told}");
    assert_eq!(read(&place, "src/ops/states/top.sls"), before, "it is somebody's");
}

#[test]
fn a_new_service_overwrites_nothing_and_has_a_name_that_can_be_one() {
    let place = Place::new();
    std::fs::create_dir(place.folder.path().join("greeter")).unwrap();
    std::fs::write(place.folder.path().join("greeter/server.py"), "mine").unwrap();
    let refused = place.run(&["build", "new_service_greeter"]);
    assert_eq!(code(&refused), 64);
    assert!(complaint(&refused).contains("greeter/server.py is there already, and nothing is overwritten"));
    assert_eq!(read(&place, "greeter/server.py"), "mine");
    assert!(!place.folder.path().join("ops").exists(), "all, or nothing");
    let cases: [(&[&str], &str); 6] = [
        (&["new_service_X"], "`X` is not a service name"),
        (&["new_service_"], "`` is not a service name"),
        (&["new_service_local"], "cannot be called local"),
        (&["new_service_ops"], "cannot be called ops"),
        (&["new_service_api", "--watch"], "--watch is for a build"),
        (&["new_service_api", "--repository", "api"], "`api` is not where a repository is"),
    ];
    for (words, expected) in cases {
        let refused = place.run(&[&["build"], words].concat());
        assert_eq!(code(&refused), 64, "{words:?}");
        assert!(complaint(&refused).contains(expected), "{words:?}");
    }
    let old = place.run(&["build", "www", "--dir", ".", "--context", "nobody"]);
    assert_eq!(code(&old), 64);
    assert!(complaint(&old).contains("is new_service_www meant?"));
}

#[test]
fn only_the_folder_of_the_service_itself_is_mirrored_into_it() {
    let place = Place::new();
    let synced = |words: &[&str]| place.run(&[words, &["--context", "nobody"]].concat());
    let nowhere = synced(&["sync", "api", "."]);
    assert_eq!(code(&nowhere), 64);
    assert!(complaint(&nowhere).contains("the root of a service's repository?"));
    std::fs::write(
        place.folder.path().join("manifest.yaml"),
        "name: www\nimage: x\nrun: {mount: /srv/www}\n",
    )
    .unwrap();
    for words in [&["sync", "api"][..], &["start", "api", "--live"], &["start", "api", "--live", "."]] {
        let other = synced(words);
        assert_eq!(code(&other), 64, "{words:?}");
        assert!(complaint(&other).contains("is the code of www, and not of api"), "{words:?}");
    }
    let detached = synced(&["start", "www", "--detach", "--live"]);
    assert_eq!(code(&detached), 64);
    let right = synced(&["sync", "www", "--once"]);
    assert_eq!(code(&right), 1, "only the cluster is in the way");
}

#[test]
fn only_the_root_of_a_git_working_tree_is_mirrored_as_the_ops_repository() {
    let place = Place::new();
    let synced = |words: &[&str]| place.run(&[words, &["--context", "nobody"]].concat());
    for words in [&["sync", "--ops"][..], &["sync", "api", "--ops", "."], &["start", "api", "--live-ops"]] {
        let nowhere = synced(words);
        assert_eq!(code(&nowhere), 64, "{words:?}");
        assert!(complaint(&nowhere).contains("is no git working tree"), "{words:?}");
    }
    let several = synced(&["sync", "api", ".", "www"]);
    assert_eq!(code(&several), 64);
    assert!(complaint(&several).contains("several services are for --ops"));
    for words in [&["start", "--live-ops", "--live"][..], &["start", "--live-ops", "--detach"], &["sync"]] {
        assert_eq!(code(&synced(words)), 64, "{words:?}");
    }
    std::fs::create_dir(place.folder.path().join(".git")).unwrap();
    std::fs::write(place.folder.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    assert_eq!(code(&synced(&["sync", "--ops", "--once"])), 1, "only the cluster is in the way");
}

#[test]
fn help_is_no_error_and_has_examples_and_codes() {
    let place = Place::new();
    let help = place.run(&["--help"]);
    assert_eq!((code(&help), help.stderr.len()), (0, 0));
    let told = String::from_utf8(help.stdout).unwrap();
    let unwrapped: Vec<&str> = told.split_whitespace().collect();
    assert!(unwrapped.join(" ").contains("64 wrong arguments"), "{told}");
    for verb in [
        "start",
        "stop",
        "status",
        "why",
        "logs",
        "open",
        "restart",
        "exec",
        "build",
        "sync",
        "doctor",
        "keep",
        "plan",
        "test",
        "completion",
        "man",
    ] {
        let help = place.run(&[verb, "--help"]);
        assert_eq!(code(&help), 0, "{verb}");
        assert!(String::from_utf8(help.stdout).unwrap().contains("Example"), "{verb}");
    }
}

#[test]
fn a_cluster_that_does_not_answer_is_all_that_doctor_can_say() {
    let place = Place::new();
    let looked = place.run(&["doctor", "--context", "nobody"]);
    assert_eq!(code(&looked), 1);
    let told = String::from_utf8(looked.stdout).unwrap();
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("✗ cluster  the API server cannot be reached: "), "{told}");
    assert!(lines[1].trim_start().starts_with("is the cluster of this context running"), "{told}");
    assert_eq!(lines[2..], ["1 thing is in the way"]);
}

#[test]
fn completion_and_manual_need_no_context() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completion", shell]);
        assert_eq!(code(&script), 0, "{shell}");
        assert!(String::from_utf8(script.stdout).unwrap().contains("SLIPWAY_COMPLETE"), "{shell}");
    }
    assert_eq!(code(&place.run(&["completion", "tcsh"])), 64);
    assert_eq!(code(&place.run(&["man", "pages"])), 0);
    let page = std::fs::read_to_string(place.folder.path().join("pages/slipway-why.1")).unwrap();
    assert!(page.contains("Say why a service runs what it runs"), "{page}");
    std::fs::write(place.folder.path().join("file"), "").unwrap();
    assert_eq!(code(&place.run(&["man", "file/pages"])), 64);
}

#[test]
fn a_word_goes_on_without_a_cluster_where_none_is_named() {
    let place = Place::new();
    let offered = |words: &[&str]| {
        let mut command = place.command(&[&["--", "slipway"], words].concat());
        command.env("SLIPWAY_COMPLETE", "bash").env("_CLAP_IFS", "\n");
        let asked = command.env("_CLAP_COMPLETE_INDEX", words.len().to_string()).output().unwrap();
        assert_eq!((code(&asked), asked.stderr.len()), (0, 0), "{words:?}");
        String::from_utf8(asked.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(offered(&["rest"]), "restart");
    assert_eq!(offered(&["logs", "--level", "w"]), "warn");
    assert_eq!(offered(&["list", "--context", ""]), "nobody production");
    assert_eq!(offered(&["status", "d"]), "");
}

#[test]
fn its_old_name_works_through_a_link() {
    let place = Place::new();
    let link = place.folder.path().join("service");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_slipway"), &link).unwrap();
    let mut command = Command::new("./service");
    command.args(["start", "api", "dispatch", "eta"]).current_dir(place.folder.path()).env_clear();
    let refused = command.env("KUBECONFIG", place.folder.path().join("kubeconfig")).output().unwrap();
    assert_eq!(code(&refused), 64);
    assert!(complaint(&refused).contains("no context was named"));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let place = Place::new();
    let mut help =
        place.command(&["test", "--help"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(help.stdout.take());
    let ended = help.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&ended.stderr).contains("panicked"));
}
