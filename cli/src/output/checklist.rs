//! The check-list that fills in while an environment starts: commit, image, container and health of each service.

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use slipway_crds::names;
use slipway_crds::v1alpha1::{DevEnvironment, DevEnvironmentStatus, LockedService};
use slipway_plan::commit::CommitId;

use super::colours::Colours;
use crate::environment;
use crate::follow::Pods;

/// How far everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checklist {
    /// All in one line.
    pub head: String,
    /// Each service.
    pub rows: Vec<Row>,
}

/// How far one service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The service.
    pub service: String,
    /// Its commit; none for the stateful pod.
    pub commit: Option<String>,
    /// Why that commit.
    pub why: String,
    /// Its image exists.
    pub image: Step,
    /// A container of it runs.
    pub container: Step,
    /// It answers as it should.
    pub health: Step,
    /// What is in the way.
    pub note: Option<String>,
}

/// One step of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Done.
    Done,
    /// Not yet.
    Open,
    /// There is no such step for it.
    None,
}

impl Row {
    /// Whether nothing is left to do.
    pub fn is_ready(&self) -> bool {
        self.health == Step::Done
    }
}

/// The check-list of an environment.
pub fn checklist(environment: &DevEnvironment, pods: &Pods) -> Checklist {
    let status = environment::status(environment);
    let under_test = environment.spec.integration.as_ref().map(|run| run.service.as_str());
    let rows: Vec<_> = status.lock.iter().map(|locked| row(locked, &status, pods, under_test)).collect();
    let head = match (&status.services, rows.is_empty()) {
        (Some(services), false) => format!("{services} ready{}", first_note(&rows)),
        _ => environment::message(environment),
    };
    Checklist { head, rows }
}

/// What is in the way has more room in the line of its own than beside a service.
fn first_note(rows: &[Row]) -> String {
    let noted = rows.iter().find_map(|row| Some((&row.service, row.note.as_ref()?)));
    noted.map(|(service, note)| format!("; {service}: {}", first_line(note))).unwrap_or_default()
}

fn row(locked: &LockedService, status: &DevEnvironmentStatus, pods: &Pods, under_test: Option<&str>) -> Row {
    let mine: Vec<_> = pods.values().filter(|pod| is_of(pod, locked)).collect();
    // The service under test runs as a service only where the tests depend on it.
    let runs = locked.ready || !mine.is_empty() || under_test != Some(locked.service.as_str());
    let step = |done| match (done, runs) {
        (true, _) => Step::Done,
        (false, true) => Step::Open,
        (false, false) => Step::None,
    };
    let image = match (&locked.commit, &locked.image) {
        (None, _) => Step::None,
        (Some(_), Some(_)) => Step::Done,
        (Some(_), None) => Step::Open,
    };
    Row {
        service: locked.service.clone(),
        commit: locked.commit.as_deref().map(short),
        why: reason(&locked.why),
        image,
        container: step(locked.ready || mine.iter().any(|pod| runs_container(pod))),
        health: step(locked.ready),
        note: note(locked, status),
    }
}

/// Whether the pod runs the service at the commit of the lock.
fn is_of(pod: &Pod, locked: &LockedService) -> bool {
    let service = pod.labels().get(names::SERVICE) == Some(&locked.service);
    let commit = locked.commit.is_none() || pod.annotations().get(names::COMMIT) == locked.commit.as_ref();
    service && commit && pod.metadata.deletion_timestamp.is_none()
}

fn runs_container(pod: &Pod) -> bool {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    let runs = |state: &k8s_openapi::api::core::v1::ContainerState| state.running.is_some();
    statuses.into_iter().flatten().any(|container| container.state.as_ref().is_some_and(runs))
}

fn note(locked: &LockedService, status: &DevEnvironmentStatus) -> Option<String> {
    let what = [locked.service.clone(), format!("service {}", locked.service)];
    let wait = status.blocked_by.iter().find(|wait| what.contains(&wait.what))?;
    // That it starts is what the whole list says.
    (!wait.message.ends_with(" is starting")).then(|| wait.message.clone())
}

/// A reason for people: full names of commits in it are shortened.
pub fn reason(why: &str) -> String {
    let word = |word: &str| if word.parse::<CommitId>().is_ok() { short(word) } else { word.to_owned() };
    why.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// A commit for people.
pub fn short(commit: &str) -> String {
    commit.chars().take(8).collect()
}

/// A service in one line; `width` is that of the widest service.
pub fn line(row: &Row, width: usize, colours: Colours) -> String {
    let mark = |name: &str, step| match step {
        Step::Done => colours.good(&format!("{name} ✓")),
        Step::Open => colours.faint(&format!("{name} …")),
        Step::None => colours.faint(&format!("{name} –")),
    };
    let commit = row.commit.as_deref().unwrap_or("–");
    let name = colours.of_service(&row.service, &format!("{:<width$}", row.service));
    let steps = [mark("image", row.image), mark("container", row.container), mark("health", row.health)];
    let note =
        row.note.as_ref().map(|note| format!("  {}", colours.waiting(&first_line(note)))).unwrap_or_default();
    format!("{name}  {commit:<8}  {}{note}", steps.join("  "))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What is new, a line each, for where lines cannot be redrawn.
pub fn news(before: &Checklist, after: &Checklist) -> Vec<String> {
    let mut lines = Vec::new();
    if after.rows.is_empty() && before.head != after.head {
        lines.push(after.head.clone());
    }
    for row in &after.rows {
        let old = before.rows.iter().find(|old| old.service == row.service);
        lines.extend(row_news(old, row).into_iter().map(|news| format!("{}: {news}", row.service)));
    }
    lines
}

fn row_news(old: Option<&Row>, row: &Row) -> Vec<String> {
    let mut news = Vec::new();
    if let Some(commit) = row.commit.as_ref().filter(|_| old.map(|old| &old.commit) != Some(&row.commit)) {
        news.push(format!("commit {commit} ({})", row.why));
    }
    let became = |step: fn(&Row) -> Step| step(row) == Step::Done && old.map(step) != Some(Step::Done);
    if became(|row| row.health) {
        news.push("ready".to_owned());
    } else if became(|row| row.container) {
        news.push("container runs".to_owned());
    } else if became(|row| row.image) {
        news.push("image exists".to_owned());
    }
    if let Some(note) = row.note.as_ref().filter(|_| old.map(|old| &old.note) != Some(&row.note)) {
        news.push(format!("waits: {note}"));
    }
    news
}

#[cfg(test)]
mod tests;
