//! A small HTTP server that answers what it is told to, one connection after the other, and keeps what it got.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use slipway_agent::Report;

/// One request that came in.
#[derive(Debug)]
pub struct Request {
    pub line: String,
    pub authorization: String,
    pub report: Report,
}

/// The server; it answers as long as the test runs.
pub struct Server {
    pub url: String,
    pub requests: Receiver<Request>,
}

impl Server {
    /// Answers with these statuses, one after the other, and with the last one from then on. `before` is called
    /// before each answer with its number.
    pub fn start(statuses: &[u16], before: impl Fn(usize) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1/runs/fleet/ci/1", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        let statuses = statuses.to_vec();
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                before(number);
                let status = statuses.get(number).or(statuses.last()).unwrap();
                let head =
                    format!("HTTP/1.1 {status} x\r\ncontent-length: 7\r\nconnection: close\r\n\r\nbecause");
                let sent = sender.send(request);
                if stream.write_all(head.as_bytes()).is_err() || sent.is_err() {
                    return;
                }
            }
        });
        Self { url, requests }
    }
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let found = lines
            .iter()
            .filter_map(|line| line.split_once(": "))
            .find(|pair| pair.0.eq_ignore_ascii_case(name));
        found.map(|pair| pair.1.to_owned()).unwrap_or_default()
    };
    let mut body = vec![0; header("content-length").parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let report = serde_json::from_slice(&body).unwrap();
    Request { line: lines[0].clone(), authorization: header("authorization"), report }
}
