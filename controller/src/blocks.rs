//! Which environment has which block of addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use slipway_crds::v1alpha1::{AddressRange, DevEnvironment};
use slipway_plan::addresses::{self, Block};
use slipway_plan::environment::decide::AddressesExhausted;

/// Blocks of addresses: what is recorded in statuses, what was given since, and what turned out to be taken.
#[derive(Debug, Default)]
pub struct Blocks(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    by_environment: BTreeMap<String, Block>,
    unusable: BTreeSet<Block>,
}

impl Blocks {
    /// The environment's block: the recorded one, unless it turned out to be taken, or the next free one.
    pub fn of(
        &self,
        environment: &DevEnvironment,
        range: Option<&AddressRange>,
        all: &[std::sync::Arc<DevEnvironment>],
    ) -> Result<Option<Block>, AddressesExhausted> {
        let Some(range) = range else { return Ok(None) };
        let uid = environment.metadata.uid.clone().unwrap_or_default();
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = recorded(environment).or_else(|| given.by_environment.get(&uid).copied());
        if let Some(block) = own.filter(|block| !given.unusable.contains(block)) {
            given.by_environment.insert(uid, block);
            return Ok(Some(block));
        }
        let others = all.iter().filter(|other| other.metadata.uid.as_ref() != Some(&uid));
        let mut taken: BTreeSet<Block> = others.filter_map(|other| recorded(other)).collect();
        taken.extend(given.by_environment.values().chain(&given.unusable));
        // A range that is none is refused by the schema.
        let block = addresses::next_block(range, &taken).ok().flatten().ok_or(AddressesExhausted)?;
        given.by_environment.insert(uid, block);
        Ok(Some(block))
    }

    /// An address of the environment's block is somebody else's: it gets another block.
    pub fn refuse(&self, uid: &str) {
        let mut given = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(block) = given.by_environment.remove(uid) {
            given.unusable.insert(block);
        }
    }

    /// The environment is gone.
    pub fn release(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_environment.remove(uid);
    }
}

fn recorded(environment: &DevEnvironment) -> Option<Block> {
    environment.status.as_ref()?.address_block.as_ref()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use slipway_crds::v1alpha1::DevEnvironmentStatus;

    use super::*;

    fn environment(uid: &str, block: Option<&str>) -> DevEnvironment {
        let mut environment = DevEnvironment::new(uid, slipway_crds::v1alpha1::DevEnvironmentSpec::default());
        environment.metadata.uid = Some(uid.to_owned());
        let address_block = block.map(str::to_owned);
        environment.status = Some(DevEnvironmentStatus { address_block, ..DevEnvironmentStatus::default() });
        environment
    }

    fn given(blocks: &Blocks, environment: &DevEnvironment, all: &[Arc<DevEnvironment>]) -> Option<String> {
        let range = AddressRange { range: "10.96.128.0/26".to_owned(), block: 32 };
        let block = blocks.of(environment, Some(&range), all).ok()?;
        block.map(|block| block.to_string())
    }

    #[test]
    fn two_environments_never_get_the_same_block_and_a_recorded_one_stays() {
        let blocks = Blocks::default();
        let recorded = Arc::new(environment("a", Some("10.96.128.0/27")));
        let all = [recorded.clone()];
        assert_eq!(given(&blocks, &environment("b", None), &all).as_deref(), Some("10.96.128.32/27"));
        assert_eq!(given(&blocks, &recorded, &all).as_deref(), Some("10.96.128.0/27"));
        assert_eq!(given(&blocks, &environment("c", None), &all), None, "none is left");
    }

    #[test]
    fn a_taken_address_means_the_next_block() {
        let blocks = Blocks::default();
        let first = environment("a", None);
        assert_eq!(given(&blocks, &first, &[]).as_deref(), Some("10.96.128.0/27"));
        blocks.refuse("a");
        assert_eq!(given(&blocks, &first, &[]).as_deref(), Some("10.96.128.32/27"));
    }
}
