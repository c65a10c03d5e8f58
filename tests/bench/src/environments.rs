//! One environment of twenty services, from the request to its last object.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;

use crate::figure::{Figure, Section};
use crate::fleet::{Services, namespace_of};
use crate::requests::{OPERATOR, Requests};
use crate::rest;
use crate::rounds::{Size, as_number};
use crate::world::World;

/// Services of the environment.
const SERVICES: usize = 20;

/// Measures it on an API server of its own.
pub async fn run(size: Size) -> Result<Section> {
    eprintln!("environments of {SERVICES} services");
    let world = World::start().await?;
    let operator = world.operator().await?;
    let folder = world.cluster.data_dir().join("bench/git");
    let image = "{registry}/service:{commit}";
    let url = |name: &str| world.git.url(name);
    let services =
        Services::open(&world.client, &folder, &world.registry.address(), image, SERVICES, url).await?;
    let (mut times, mut requests, mut told) = (Vec::new(), Vec::new(), String::new());
    for round in 1..=size.rounds {
        rest::settle(&world).await?;
        let environment = format!("bench-{round}");
        let mark = world.audit.mark()?;
        let begun = Timestamp::now();
        services.create_environment(&environment, SERVICES).await?;
        rest::settle(&world).await?;
        let all = Requests::since(&world.audit, mark, OPERATOR)?;
        let objects = all.writes().inside(&namespace_of(&environment));
        let last = objects.last().context("nothing was made for the environment")?;
        times.push(Duration::try_from(last.duration_since(begun))?.as_secs_f64() * 1000.0);
        requests.push(as_number(all.without_watches().count()) / as_number(objects.count() + 1));
        told = all.without_watches().told();
    }
    drop(operator);
    world.cluster.stop().await?;
    let figures = vec![
        Figure::new("request to last object", "ms", times),
        Figure::new("requests for each object, statuses included", "", requests).remark(told),
    ];
    Ok(Section { title: format!("One environment of {SERVICES} services"), figures })
}
