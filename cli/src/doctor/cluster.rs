//! The API server: whether it answers, its version, and its clock.

use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;

use super::check::Check;
use crate::api_error::explain;
use crate::connect::Session;
use crate::output::elapsed;

/// A clock that is this wrong spoils times that are shown, and `ttl` that are reckoned here.
const DOUBTFUL: SignedDuration = SignedDuration::from_secs(30);
/// A clock that is this wrong spoils certificates and tokens.
const WRONG: SignedDuration = SignedDuration::from_mins(5);

/// What the API server says of itself; the error is all that can be said when it does not answer.
pub async fn look(session: &Session) -> Result<Vec<Check>, Check> {
    let version = session.client.apiserver_version().await.map_err(|error| {
        let explained = explain(&error);
        let (message, cure) = explained.split_once("\n  ").unwrap_or((&explained, "name another context"));
        Check::failed("cluster", message, cure)
    })?;
    let cluster =
        Check::ok("cluster", format!("{} answers: Kubernetes {}", session.context, version.git_version));
    Ok(vec![cluster, clock(session).await])
}

async fn clock(session: &Session) -> Check {
    let unknown =
        || Check::warning("clock", "the API server does not tell the time", "compare the clocks by hand");
    let Ok(request) = http::Request::get("/version").body(Body::empty()) else { return unknown() };
    let Ok(response) = session.client.send(request).await else { return unknown() };
    let now = Timestamp::now();
    let date = response.headers().get(http::header::DATE).and_then(|value| value.to_str().ok());
    match date.and_then(|text| rfc2822::parse(text).ok()) {
        Some(theirs) => skew(theirs.timestamp(), now),
        None => unknown(),
    }
}

fn skew(theirs: Timestamp, ours: Timestamp) -> Check {
    let ahead = ours.duration_since(theirs);
    let size = ahead.abs();
    let direction = if ahead.is_positive() { "ahead of" } else { "behind" };
    let message = format!("this machine's clock is {} {direction} the cluster's", elapsed::span(size));
    let cure = "set the clock, or start its time service: timedatectl set-ntp true";
    match size {
        size if size >= WRONG => Check::failed("clock", message, cure),
        size if size >= DOUBTFUL => Check::warning("clock", message, cure),
        _ => Check::ok("clock", "this machine's and the cluster's agree"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    #[test]
    fn clocks_that_differ_are_told_with_their_direction() {
        let theirs: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let skewed = |seconds| skew(theirs, theirs + SignedDuration::from_secs(seconds));
        assert_eq!(skewed(2).verdict, Verdict::Ok);
        assert_eq!(skewed(90).verdict, Verdict::Warning);
        assert_eq!(skewed(90).message, "this machine's clock is 1m 30s ahead of the cluster's");
        assert_eq!(skewed(-600).verdict, Verdict::Failed);
        assert_eq!(skewed(-600).message, "this machine's clock is 10m behind the cluster's");
    }

    #[test]
    fn the_date_of_http_is_understood() {
        let read = rfc2822::parse("Sun, 22 Nov 2026 10:00:00 GMT").unwrap().timestamp();
        assert_eq!(read, "2026-11-22T10:00:00Z".parse().unwrap());
    }
}
