//! Reads logs of containers: once, or as they grow, without losing or repeating lines when a connection breaks.

use std::time::Duration;

use futures::AsyncBufReadExt as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;
use tokio::sync::mpsc::Sender;

use super::line::Line;
use super::source::{self, Source};

/// Where a log begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Begin {
    /// The last so many lines.
    pub tail: Option<u32>,
    /// What was printed in the last so many seconds, by the clock of the cluster.
    pub seconds: Option<i64>,
    /// What was printed after this line.
    pub last: Option<Timestamp>,
}

/// All lines there are now.
pub async fn read(
    api: &Api<Pod>,
    source: &Source,
    begin: Begin,
    previous: bool,
) -> Result<Vec<Line>, kube::Error> {
    let wanted = LogParams { previous, ..params(source, begin) };
    let mut stream = Box::pin(api.log_stream(&source.pod, &wanted).await?);
    let (mut lines, mut bytes) = (Vec::new(), Vec::new());
    // What was read before a connection broke is worth showing.
    while let Ok(1..) = stream.read_until(b'\n', &mut bytes).await {
        lines.push(Line::parse(&bytes));
        bytes.clear();
    }
    Ok(lines)
}

/// Sends each line from there on, until this life of the container ends or nobody listens.
pub async fn follow(api: Api<Pod>, source: Source, mut begin: Begin, to: Sender<(Source, Line)>) {
    loop {
        let ended = follow_once(&api, &source, &mut begin, &to).await;
        if to.is_closed() || (ended.is_ok() && !is_alive(&api, &source).await) {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn follow_once(
    api: &Api<Pod>,
    source: &Source,
    begin: &mut Begin,
    to: &Sender<(Source, Line)>,
) -> Result<(), kube::Error> {
    let since = begin.last;
    let wanted = LogParams { follow: true, ..params(source, *begin) };
    let mut stream = match api.log_stream(&source.pod, &wanted).await {
        Ok(stream) => Box::pin(stream),
        // The pod is gone, or its container never comes: nothing is to be had by asking again.
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 403 | 404) => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    while let Ok(1..) = stream.read_until(b'\n', &mut bytes).await {
        let line = Line::parse(&bytes);
        bytes.clear();
        if is_new(&line, since) {
            begin.last = line.at.or(begin.last);
            if to.send((source.clone(), line)).await.is_err() {
                break;
            }
        }
    }
    Ok(())
}

fn params(source: &Source, Begin { tail, seconds, last }: Begin) -> LogParams {
    // A line that was seen says where to go on better than anything else.
    let (tail, seconds) = if last.is_some() { (None, None) } else { (tail, seconds) };
    LogParams {
        container: Some(source.container.clone()),
        timestamps: true,
        tail_lines: tail.map(i64::from),
        since_seconds: seconds,
        since_time: last.map(a_second_before),
        ..LogParams::default()
    }
}

/// The API takes whole seconds, and what rounds up would lose lines.
fn a_second_before(time: Timestamp) -> Timestamp {
    time.saturating_sub(SignedDuration::from_secs(1)).unwrap_or(time)
}

/// Whether a line has not been shown before the connection was made.
fn is_new(line: &Line, since: Option<Timestamp>) -> bool {
    match (line.at, since) {
        (Some(at), Some(since)) => at > since,
        _ => true,
    }
}

/// Whether this life of the container goes on.
async fn is_alive(api: &Api<Pod>, source: &Source) -> bool {
    match api.get_opt(&source.pod).await {
        Ok(Some(pod)) => {
            source::sources([&pod].into_iter(), &[]).contains(source) && runs(&pod, &source.container)
        }
        Ok(None) => false,
        Err(_) => true,
    }
}

fn runs(pod: &Pod, container: &str) -> bool {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let mut found = statuses.into_iter().flatten().filter(|status| status.name == container);
    found.any(|status| status.state.as_ref().is_some_and(|state| state.running.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_seen_before_the_connection_broke_is_not_shown_again() {
        let line = |text: &str| Line::parse(text.as_bytes());
        let since = Some("2026-11-22T10:00:00.5Z".parse().unwrap());
        assert!(!is_new(&line("2026-11-22T10:00:00.5Z a"), since));
        assert!(is_new(&line("2026-11-22T10:00:00.50001Z b"), since));
        assert!(is_new(&line("2026-11-22T09:00:00Z first"), None));
    }

    #[test]
    fn after_a_line_was_seen_it_says_where_to_go_on() {
        let begin = Begin { tail: Some(0), seconds: Some(600), last: None };
        let first = params(&Source::default(), begin);
        assert_eq!((first.tail_lines, first.since_seconds, first.since_time), (Some(0), Some(600), None));
        let again = params(
            &Source::default(),
            Begin { last: Some("2026-11-22T10:00:01Z".parse().unwrap()), ..begin },
        );
        assert_eq!((again.tail_lines, again.since_seconds), (None, None));
        assert!(again.since_time.is_some());
    }

    #[test]
    fn the_api_is_asked_for_a_little_more_than_is_missing() {
        let asked = a_second_before("2026-11-22T10:00:00.9Z".parse().unwrap());
        assert_eq!(asked.to_string(), "2026-11-22T09:59:59.9Z");
    }
}
