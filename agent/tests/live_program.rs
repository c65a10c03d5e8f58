//! `slipway-agent sync` as a process: how it begins and how it ends.

#![allow(clippy::unwrap_used, reason = "a test ends where its setup fails")]

mod place;

use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use place::{Place, write};
use slipway_agent::live::{Sender, SyncOrder};

fn start(place: &Place) -> (Child, Sender<ChildStdout, ChildStdin>) {
    let order = SyncOrder { state: place.state.path().to_owned(), ..SyncOrder::new(place.mount.path()) };
    let mut agent = Command::new(env!("CARGO_BIN_EXE_slipway-agent"))
        .args(["sync", &serde_json::to_string(&order).unwrap()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (output, input) = (agent.stdout.take().unwrap(), agent.stdin.take().unwrap());
    (agent, Sender::greet(output, input).unwrap())
}

#[test]
fn it_ends_well_when_its_input_does() {
    let place = Place::new();
    write(place.work.path(), &[("a/b", "1"), ("c", "2")]);
    let (mut agent, mut sender) = start(&place);
    assert!(sender.sync(&mut place.tree()).unwrap().is_equal);
    place.assert_equal();
    drop(sender);
    assert!(agent.wait().unwrap().success());
}

#[test]
fn a_container_that_goes_away_is_a_lost_connection_and_a_new_one_is_brought_up_to_date() {
    let place = Place::new();
    write(place.work.path(), &[("a", "1")]);
    let (mut agent, mut sender) = start(&place);
    sender.sync(&mut place.tree()).unwrap();
    agent.kill().unwrap();
    agent.wait().unwrap();
    write(place.work.path(), &[("a", "2")]);
    let error = sender.sync(&mut place.tree()).unwrap_err();
    assert!(error.is_lost(), "{error}");
    // A new pod begins with its image.
    let place = Place { mount: tempfile::tempdir().unwrap(), ..place };
    write(place.mount.path(), &[("a", "of the image"), ("old", "of the image")]);
    let (mut agent, mut sender) = start(&place);
    assert!(sender.sync(&mut place.tree()).unwrap().is_equal);
    place.assert_equal();
    drop(sender);
    assert!(agent.wait().unwrap().success());
}

#[test]
fn an_order_that_is_none_is_a_wrong_argument() {
    for words in [&["sync"][..], &["sync", "{}"], &["sync", "/srv/api"]] {
        let ended = Command::new(env!("CARGO_BIN_EXE_slipway-agent")).args(words).output().unwrap();
        assert_eq!(ended.status.code(), Some(64), "{words:?}");
    }
}
