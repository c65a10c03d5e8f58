//! A part that fails is named, with its last words.

use slipway_cluster::{Cluster, Error, Mode, Options, Process, Progress};

use crate::workload::{busybox, cluster, run};

fn process(script: &str) -> Process {
    Process {
        name: "git".into(),
        command: ["sh", "-c", script].map(Into::into).to_vec(),
        environment: Vec::new(),
        ready: Some("10.87.0.1:3000".parse().unwrap()),
    }
}

#[tokio::test]
async fn a_start_fails_with_the_name_and_the_last_lines_of_the_part() {
    let processes = vec![process("echo cannot open the repository; exit 3")];
    let options = Options { mode: Mode::Fast, processes, progress: Progress::Quiet, ..Options::default() };
    let Err(failure) = Cluster::start(options).await else { panic!("it cannot start") };
    let Error::Part { name, reason, log } = failure else { panic!("{failure}") };
    assert_eq!((name.as_str(), log.as_str()), ("git", "cannot open the repository"));
    assert!(reason.contains("exit status: 3"), "{reason}");
}

#[tokio::test]
async fn a_part_that_ends_later_is_told() {
    let cluster = cluster(Mode::Full).await;
    run(&cluster, &["sh", "-c", "kill $(pidof kube-scheduler-1.36.3)"]).await;
    assert_eq!(cluster.ended().await.name, "kube-scheduler");
}

#[tokio::test]
async fn a_started_process_is_awaited_and_reached_inside() {
    let cluster = cluster(Mode::Full).await;
    let busybox = busybox().display().to_string();
    let mut web = process("");
    web.command = [busybox.as_str(), "httpd", "-f", "-p", "3000"].map(Into::into).to_vec();
    cluster.start_inside(web).await.unwrap();
    run(&cluster, &[&busybox, "nc", "-w", "5", "10.87.0.1", "3000"]).await;
}
