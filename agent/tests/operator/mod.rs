//! The operator's end of the sources: answers what it is told to, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use slipway_agent::layer::{LayerWriter, Limits, Metadata};

/// Status and body.
pub type Answer = (u16, Vec<u8>);

/// It answers as long as the test runs.
pub struct Operator {
    pub url: String,
    /// What was asked for, with the token, and with the body of what was told.
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
                let (path, token, body) = read(&stream);
                let told = format!("{} {token} {body}", path.trim_start_matches("/v1/sources"));
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
                let sent = sender.send(told.trim_end().to_owned());
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

fn read(stream: &TcpStream) -> (String, String, String) {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let path = head[0].split(' ').nth(1).unwrap().to_owned();
    let value = |name: &str| {
        head.iter()
            .find_map(|line| line.to_lowercase().strip_prefix(name).map(|value| value.trim().to_owned()))
    };
    let length = value("content-length:").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let token = value("authorization: bearer ").unwrap_or_default();
    (path, token, String::from_utf8(body).unwrap())
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
                writer.directory(&path.as_bytes()[..end], &folder).unwrap();
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
