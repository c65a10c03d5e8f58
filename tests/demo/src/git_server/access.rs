//! Who may use a repository: everyone, or one user with a password that lies beside it.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// Holds `user:password`; read for every request, so that a change counts at once.
const FILE: &str = "slipway-access";

pub(super) fn protect(repository: &Path, user: &str, password: &str) -> Result<()> {
    let file = repository.join(FILE);
    fs::write(&file, format!("{user}:{password}")).with_context(|| format!("cannot write {}", file.display()))
}

pub(super) fn open(repository: &Path) -> Result<()> {
    match fs::remove_file(repository.join(FILE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

pub(super) fn allows(repository: &Path, headers: &HeaderMap) -> bool {
    match fs::read(repository.join(FILE)) {
        Ok(wanted) => given(headers).is_some_and(|given| given == wanted),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn given(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    BASE64_STANDARD.decode(value.strip_prefix("Basic ")?).ok()
}

pub(super) fn refusal() -> Response {
    let ask = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
    (StatusCode::UNAUTHORIZED, ask, "user and password, please\n").into_response()
}
