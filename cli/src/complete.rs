//! How a word of the command line goes on: environments and services are asked from the cluster, contexts are read from the
//! kubeconfig. Nobody waits long for it, and nothing is said when it fails: it is no more than a nicety.

use std::ffi::OsStr;
use std::future::Future;
use std::time::Duration;

use clap::CommandFactory as _;
use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use kube::ResourceExt as _;
use kube::api::ListParams;
use kube::config::Kubeconfig;
use slipway_crds::names;
use slipway_crds::v1alpha1::ServiceRepo;

use crate::args::{Arguments, Place};
use crate::connect::{self, Session};
use crate::environment;

/// Environment variable by which a shell asks; its value is the shell.
pub const VARIABLE: &str = "SLIPWAY_COMPLETE";
/// How long a shell is kept waiting.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers, where a shell asks, and ends the program.
pub fn answer() {
    CompleteEnv::with_factory(Arguments::command).var(VARIABLE).complete();
}

/// Environments of the fleet.
pub fn environments(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(
        current,
        asked(|session, _| async move {
            let all = environment::list(&session).await?;
            Ok(all
                .iter()
                .map(|found| (found.name_any(), environment::state(found).word().to_owned()))
                .collect())
        }),
    )
}

/// All services of the fleet.
pub fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(
        current,
        asked(|session, _| async move {
            let repos = session.in_namespace::<ServiceRepo>().list(&ListParams::default()).await?;
            let known = repos.iter().map(|repo| (repo.name_any(), repo.spec.url.clone()));
            Ok(known.chain([(names::LOCAL.to_owned(), "the stateful pod".to_owned())]).collect())
        }),
    )
}

/// The services of the environment that is meant.
pub fn services_of_the_environment(current: &OsStr) -> Vec<CompletionCandidate> {
    candidates(
        current,
        asked(|session, words| async move {
            let named = value_of(&words, &["--env", "-e"]);
            let found = environment::find_or_guess(&session, named.as_deref()).await?;
            let lock = environment::status(&found).lock;
            Ok(lock.into_iter().map(|locked| (locked.service, locked.why)).collect())
        }),
    )
}

/// The same, and folders of this machine.
pub fn services_or_folders(current: &OsStr) -> Vec<CompletionCandidate> {
    let services = services_of_the_environment(current).into_iter();
    services.chain(PathCompleter::dir().complete(current)).collect()
}

/// Contexts of the kubeconfig.
pub fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let contexts = Kubeconfig::read().map(|file| file.contexts).unwrap_or_default();
    candidates(current, contexts.into_iter().map(|context| (context.name, String::new())).collect())
}

type Words = Vec<(String, String)>;

/// Asks the cluster that the words of the command line, or the environment, name.
fn asked<F>(ask: impl FnOnce(Session, Vec<String>) -> F) -> Words
where
    F: Future<Output = anyhow::Result<Words>>,
{
    let words: Vec<_> = std::env::args().collect();
    let place = Place {
        context: value_of(&words, &["--context"]),
        namespace: value_of(&words, &["--namespace", "-n"]),
        no_color: true,
    };
    let answer = async {
        let session = connect::connect(&place).await?;
        ask(session, words).await
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let answered = runtime.map(|runtime| {
        runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await.ok().and_then(Result::ok) })
    });
    answered.ok().flatten().unwrap_or_default()
}

/// What follows a flag, as `--env NAME` or `--env=NAME`.
fn value_of(words: &[String], flags: &[&str]) -> Option<String> {
    let at = |(index, word): (usize, &String)| match word.split_once('=') {
        Some((flag, value)) if flags.contains(&flag) => Some(value.to_owned()),
        _ if flags.contains(&word.as_str()) => words.get(index + 1).cloned(),
        _ => None,
    };
    words.iter().enumerate().find_map(at).filter(|value| !value.is_empty())
}

fn candidates(current: &OsStr, words: Words) -> Vec<CompletionCandidate> {
    let begun = current.to_str().unwrap_or_default();
    let fitting = words.into_iter().filter(|(word, _)| word.starts_with(begun));
    let candidate = |(word, help): (String, String)| {
        CompletionCandidate::new(word).help((!help.is_empty()).then(|| help.into()))
    };
    fitting.map(candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn flags_before_the_word_say_what_is_asked() {
        let line = words(&["slipway", "logs", "-e", "demo", "--context=c", "w"]);
        assert_eq!(value_of(&line, &["--env", "-e"]).as_deref(), Some("demo"));
        assert_eq!(value_of(&line, &["--context"]).as_deref(), Some("c"));
        assert_eq!(value_of(&line, &["--namespace", "-n"]), None);
        assert_eq!(value_of(&words(&["slipway", "-n", ""]), &["-n"]), None);
    }

    #[test]
    fn only_words_that_go_on_are_offered() {
        let known = vec![("www".to_owned(), "branch fix".to_owned()), ("api".to_owned(), String::new())];
        let offered = candidates(OsStr::new("w"), known);
        let offered: Vec<_> =
            offered.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect();
        assert_eq!(offered, ["www"]);
    }
}
