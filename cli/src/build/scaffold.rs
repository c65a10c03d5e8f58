//! `slipway build new_service_X`: the files of a service that can be built as it is. No cluster is asked.

mod seed;
mod told;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use slipway_plan::service_name::ServiceName;

use crate::args::{Build, Format};
use crate::exit::{Exit, Usage};
use crate::output::{Output, objects};
use seed::{FLEET, OPS, Seed};

/// How a word begins that is no service, but asks for a new one: no service's name has such a character.
const PREFIX: &str = "new_service_";

/// Whether a new service is asked for.
pub fn is_asked(arguments: &Build) -> bool {
    arguments.service.starts_with(PREFIX)
}

/// Writes it, and says what comes next.
pub fn run(arguments: &Build, output: &mut Output) -> anyhow::Result<Exit> {
    let service = checked(arguments).map_err(Usage)?;
    let seed = Seed::of(&service, arguments.repository.as_deref()).map_err(Usage)?;
    let (written, had_top) = write(&arguments.dir_or_here(), &seed)?;
    match arguments.printed.format {
        Format::Text => {
            output.stdout.write_all(told::told(&seed, &written, had_top, output.colours).as_bytes())?;
        }
        format => {
            objects::write(&mut *output.stdout, format, &json!({"service": service, "files": written}))?;
        }
    }
    Ok(Exit::Done)
}

fn checked(arguments: &Build) -> Result<ServiceName, String> {
    let Build { service: word, commit, ops_commit, watch, supersede, timeout, .. } = arguments;
    let flags = [
        ("--commit", commit.is_some()),
        ("--ops-commit", ops_commit.is_some()),
        ("--watch", *watch),
        ("--supersede", *supersede),
        ("--timeout", timeout.is_some()),
    ];
    if let Some((flag, _)) = flags.iter().find(|(_, is_given)| *is_given) {
        return Err(format!("{flag} is for a build, and {word} makes files: leave it out"));
    }
    let name = word.strip_prefix(PREFIX).unwrap_or(word);
    let service = ServiceName::parse(name).map_err(|error| error.to_string())?;
    if service.is_local() || [OPS, FLEET].contains(&service.as_str()) {
        return Err(format!("a service cannot be called {service}: it has a meaning already"));
    }
    Ok(service)
}

/// Writes all files, or none when one is there already; only the top file of the states is left as it is. Returns what was written,
/// and whether there was a top file.
fn write(folder: &Path, seed: &Seed) -> anyhow::Result<(Vec<String>, bool)> {
    let is_there = |path: &str| folder.join(path).symlink_metadata().is_ok();
    if let Some((path, _)) = seed.files.iter().find(|(path, _)| is_there(path)) {
        let path = folder.join(path);
        return Err(Usage(format!(
            "{} is there already, and nothing is overwritten: take another name, or another folder with --dir",
            path.display()
        ))
        .into());
    }
    let (top, text) = &seed.top;
    let had_top = is_there(top);
    let top = (!had_top).then_some((top, text));
    let mut written = Vec::new();
    for (path, text) in seed.files.iter().map(|(path, text)| (path, text)).chain(top) {
        make(&folder.join(path), text)?;
        written.push(path.clone());
    }
    Ok((written, had_top))
}

fn make(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("failed to write {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).with_context(failed)?;
    file.write_all(text.as_bytes()).with_context(failed)
}
