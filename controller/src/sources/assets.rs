//! The assets of a commit, and what each is built from: only who has the repository can tell what changed.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use slipway_agent::Asset;
use slipway_plan::build::assets;
use slipway_plan::manifest::{self, Globs};
use tracing::{info, warn};

use super::asked::{Asked, Commits, Repository};
use super::refusal::Refusal;
use super::{Admitted, Sources, admit, send};
use crate::git::{Git, Remote};
use crate::reconcile::chain;

/// The assets of a commit, each with what it depends on.
pub(super) async fn list(
    State(sources): State<Sources>,
    Path((namespace, service)): Path<(String, String)>,
    Query(commits): Query<Commits>,
    headers: HeaderMap,
) -> Response {
    let given = match asked(&namespace, &service, &commits) {
        Ok(asked) => listed(&sources, &asked, &headers).await,
        Err(refusal) => Err(refusal),
    };
    given.map_or_else(|refusal| refused(&namespace, &service, refusal), |list| Json(list).into_response())
}

/// The inputs of one of them, as an archive.
pub(super) async fn inputs(
    State(sources): State<Sources>,
    Path((namespace, service, at)): Path<(String, String, usize)>,
    Query(commits): Query<Commits>,
    headers: HeaderMap,
) -> Response {
    let given = match asked(&namespace, &service, &commits) {
        Ok(asked) => sent(&sources, &asked, at, &headers).await,
        Err(refusal) => Err(refusal),
    };
    given.unwrap_or_else(|refusal| refused(&namespace, &service, refusal))
}

fn asked(namespace: &str, service: &str, commits: &Commits) -> Result<Asked, Refusal> {
    Asked::parse(namespace, service, Repository::Service.name(), commits)
}

fn refused(namespace: &str, service: &str, refusal: Refusal) -> Response {
    warn!(namespace, service, error = chain(&refusal), "assets are refused");
    refusal.into_response()
}

async fn listed(sources: &Sources, asked: &Asked, headers: &HeaderMap) -> Result<Vec<Asset>, Refusal> {
    let Admitted { remote, permit: _permit } = admit(sources, asked, headers).await?;
    let declared = declared(&sources.supply.git, &remote, asked).await?;
    let files = sources.supply.git.files(&remote, &asked.to).await?;
    if let Some(mistake) = declared.iter().find_map(|asset| assets::mistake(asset, &files)) {
        return Err(Refusal::Assets(mistake));
    }
    let told = |asset: &manifest::Asset| Asset {
        command: asset.command.clone(),
        output: asset.output.clone(),
        sources: assets::sources(asset, &files),
    };
    Ok(declared.iter().map(told).collect())
}

async fn sent(sources: &Sources, asked: &Asked, at: usize, headers: &HeaderMap) -> Result<Response, Refusal> {
    let Admitted { remote, permit } = admit(sources, asked, headers).await?;
    let git = &sources.supply.git;
    let declared = declared(git, &remote, asked).await?;
    let globs = Globs::of(declared.get(at).ok_or(Refusal::NotASource)?);
    let found = git.some_sources(&remote, &asked.to, move |path| globs.accept(path)).await?;
    let (service, to, entries) = (asked.service.as_str(), asked.to.as_str(), found.len());
    info!(namespace = asked.namespace, service, to, asset = at, entries, "the inputs of an asset are sent");
    Ok(send(git.clone(), remote, found, permit))
}

async fn declared(git: &Git, remote: &Remote, asked: &Asked) -> Result<Vec<manifest::Asset>, Refusal> {
    let bytes = git.read_file(remote, &asked.to, manifest::FILE).await?;
    let read = bytes.ok_or(manifest::ManifestError::Missing);
    let manifest = read.and_then(|bytes| manifest::parse(&asked.service, &bytes));
    manifest.map(|manifest| manifest.assets).map_err(|error| Refusal::Assets(error.to_string()))
}
