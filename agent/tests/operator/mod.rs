//! The operator's end of the sources: answers what it is told to, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use slipway_agent::layer::{LayerWriter, Limits, Metadata};

/// Status and body.
pub type Answer = (u16, Vec<u8>);

/// It answers as long as the test runs.
pub struct Operator {
    pub url: String,
    /// What was asked for, with the token.
    asked: Receiver<String>,
}

impl Operator {
    /// Each path has its answers, one after the other, the last one from then on; others are 404.
    pub fn start(answers: impl IntoIterator<Item = (&'static str, Vec<Answer>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/sources", listener.local_addr().unwrap());
        let (sender, asked) = mpsc::channel();
        let mut answers: BTreeMap<String, Vec<Answer>> =
            answers.into_iter().map(|(path, list)| (format!("/v1/sources{path}"), list)).collect();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (path, token) = read(&stream);
                let list = answers.get_mut(&path);
                let unknown = (404, b"no such commit".to_vec());
                let (status, body) = match list {
                    Some(list) if list.len() > 1 => list.remove(0),
                    Some(list) => list[0].clone(),
                    None => unknown,
                };
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let sent = sender.send(format!("{} {token}", path.trim_start_matches("/v1/sources")));
                let written = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                if written.is_err() || sent.is_err() {
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

fn read(stream: &TcpStream) -> (String, String) {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let token = headers
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("authorization: bearer ").map(str::to_owned));
    (path, token.unwrap_or_default())
}

/// An archive of sources: files with their content, and what is gone.
pub fn archive(files: &[(&str, &str)], gone: &[&str]) -> Answer {
    let mut writer = LayerWriter::new(Vec::new(), Limits::default());
    let folder = Metadata { mode: 0o755, mtime: 1_000, ..Metadata::default() };
    let mut made: Vec<&str> = Vec::new();
    for (path, content) in files {
        for (end, _) in path.match_indices('/') {
            if !made.contains(&&path[..end]) {
                made.push(&path[..end]);
                writer.directory(path[..end].as_bytes(), &folder).unwrap();
            }
        }
        let meta = Metadata { mode: 0o755, mtime: 1_000, ..Metadata::default() };
        writer.file(path.as_bytes(), &meta, content.len() as u64, content.as_bytes()).unwrap();
    }
    for path in gone {
        writer.whiteout(path.as_bytes()).unwrap();
    }
    (200, writer.finish().unwrap().inner)
}
