//! The operator's end of the sources: archives of git repositories, for whoever shows the token.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use git2::{Delta, Oid};
use slipway_agent::layer::{LayerWriter, Limits, Metadata};

/// It answers as long as the test runs.
pub struct Operator {
    pub url: String,
    asked: Receiver<String>,
}

impl Operator {
    /// Serves the repository of a service and that of operations.
    pub fn start(service: &Path, ops: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let repositories = [("/service", service.to_owned()), ("/ops", ops.to_owned())];
        let (sender, asked) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(target) = target(&stream) else { continue };
                let body = answer(&repositories, &target);
                let (status, body) = body.map_or((404, b"no such commit".to_vec()), |body| (200, body));
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let written = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                if written.is_err() || sender.send(target).is_err() {
                    return;
                }
            }
        });
        Self { url, asked }
    }

    /// What was asked for since the last time.
    pub fn asked(&self) -> Vec<String> {
        self.asked.try_iter().collect()
    }
}

/// Path and query, when the request has the token.
fn target(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let mut headers = lines.take_while(|line| !line.is_empty());
    headers.any(|line| line.eq_ignore_ascii_case("authorization: bearer secret")).then_some(target)
}

fn answer(repositories: &[(&str, PathBuf)], target: &str) -> Option<Vec<u8>> {
    let (name, query) = target.split_once('?')?;
    let repository = &repositories.iter().find(|(known, _)| *known == name)?.1;
    let asked: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    Some(archive(repository, asked.get("from").copied(), asked.get("to")?))
}

/// What leads from one commit, or from nothing, to another.
fn archive(repository: &Path, from: Option<&str>, to: &str) -> Vec<u8> {
    let git = git2::Repository::open_bare(repository).unwrap();
    let tree = |commit: &str| git.find_commit(Oid::from_str(commit).unwrap()).unwrap().tree().unwrap();
    let time = git.find_commit(Oid::from_str(to).unwrap()).unwrap().time().seconds();
    let (before, after) = (from.map(tree), tree(to));
    let diff = git.diff_tree_to_tree(before.as_ref(), Some(&after), None).unwrap();
    let mut writer = LayerWriter::new(Vec::new(), Limits::default());
    let meta = |mode: u32| Metadata { mode, mtime: time, ..Metadata::default() };
    let mut folders = Vec::new();
    for delta in diff.deltas() {
        let file = if delta.status() == Delta::Deleted { delta.old_file() } else { delta.new_file() };
        let path = file.path_bytes().unwrap();
        for (end, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            if !folders.contains(&path[..end].to_vec()) {
                folders.push(path[..end].to_vec());
                writer.directory(&path[..end], &meta(0o755)).unwrap();
            }
        }
        if delta.status() == Delta::Deleted {
            writer.whiteout(path).unwrap();
            continue;
        }
        let (blob, mode) = (git.find_blob(file.id()).unwrap(), u32::from(file.mode()) & 0o777);
        writer.file(path, &meta(mode), blob.size() as u64, blob.content()).unwrap();
    }
    writer.finish().unwrap().inner
}
