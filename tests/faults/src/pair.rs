//! Two operators for one fleet, each behind a proxy of its own: the record says who wrote.

use std::future::Future;
use std::sync::Arc;

use anyhow::{Result, bail};
use k8s_openapi::api::coordination::v1::Lease;

use crate::operator::{LEASE, Leash, Operator, Settings};
use crate::oracle::lease;
use crate::proxy::{Entry, EventFault, Fault, Matcher, Proxy, Rule, Verb};
use crate::stage::Stage;
use crate::world::World;

/// Name of the operator that leads first.
pub const FIRST: &str = "first";
/// Name of the other.
pub const SECOND: &str = "second";

/// Two operators: the stage's own leads, and the other is ready to take over.
pub struct Pair<'a> {
    /// The stage, with the operator that leads first.
    pub stage: Stage<'a>,
    /// The second operator.
    pub second: Operator,
    /// What is before it.
    pub second_proxy: Proxy,
    _leash: Leash,
}

impl<'a> Pair<'a> {
    /// Sets it up. Pods are told to deliver results to the first operator, whoever leads.
    pub async fn open(world: &'a World, scenario: &str) -> Result<Self> {
        let stage = Stage::elected(world, scenario, FIRST).await?;
        let folder = world.folder.join(&stage.fleet).join(SECOND);
        std::fs::create_dir(&folder)?;
        let second = Operator::new(Settings {
            program: world.program.clone(),
            namespace: stage.fleet.clone(),
            folder: folder.clone(),
            registry: world.registry.address(),
            identity: Some(SECOND.to_owned()),
            url: Some(stage.operator.url()),
        })?;
        let kill = second.clone();
        let kill = Arc::new(move || kill.kill());
        let second_proxy = Proxy::start(&world.operator_kubeconfig, SECOND, &folder, kill).await?;
        let pair = Self { stage, _leash: Leash(second.clone()), second, second_proxy };
        pair.until_holder(FIRST).await?;
        pair.stage.fleet().await?;
        pair.second.start(pair.second_proxy.kubeconfig())?;
        pair.until("the standby is ready", || async { Ok(pair.second.get("readyz").await.is_ok()) }).await?;
        Ok(pair)
    }

    /// Waits until somebody has the lease.
    pub async fn until_holder(&self, name: &str) -> Result<()> {
        self.until(&format!("{name} has the lease"), || async { Ok(self.holder().await? == name) }).await
    }

    /// Who has the lease; empty when nobody has.
    pub async fn holder(&self) -> Result<String> {
        let lease = self.stage.api::<Lease>().get_opt(LEASE).await?;
        Ok(lease.and_then(|lease| lease.spec?.holder_identity).unwrap_or_default())
    }

    /// Waits until something holds, and lets both operators be.
    pub async fn until<F>(&self, what: &str, holds: impl Fn() -> F) -> Result<()>
    where
        F: Future<Output = Result<bool>>,
    {
        self.stage.wait(what, holds).await
    }

    /// Cuts the first operator off: nothing that it asks is answered, and no watch says anything more.
    pub fn cut_off_first(&self) {
        let watches = Matcher { verb: Some(Verb::Watch), ..Matcher::default() };
        self.stage.proxy.rules().set(vec![
            Rule::first(Matcher::default(), usize::MAX, Fault::BlackHole),
            Rule::first(watches, usize::MAX, Fault::Event(EventFault::Silence)),
        ]);
    }

    /// What both have asked.
    pub fn record(&self) -> Vec<Entry> {
        let first = self.stage.proxy.record().since(0);
        first.into_iter().chain(self.second_proxy.record().since(0)).collect()
    }

    /// How many writes the first operator has tried.
    pub fn writes_of_first(&self) -> usize {
        lease::writes_by_user(&self.record()).remove(FIRST).unwrap_or_default()
    }

    /// Checks I9 and takes everything down.
    pub async fn close(self) -> Result<()> {
        let record = self.record();
        let broken = lease::broken(&record);
        self.second.kill();
        self.stage.close().await;
        if lease::writes_by_user(&record).is_empty() {
            bail!("nobody wrote anything: that proves nothing");
        }
        if broken.is_empty() { Ok(()) } else { bail!("{}", broken.join("\n")) }
    }
}
