//! Container 1 of a build pod: the files become what config management makes of them, and what changed becomes a layer.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use slipway_agent::converge::{self, ConvergeError, Said, Steps, Wanted};
use slipway_agent::layer::{LayerError, Limits};
use slipway_agent::record::{LAYER, PROGRESS, RECORD};
use slipway_agent::tree::{LeftOut, scan, write_layer};
use slipway_agent::{BuildOrder, BuildRecord, Fault, LayerRecord, plain_file};

use crate::outcome;

/// Builds. A build that failed has no layer under its name, and a record that says why.
pub fn build(order: &BuildOrder) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&order.output)
        .with_context(|| format!("failed to make the folder {}", order.output.display()))?;
    let mut record = BuildRecord { identity: order.identity.clone(), ..BuildRecord::default() };
    let mut steps = Steps { progress: Some(order.output.join(PROGRESS)), ..Steps::default() };
    let built = steps_of(order, &mut record, &mut steps);
    record.steps = steps.done;
    if let Err(error) = built {
        record.fault = Some(fault(&error));
        record.error = Some(format!("{error:#}"));
    }
    plain_file::replace(&order.output.join(RECORD), &serde_json::to_vec(&record)?)
        .with_context(|| format!("failed to write {RECORD} into {}", order.output.display()))?;
    match &record.error {
        Some(error) => Ok(outcome::failed(&order.termination_log, error)),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn fault(error: &anyhow::Error) -> Fault {
    let of_content = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<LayerError>().is_some_and(LayerError::is_of_the_content)
    };
    match error.downcast_ref::<ConvergeError>() {
        Some(error) => error.fault(),
        None if error.chain().any(of_content) => Fault::Commits,
        None => Fault::Surroundings,
    }
}

fn steps_of(order: &BuildOrder, record: &mut BuildRecord, steps: &mut Steps) -> anyhow::Result<()> {
    let image = converge::image(&order.folders)?;
    record.parent = image.filter(|image| image.service == order.identity.service);
    let left_out = LeftOut::default().and(&order.leave_out)?;
    let before = steps.take("base", || scan(&order.root, &left_out))?;
    let wanted = Wanted {
        identity: &order.identity,
        sources: &order.sources,
        folders: &order.folders,
        provisioner: &order.provisioner,
        assets: order.assets,
        kept: order.kept.as_deref(),
        newest: order.newest,
    };
    let mut said = Said::default();
    let converged = converge::converge(&wanted, record.parent.as_ref(), steps, &mut said);
    (record.provision, record.assets) = (said.provision, said.assets);
    converged?;
    let after = steps.take("look", || scan(&order.root, &left_out))?;
    let write = |file: &Path| -> anyhow::Result<LayerRecord> {
        let mut to = BufWriter::new(File::create(file)?);
        let made = write_layer(&before, &after, order.newest, Limits::default(), &mut to)?;
        to.flush()?;
        Ok(made)
    };
    let part = order.output.join(format!("{LAYER}.part"));
    let made = steps.take("commit", || write(&part)).context("failed to write the layer")?;
    fs::rename(&part, order.output.join(LAYER)).context("failed to put the layer in place")?;
    record.layer = Some(made);
    Ok(())
}
