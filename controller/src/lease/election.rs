//! Gets the lease, keeps it, and gives it back.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease as Object;
use kube::api::PostParams;
use kube::{Api, Client, Error};
use slipway_plan::lease::{self, Act, Seen, State};
use tracing::{info, warn};

use super::{Tenure, record};

/// How long one request may take; it is shorter while less of the hold is left.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the last writes may take, and giving it back.
const FAREWELL: Duration = Duration::from_secs(1);

/// The lease is lost: this process must not write any more.
#[derive(Debug, thiserror::Error)]
#[error(
    "the lease {0} is lost to another operator, or could not be renewed in time: this one ends, so that it begins \
     again without what it believed"
)]
pub struct Lost(String);

/// Whoever wants the lease.
pub struct Candidate {
    /// Without the fence: renewing is allowed without the lease.
    api: Api<Object>,
    name: String,
    me: String,
    address: String,
    tenure: Tenure,
    began: Instant,
    last: Option<Object>,
}

impl Candidate {
    /// Wants the Lease of this namespace and name, and serves at `address`, as host:port, or nowhere when it is empty.
    pub fn new(
        client: Client,
        (namespace, name): (&str, &str),
        me: String,
        address: String,
        tenure: Tenure,
    ) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, name: name.to_owned(), me, address, tenure, began: Instant::now(), last: None }
    }

    /// Runs until the lease is lost.
    pub async fn run(&mut self) -> Lost {
        info!(lease = self.name, me = self.me, "waiting for the lease");
        let mut state = State::new(self.me.clone());
        let mut act = Act::Look;
        loop {
            let seen = match act {
                Act::Look => self.look(&state).await,
                Act::Write { over } => self.write(&state, over.is_some()).await,
                Act::Wait(until) => {
                    tokio::time::sleep(until.saturating_sub(self.now())).await;
                    Seen::Awake
                }
                Act::Stop => return Lost(self.name.clone()),
            };
            let was_leader = state.until().is_some();
            (state, act) = lease::next(state, seen, self.now());
            self.tenure.set(state.until().map(|until| self.began + until));
            if !was_leader && state.until().is_some() {
                info!(lease = self.name, me = self.me, "holds the lease");
            }
        }
    }

    /// Gives the lease back, if it is held, once no write is under way; if one does not end, the lease runs out instead.
    pub async fn release(&self) {
        let held = self.tenure.is_held();
        let ended = tokio::time::timeout(FAREWELL, self.tenure.end()).await;
        let Some(last) = self.last.as_ref().filter(|_| held && ended.is_ok()) else { return };
        let released = record::released(&self.name, last);
        let params = PostParams::default();
        let request = self.api.replace(&self.name, &params, &released);
        match tokio::time::timeout(FAREWELL, request).await {
            Ok(Ok(_)) => info!(lease = self.name, "gave the lease back"),
            Ok(Err(error)) => warn!(lease = self.name, %error, "the lease could not be given back"),
            Err(_) => warn!(lease = self.name, "the lease could not be given back in time"),
        }
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn patience(&self, state: &State) -> Duration {
        state.until().map_or(PATIENCE, |until| until.saturating_sub(self.now()).min(PATIENCE))
    }

    async fn look(&mut self, state: &State) -> Seen {
        match tokio::time::timeout(self.patience(state), self.api.get_opt(&self.name)).await {
            Ok(Ok(Some(object))) => {
                let lease = record::read(&object);
                self.tenure.set_leader(record::address(&object).filter(|_| lease.holder != self.me));
                self.last = Some(object);
                Seen::Lease(lease)
            }
            Ok(Ok(None)) => {
                self.last = None;
                Seen::Missing
            }
            Ok(Err(error)) => self.nothing(&error.to_string()),
            Err(_) => self.nothing("the API server does not answer"),
        }
    }

    async fn write(&mut self, state: &State, replaces: bool) -> Seen {
        let before = self.last.as_ref().filter(|_| replaces);
        let object = record::held(&self.name, before, &self.me, &self.address);
        let (sent, params) = (self.now(), PostParams::default());
        let request = async {
            match replaces {
                true => self.api.replace(&self.name, &params, &object).await,
                false => self.api.create(&params, &object).await,
            }
        };
        match tokio::time::timeout(self.patience(state), request).await {
            Ok(Ok(object)) => {
                let lease = record::read(&object);
                self.tenure.set_leader(None);
                self.last = Some(object);
                Seen::Written { sent, lease }
            }
            Ok(Err(Error::Api(status))) if status.is_conflict() || status.is_not_found() => Seen::Refused,
            Ok(Err(Error::Api(status))) if status.is_already_exists() => Seen::Refused,
            Ok(Err(error)) => self.nothing(&error.to_string()),
            Err(_) => self.nothing("the API server does not answer"),
        }
    }

    fn nothing(&self, error: &str) -> Seen {
        warn!(lease = self.name, error, "the lease could not be read or written");
        Seen::Nothing
    }
}
