//! How layers are made of what package registries give: Debian's, npm's and Maven's, each by its ordinary client. Takes a
//! minute or two each, and the network, once on a machine.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use slipway_cluster::{Cache, Progress};
use slipway_images::{Execution, Layer, LayerBuilder};

use crate::layer_cache::LayerCache;
use crate::sources::Sources;

const SUITE: &str = "bookworm";
/// No file of a Debian is younger, in seconds since 1970: the same packages make the same layer.
const YOUNGEST: &str = "1795305600";
/// Its Python.
const PYTHON: &str = "3.11";
/// Where salt is in the image.
const SALT: &str = "/opt/salt";

/// A whole small Debian with the packages that `images/<name>/packages` lists, without documentation and the like.
pub(crate) fn debian(cache: &LayerCache, sources: &Sources, name: &str) -> Result<Layer> {
    let packages = list(&sources.image(name).join("packages"))?;
    let excluded = list(&sources.image("base").join("excluded"))?;
    let ingredients = format!("{SUITE}\n{YOUNGEST}\n{packages:?}\n{excluded:?}");
    cache.get_or_make(name, ingredients.as_bytes(), |scratch| {
        eprintln!("  making the image {name} from {} Debian packages: about 2 min, once", packages.len());
        install(&packages, &excluded, scratch)
    })
}

/// The npm packages that `images/<name>` locks, beside its own files, as `/opt/<name>`.
pub(crate) fn npm(cache: &LayerCache, sources: &Sources, name: &str) -> Result<Layer> {
    let recipe = sources.image(name);
    cache.get_or_make(name, &content(&recipe)?, |scratch| {
        eprintln!("  fetching {name} with npm: once");
        copy_files(&recipe, scratch)?;
        let mut command = Command::new("npm");
        command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(scratch);
        run(&mut command, "npm")?;
        Ok(LayerBuilder::new().copy_tree(scratch, &format!("/opt/{name}"))?.build()?)
    })
}

/// The Java libraries that `images/<name>/pom.xml` names as `lib`, beside its own files, as `/opt/<name>`. Its Java files
/// are compiled.
pub(crate) fn maven(cache: &LayerCache, sources: &Sources, name: &str) -> Result<Layer> {
    let recipe = sources.image(name);
    cache.get_or_make(name, &content(&recipe)?, |scratch| {
        eprintln!("  fetching {name} with Maven: once");
        copy_files(&recipe, scratch)?;
        let mut command = Command::new("mvn");
        let words = [
            "--quiet",
            "--batch-mode",
            "dependency:copy-dependencies",
            "-DincludeScope=runtime",
            "-DoutputDirectory=lib",
        ];
        run(command.args(words).current_dir(scratch), "mvn")?;
        compile(scratch)?;
        Ok(LayerBuilder::new().copy_tree(scratch, &format!("/opt/{name}"))?.build()?)
    })
}

/// Masterless salt for the Python of that Debian, as `/opt/salt`. It is compiled, by the Debian itself: provisioners are told
/// to write no compiled files, and salt takes three times as long without.
pub(crate) fn salt(cache: &LayerCache, debian: &Layer) -> Result<Layer> {
    let ingredients = format!("{}\n{}", debian.digest, Cache::salt_key(PYTHON));
    cache.get_or_make("salt", ingredients.as_bytes(), |scratch| {
        let salt = Cache::open()?.salt(PYTHON, Progress::Lines)?;
        eprintln!("  compiling salt: once");
        let root = scratch.join("root");
        unpack(debian, &root)?;
        let inside = root.join(SALT.trim_start_matches('/'));
        run(Command::new("cp").arg("--recursive").arg(salt).arg(&inside), "cp")?;
        let mut compile = Command::new("chroot");
        compile.arg(&root).args(["python3", "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash"]);
        run(compile.arg(format!("{SALT}/lib")), "python3 in a chroot")?;
        let files = LayerBuilder::new().copy_tree(&inside, SALT)?;
        Ok(files.link("/usr/local/bin/salt-call", &format!("{SALT}/salt-call")).build()?)
    })
}

/// What a container of the base image is started with.
pub(crate) fn execution() -> Execution {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    Execution { environment: vec![format!("PATH={path}"), "LANG=C.UTF-8".to_owned()], ..Execution::default() }
}

/// Words of a file, one a line; `#` begins a remark.
fn list(file: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

fn install(packages: &[String], excluded: &[String], scratch: &Path) -> Result<Layer> {
    let tool = Cache::open()?.debian_package("mmdebstrap", Progress::Lines)?.join("usr/bin");
    let archive = scratch.join("base.tar");
    let mut command = Command::new("perl");
    command.arg(tool.join("mmdebstrap")).args(["--variant=minbase", "--mode=root", "--skip=output/dev"]);
    command.args(excluded.iter().map(|pattern| format!("--dpkgopt=path-exclude={pattern}")));
    // Java's packages link manual pages into a folder that they take for granted.
    command.arg("--essential-hook=mkdir -p \"$1\"/usr/share/man/man1");
    command.arg("--aptopt=Apt::Install-Recommends \"false\"");
    // They are this machine's.
    command.arg("--customize-hook=rm -f \"$1\"/etc/hostname \"$1\"/etc/resolv.conf");
    command.env("SOURCE_DATE_EPOCH", YOUNGEST);
    command.arg(format!("--include={}", packages.join(","))).arg(SUITE).arg(&archive);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", tool.display())).env("TMPDIR", scratch);
    run(&mut command, "mmdebstrap")?;
    Ok(Layer::from_tar(&mut File::open(archive)?)?)
}

/// Unpacks a layer as the files of a root.
pub(crate) fn unpack(layer: &Layer, root: &Path) -> Result<()> {
    let archive = root.with_extension("tar.gz");
    fs::create_dir_all(root).and_then(|()| fs::write(&archive, &layer.bytes))?;
    let mut tar = Command::new("tar");
    run(tar.args(["--extract", "--file"]).arg(&archive).arg("--directory").arg(root), "tar")?;
    fs::remove_file(&archive).with_context(|| format!("cannot remove {}", archive.display()))
}

/// Names and bytes of a recipe's files: what its layer depends on.
fn content(recipe: &Path) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    for path in files(recipe)? {
        content.extend(path.file_name().unwrap_or_default().as_encoded_bytes());
        content.extend(fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    Ok(content)
}

fn copy_files(recipe: &Path, scratch: &Path) -> Result<()> {
    for path in files(recipe)? {
        fs::copy(&path, scratch.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

fn files(recipe: &Path) -> Result<Vec<std::path::PathBuf>> {
    let entries = fs::read_dir(recipe).with_context(|| format!("cannot list {}", recipe.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

fn compile(scratch: &Path) -> Result<()> {
    let sources: Vec<_> = files(scratch)?
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "java"))
        .collect();
    if sources.is_empty() {
        return Ok(());
    }
    let mut command = Command::new("javac");
    command.args(["--release", "17", "-cp", "lib/*", "-d", "."]).args(sources).current_dir(scratch);
    run(&mut command, "javac")
}

fn run(command: &mut Command, name: &str) -> Result<()> {
    let output =
        command.output().with_context(|| format!("cannot start {name}; run .ci/setup, which installs it"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().rev().take(15).collect();
    bail!("{name} failed ({}):\n{}", output.status, last.into_iter().rev().collect::<Vec<_>>().join("\n"))
}
