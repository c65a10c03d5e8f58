//! What a manifest says of a build, and what of it makes no sense.

use std::path::{Component, Path};

use super::{Asset, Manifest, UnitTests};
use crate::duration;

/// Assets of one service.
const MOST_ASSETS: usize = 16;

/// The first mistake in what is said of a build.
pub fn mistake(manifest: &Manifest) -> Option<String> {
    named_and_built(manifest)
        .or_else(|| manifest.unit.as_ref().and_then(timeout))
        .or_else(|| manifest.assets.iter().enumerate().find_map(|(at, asset)| self::asset(at, asset)))
        .or_else(|| outputs(&manifest.assets))
        .or_else(|| manifest.run.mount.as_deref().and_then(mount))
        .or_else(|| reload(manifest))
}

/// Unit tests run in, and assets go into, an image that is built: beside an `image` they would be passed over in silence.
fn named_and_built(manifest: &Manifest) -> Option<String> {
    manifest.image.as_ref()?;
    let field = match (&manifest.unit, manifest.assets.is_empty()) {
        (Some(_), _) => "unit",
        (None, false) => "assets",
        (None, true) => return None,
    };
    Some(format!(
        "`{field}` is part of a build, and a service with an `image` is not built: remove one of them"
    ))
}

fn timeout(unit: &UnitTests) -> Option<String> {
    let error = duration::parse(unit.timeout.as_ref()?).err()?;
    Some(format!("`unit.timeout`: {error}"))
}

fn asset(at: usize, asset: &Asset) -> Option<String> {
    let wrong = |field: &str, text: &str| {
        Some(format!(
            "`assets[{at}].{field}`: `{text}` does not stay in the repository: write a path below its root"
        ))
    };
    if asset.inputs.is_empty() {
        return Some(format!("`assets[{at}].inputs` is empty: name the files that they are built from"));
    }
    if let Some(input) = asset.inputs.iter().find(|input| !is_below(input)) {
        return wrong("inputs", input);
    }
    if let Some((input, error)) =
        asset.inputs.iter().find_map(|input| Some((input, glob::Pattern::new(input).err()?)))
    {
        return Some(format!("`assets[{at}].inputs`: `{input}` is no glob: {error}"));
    }
    if asset.command.trim().is_empty() {
        return Some(format!("`assets[{at}].command` is empty: name a program"));
    }
    if is_below(&asset.output) { None } else { wrong("output", &asset.output) }
}

/// Each asset replaces the whole of its output.
fn outputs(assets: &[Asset]) -> Option<String> {
    if assets.len() > MOST_ASSETS {
        return Some(format!("`assets` has more than {MOST_ASSETS} entries: build some of them together"));
    }
    let pairs = assets
        .iter()
        .enumerate()
        .flat_map(|(at, left)| assets.iter().skip(at + 1).map(move |right| (left, right)));
    let (left, right) = pairs
        .map(|(left, right)| (&left.output, &right.output))
        .find(|(left, right)| Path::new(left).starts_with(right) || Path::new(right).starts_with(left))?;
    Some(format!("`assets`: the outputs `{left}` and `{right}` are one folder, or in one another: name two"))
}

/// A path that names something below a folder, and cannot lead out of it.
fn is_below(path: &str) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    // Written as git writes it: `a//b` and `a/` name the same folder, and would not be recognised.
    !path.is_empty()
        && Path::new(path).components().all(plain)
        && path.split('/').all(|part| !part.is_empty())
}

fn mount(mount: &str) -> Option<String> {
    let is_good =
        Path::new(mount).is_absolute() && mount != "/" && !mount.split('/').any(|part| part == "..");
    (!is_good).then(|| format!("`run.mount`: `{mount}` must be an absolute path such as /srv/www"))
}

fn reload(manifest: &Manifest) -> Option<String> {
    let is_alone = manifest.run.reload.is_some() && manifest.run.mount.is_none();
    is_alone.then(|| "`run.reload` is for code in `run.mount`: say where that is".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::manifest::parse;
    use crate::service_name::ServiceName;

    fn said(rest: &str) -> Result<(), String> {
        let text = format!("name: www\n{rest}\n");
        let parsed = parse(&ServiceName::parse("www").unwrap(), text.as_bytes());
        parsed.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_service_without_an_image_is_built() {
        let whole = "unit: {command: make test, reports: {junit: out/*.xml}, timeout: 5m}\n\
            assets: [{command: make assets, inputs: [assets/**], output: public}]\n\
            run: {mount: /srv/www, reload: sv restart www}";
        assert_eq!(said(whole), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let cases = [
            ("image: x\nunit: {command: x}", "`unit` is part of a build"),
            ("image: x\nassets: [{command: x, inputs: [a], output: b}]", "`assets` is part of a build"),
            ("unit: {command: x, timeout: soon}", "`unit.timeout`"),
            ("assets: [{command: x, inputs: [], output: b}]", "`assets[0].inputs` is empty"),
            ("assets: [{command: x, inputs: [../a], output: b}]", "`../a` does not stay in the repository"),
            ("assets: [{command: x, inputs: [a], output: /etc}]", "`/etc` does not stay in the repository"),
            ("assets: [{command: x, inputs: ['a['], output: b}]", "`a[` is no glob"),
            ("assets: [{command: ' ', inputs: [a], output: b}]", "`assets[0].command` is empty"),
            ("assets: [{command: x, inputs: [a], output: b//c}]", "`b//c` does not stay"),
            (
                "assets: [{command: x, inputs: [a], output: b}, {command: y, inputs: [a], output: b/c}]",
                "the outputs `b` and `b/c`",
            ),
            ("run: {mount: srv/www}", "`srv/www` must be an absolute path"),
            ("run: {reload: sv restart www}", "`run.reload` is for code in `run.mount`"),
        ];
        for (text, expected) in cases {
            let error = said(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
