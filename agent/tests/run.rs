//! The agent as a process: it runs a command, and its result arrives.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod server;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use server::{Request, Server};
use tempfile::TempDir;

const AGENT: &str = env!("CARGO_BIN_EXE_slipway-agent");

/// A folder with a token, in which a command is run.
struct Pod {
    folder: TempDir,
}

impl Pod {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "first\n").unwrap();
        Self { folder }
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn agent(&self, url: &str, more: &[&str], script: &str) -> Command {
        let mut command = Command::new(AGENT);
        command.args(["run", "--url", url, "--token-file"]).arg(self.token_file());
        command.args(more).args(["--", "/bin/sh", "-c", script]);
        command.current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, server: &Server, script: &str) -> Output {
        self.agent(&server.url, &[], script).output().unwrap()
    }
}

fn accepting() -> Server {
    Server::start(&[200], |_| {})
}

fn only(server: &Server) -> Request {
    let request = server.requests.try_recv().unwrap();
    assert!(server.requests.try_recv().is_err(), "it was delivered more than once");
    request
}

#[test]
fn a_result_is_offered_until_it_is_acknowledged() {
    let server = Server::start(&[503, 200], |_| {});
    let output = Pod::new().run(&server, "echo hello; exit 3");
    assert_eq!(output.status.code(), Some(3));
    let (first, second) = (server.requests.try_recv().unwrap(), server.requests.try_recv().unwrap());
    assert_eq!(first.report, second.report);
    assert_eq!((second.report.exit_code, second.report.log.as_str()), (Some(3), "hello\n"));
    assert_eq!(second.line, "POST /v1/runs/fleet/ci/1 HTTP/1.1");
    assert!(server.requests.try_recv().is_err(), "nothing is offered after it was acknowledged");
}

#[test]
fn the_agent_ends_with_the_commands_own_code() {
    let cases =
        [("exit 0", Some(0), Some(0)), ("exit 7", Some(7), Some(7)), ("kill -KILL $$", Some(137), Some(137))];
    for (script, exit, reported) in cases {
        let server = accepting();
        assert_eq!(Pod::new().run(&server, script).status.code(), exit, "{script}");
        let report = only(&server).report;
        assert_eq!((report.exit_code, report.error), (reported, None), "{script}");
    }
}

#[test]
fn a_command_that_cannot_start_is_no_verdict() {
    let (pod, server) = (Pod::new(), accepting());
    let mut agent = Command::new(AGENT);
    agent
        .args(["run", "--url", &server.url, "--token-file"])
        .arg(pod.token_file())
        .args(["--", "/no/such/shell"]);
    assert_eq!(agent.output().unwrap().status.code(), Some(127));
    let report = only(&server).report;
    assert_eq!(report.exit_code, None);
    assert!(report.error.unwrap().starts_with("the command could not start: /no/such/shell: No such file"));
}

#[test]
fn both_outputs_are_passed_on_unchanged_and_their_end_is_delivered() {
    let server = accepting();
    let script = "printf 'a\\377b'; printf oops >&2; head -c 100000 /dev/zero | tr '\\0' x";
    let output = Pod::new().run(&server, script);
    assert_eq!(&output.stdout[..3], b"a\xffb");
    assert_eq!((output.stdout.len(), output.stderr.as_slice()), (100_003, b"oops".as_slice()));
    let report = only(&server).report;
    assert_eq!(report.log.len(), 64 * 1024);
    assert_eq!(report.log_cut, 100_007 - 64 * 1024);
}

#[test]
fn the_junit_files_of_the_glob_are_delivered() {
    let (pod, server) = (Pod::new(), accepting());
    let script =
        "mkdir -p test/results; echo '<a/>' > test/results/unit-a.xml; echo no > test/results/other.xml";
    let glob = ["--glob", "test/results/unit-*.xml"];
    assert!(pod.agent(&server.url, &glob, script).output().unwrap().status.success());
    let report = only(&server).report;
    let files: Vec<_> = report.files.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect();
    assert_eq!(files, [("test/results/unit-a.xml", "<a/>\n")]);
    assert_eq!(report.notes, Vec::<String>::new());
}

#[test]
fn a_renewed_token_is_used() {
    let pod = Pod::new();
    let token = pod.token_file();
    let renew = move |number| {
        if number == 0 {
            fs::write(&token, "second\n").unwrap();
        }
    };
    let server = Server::start(&[401, 200], renew);
    assert!(pod.run(&server, "true").status.success());
    let tokens: Vec<_> = server.requests.try_iter().map(|request| request.authorization).collect();
    assert_eq!(tokens, ["Bearer first", "Bearer second"]);
}

#[test]
fn a_result_that_is_refused_for_good_is_not_offered_again() {
    let server = Server::start(&[409], |_| {});
    let output = Pod::new().run(&server, "true");
    assert_eq!(output.status.code(), Some(75));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("refuses the result with 409: because"), "{said}");
    only(&server);
}

#[test]
fn the_agent_gives_up_after_a_time_and_says_why() {
    let server = Server::start(&[503], |_| {});
    let output = Pod::new().agent(&server.url, &["--give-up-after", "1"], "true").output().unwrap();
    assert_eq!(output.status.code(), Some(75));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not taken in time, at last: 503 because"), "{said}");
}

#[test]
fn a_proxy_of_the_services_environment_is_not_asked() {
    let (pod, server) = (Pod::new(), accepting());
    let mut agent = pod.agent(&server.url, &["--give-up-after", "1"], "true");
    let nobody = "http://127.0.0.1:1";
    agent.envs(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].map(|name| (name, nobody)));
    assert!(agent.output().unwrap().status.success());
}

/// An agent whose command has said that it is ready.
fn ready(agent: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = agent.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, output)
}

fn rest(mut output: impl std::io::Read) -> String {
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    rest
}

#[test]
fn a_signal_reaches_the_command_and_makes_its_code_no_verdict() {
    let (pod, server) = (Pod::new(), accepting());
    let script = "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let (mut child, output) = ready(&mut pod.agent(&server.url, &[], script));
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(rest(output), "got it\n");
    let report = only(&server).report;
    assert_eq!(report.exit_code, Some(9));
    assert_eq!(report.error.as_deref(), Some("the tests were told to stop by SIGTERM before they ended"));
}

#[test]
fn a_signal_that_asks_for_something_else_is_only_passed_on() {
    let (pod, server) = (Pod::new(), accepting());
    let script = "trap 'exit 0' USR1; echo ready; while :; do sleep 0.05; done";
    let (mut child, _output) = ready(&mut pod.agent(&server.url, &[], script));
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGUSR1).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(only(&server).report.error, None);
}

#[test]
fn what_the_command_leaves_running_does_not_hold_its_result_back() {
    let (pod, server) = (Pod::new(), accepting());
    let mut child = pod.agent(&server.url, &[], "sleep 600 & echo $!").spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let request = server.requests.recv_timeout(Duration::from_mins(1));
    kill(Pid::from_raw(line.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(request.unwrap().report.exit_code, Some(0));
    assert!(child.wait().unwrap().success());
}

#[test]
fn as_the_first_process_of_a_container_it_buries_orphans_and_gets_signals() {
    let (pod, server) = (Pod::new(), accepting());
    // The orphan's folder in /proc is there until somebody has waited for it.
    let script = "orphan=$(sh -c 'true & echo $!')\n\
        while [ -d /proc/$orphan ]; do sleep 0.05; done\n\
        trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done";
    let agent = pod.agent(&server.url, &[], script);
    let mut container = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        container.args(["--user", "--map-root-user"]);
    }
    container.args(["--pid", "--fork", "--mount-proc", "--kill-child"]);
    container.arg(agent.get_program()).args(agent.get_args());
    container.current_dir(pod.folder.path()).stdout(Stdio::piped());
    let (mut child, _output) = ready(&mut container);
    kill(first_process_below(child.id()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5));
    assert!(only(&server).report.error.unwrap().contains("SIGTERM"));
}

/// The agent below `unshare`, as the host sees it.
fn first_process_below(parent: u32) -> Pid {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap())
}

#[test]
fn an_installed_copy_runs_for_every_user() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("agent");
    assert!(Command::new(AGENT).arg("install").arg(&copy).status().unwrap().success());
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(fs::read(&copy).unwrap(), fs::read(Path::new(AGENT)).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn wrong_arguments_are_told_before_anything_runs() {
    let output = Command::new(AGENT).args(["run", "--url", "http://operator/", "--"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8(output.stderr).unwrap().contains("resolves no names"));
}
