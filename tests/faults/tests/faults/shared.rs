//! One world for all tests of this program, on a runtime that outlives each of them.

use std::path::Path;
use std::sync::OnceLock;

use slipway_faults::world::World;
use tokio::runtime::{Builder, Runtime};

static WORLD: OnceLock<(Runtime, World)> = OnceLock::new();

/// Runs a test in the world.
pub fn in_world<F: Future>(test: impl FnOnce(&'static World) -> F) -> F::Output {
    let (runtime, world) = WORLD.get_or_init(|| {
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
        let world = runtime.block_on(World::start(Path::new(env!("CARGO_BIN_EXE_slipway-faults")))).unwrap();
        (runtime, world)
    });
    runtime.block_on(test(world))
}
