//! Images without Dockerfiles and code that follows the editor, beside buildah and rsync on the same machine.

mod buildah;
mod figures;
mod starts;
mod sync;
mod tree;
mod yard;

use std::time::Duration;

use anyhow::Result;

use crate::figure::Section;
use crate::rounds::Size;
use buildah::Buildah;
use figures::pairs;
use starts::Starts;
use yard::Yard;

/// Measures builds, starts and syncs, one after the other: nothing of ours runs while the others are measured.
pub async fn run(size: Size) -> Result<Vec<Section>> {
    eprintln!("builds and syncs");
    let yard = Yard::open().await?;
    let buildah = Buildah::open(&yard)?;
    let mut sections = vec![Box::pin(builds(&yard, &buildah, size.rounds)).await?];
    let starts = Starts::open(&yard, &buildah).await?;
    sections.push(Box::pin(starts.measure(size.rounds)).await?);
    let files = if size.rounds > 1 { tree::FILES } else { tree::FEW };
    sections.push(Box::pin(sync::measure(&yard, files, size.rounds)).await?);
    yard.close().await?;
    Ok(sections)
}

/// What building took in one run, by either side.
#[derive(Default)]
struct Builds {
    full: Vec<f64>,
    same: Vec<f64>,
    ancestor: Vec<f64>,
}

async fn builds(yard: &Yard, buildah: &Buildah, rounds: usize) -> Result<Section> {
    // Each side has the base image, and has done each once.
    yard.build(&yard.change_ops("warm")?).await?;
    buildah.build(yard, "warm", false)?;
    let (mut ours, mut cached, mut plain) = (Builds::default(), Builds::default(), Vec::new());
    for round in 1..=rounds {
        let name = format!("round-{round}");
        let ops = yard.change_ops(&name)?;
        ours.full.push(seconds(yard.build(&ops).await?));
        ours.same.push(seconds(yard.build(&ops).await?));
        cached.full.push(seconds(buildah.build(yard, &name, true)?));
        cached.same.push(seconds(buildah.build(yard, &name, true)?));
        plain.push(seconds(buildah.build(yard, &name, false)?));
        yard.change_code(&name)?;
        ours.ancestor.push(seconds(yard.build(&ops).await?));
        cached.ancestor.push(seconds(buildah.build(yard, &name, true)?));
        eprintln!("  round {round}: full {:.1?} s, buildah {plain:.1?} s", ours.full);
    }
    let figures = [
        pairs("full build", ours.full, "buildah, no layer cache", plain),
        pairs("ops commit, nothing to start from", Vec::new(), "buildah, layer cache", cached.full),
        pairs("same commits again", ours.same, "buildah, every layer cached", cached.same),
        pairs(
            "commit of the service, from its ancestor",
            ours.ancestor,
            "buildah, salt's layer cached",
            cached.ancestor,
        ),
    ];
    Ok(Section { title: "One image, to its digest in the registry".to_owned(), figures: figures.concat() })
}

fn seconds(took: Duration) -> f64 {
    took.as_secs_f64()
}
