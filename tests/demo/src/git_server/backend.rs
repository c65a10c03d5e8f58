//! One request as a CGI call of `git http-backend`, streamed both ways.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures::TryStreamExt;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_util::io::{ReaderStream, StreamReader};

/// Headers that git's CGI program wants, and the variables it wants them in.
const PASSED_ON: &[(&str, &str)] = &[
    ("content-type", "CONTENT_TYPE"),
    ("content-length", "CONTENT_LENGTH"),
    ("content-encoding", "HTTP_CONTENT_ENCODING"),
    ("git-protocol", "HTTP_GIT_PROTOCOL"),
];

pub(super) async fn run(directory: &Path, request: Request) -> Result<Response> {
    let mut child = start(directory, &request)?;
    let (input, output) = child.stdin.take().zip(child.stdout.take()).context("it has no pipes")?;
    tokio::spawn(feed(input, request.into_body()));
    let mut output = BufReader::new(output);
    let response = read_head(&mut output).await?;
    tokio::spawn(async move { child.wait().await });
    let body = Body::from_stream(ReaderStream::new(output));
    response.body(body).context("it answered with impossible headers")
}

fn start(directory: &Path, request: &Request) -> Result<Child> {
    let mut command = Command::new("git");
    command.arg("http-backend");
    command.env("GIT_PROJECT_ROOT", directory).env("GIT_HTTP_EXPORT_ALL", "1");
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*");
    command.env("REQUEST_METHOD", request.method().as_str()).env("PATH_INFO", request.uri().path());
    command.env("QUERY_STRING", request.uri().query().unwrap_or_default());
    command.env("REMOTE_USER", "emma").env("REMOTE_ADDR", "127.0.0.1");
    command.envs(passed_on(request.headers()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(false);
    command.spawn().context("cannot start it; is git installed?")
}

fn passed_on(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    PASSED_ON.iter().filter_map(|(header, variable)| Some((*variable, value(header)?))).collect()
}

/// A client that goes away, or a program that has read enough, ends this early; neither is a fault.
async fn feed(mut input: ChildStdin, body: Body) {
    let stream = body.into_data_stream().map_err(std::io::Error::other);
    drop(tokio::io::copy(&mut StreamReader::new(stream), &mut input).await);
}

async fn read_head(output: &mut BufReader<ChildStdout>) -> Result<axum::http::response::Builder> {
    let mut response = Response::builder();
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).await? == 0 {
            bail!("it ended without an answer");
        }
        let line = line.trim_end();
        let Some((name, value)) = line.split_once(':') else { return Ok(response) };
        response = if name.eq_ignore_ascii_case("status") {
            response.status(status(value.trim())?)
        } else if name.eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str()) {
            response
        } else {
            response.header(name, value.trim())
        };
    }
}

/// `404 Not Found` is 404.
fn status(value: &str) -> Result<StatusCode> {
    let code = value.split(' ').next().unwrap_or_default();
    code.parse().with_context(|| format!("it answered with the status {value:?}"))
}
