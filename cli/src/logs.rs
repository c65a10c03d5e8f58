//! `slipway logs`: what the services of an environment print.

mod show;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use slipway_crds::v1alpha1::DevEnvironment;
use slipway_plan::{duration, integration::result};

use crate::args::Logs;
use crate::connect::Session;
use crate::environment;
use crate::exit::Exit;
use crate::follow::FollowedPods;
use crate::log::filter::Filter;
use crate::log::line::{Line, Look};
use crate::log::source::{Kind, Source, TESTS, sources};
use crate::log::stream::Begin;
use crate::output::Output;
use crate::pods;
use show::Shown;

/// Shows them.
pub async fn run(session: &Session, arguments: &Logs, output: &mut Output) -> anyhow::Result<Exit> {
    let environment = environment::find_or_guess(session, arguments.within.env.as_deref()).await?;
    environment::refuse_unknown(&environment, &arguments.services, &[TESTS], &session.program)?;
    let wanted = Wanted::new(arguments)?;
    let mut filter = Filter::new(arguments.level, arguments.strict_level);
    if let Some(log) = stored(session, &environment, &wanted).await {
        return show_stored(&log, &wanted, &mut filter, output);
    }
    let api = pods::api(session, &environment)?;
    let found = wanted.of(pods::list(&api).await?.iter());
    let (name, program) = (environment.name_any(), &session.program);
    if found.is_empty() && !arguments.follow {
        anyhow::bail!("nothing has printed anything yet\n  see what it waits for: {program} status {name}");
    }
    let labels = found.iter().map(|source| source.label.len());
    let services = environment::status(&environment).lock.into_iter().map(|locked| locked.service.len());
    let width = labels.chain(services).max().unwrap_or_default();
    let look = Look { width, colours: output.colours, timestamps: arguments.timestamps };
    let mut shown = Shown::new(api, look, filter);
    shown.show(&found, &wanted, output).await?;
    if arguments.follow {
        let namespace = environment::namespace(&environment).unwrap_or_default();
        shown.follow(FollowedPods::new(&session.client, namespace), &wanted, output).await?;
    }
    Ok(Exit::Done)
}

/// Whose logs are wanted, and from where on.
struct Wanted {
    services: Vec<String>,
    kind: Option<Kind>,
    begin: Begin,
    previous: bool,
}

impl Wanted {
    fn new(arguments: &Logs) -> anyhow::Result<Self> {
        let since = arguments.since.as_deref().map(duration::parse).transpose()?;
        Ok(Self {
            services: arguments.services.clone(),
            kind: arguments.source,
            begin: Begin {
                tail: arguments.last_lines(),
                // The API takes no zero.
                seconds: since.map(|since| since.as_secs().max(1)),
                last: None,
            },
            previous: arguments.previous,
        })
    }

    /// The sources that are wanted, of these pods.
    fn of<'a>(&self, pods: impl Iterator<Item = &'a k8s_openapi::api::core::v1::Pod>) -> Vec<Source> {
        let mut found = sources(pods, &self.services);
        found.retain(|source| self.kind.is_none_or(|kind| source.kind() == kind));
        found
    }

    fn has_tests(&self) -> bool {
        let named = self.services.is_empty() || self.services.iter().any(|name| name == TESTS);
        named && self.kind != Some(Kind::Run)
    }
}

/// The stored log of an integration run whose pods are gone.
async fn stored(session: &Session, environment: &DevEnvironment, wanted: &Wanted) -> Option<String> {
    let status = environment::status(environment);
    status.ended.filter(|_| wanted.has_tests())?;
    let name = status.integration?.result?;
    let stored = session.in_namespace::<ConfigMap>().get_opt(&name).await.ok()??;
    stored.data?.remove(result::LOG)
}

fn show_stored(log: &str, wanted: &Wanted, filter: &mut Filter, output: &mut Output) -> anyhow::Result<Exit> {
    if wanted.begin.seconds.is_some() {
        output.say("the stored log has no times: all of it is shown");
    }
    let source = Source { service: TESTS.to_owned(), ..Source::default() };
    for text in log.lines() {
        let line = Line { at: None, text: text.to_owned() };
        if filter.shows(&source, &line) {
            writeln!(output.stdout, "{text}")?;
        }
    }
    Ok(Exit::Done)
}
