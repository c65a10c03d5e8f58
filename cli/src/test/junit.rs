//! The JUnit files of a result, as files of this machine.

use std::ffi::OsStr;
use std::path::{Component, Path};

use anyhow::Context as _;
use k8s_openapi::api::core::v1::ConfigMap;
use slipway_plan::integration::result;

/// How files of ours begin; then follow three digits.
const PREFIX: &str = "junit-";

/// Writes them into a folder, without those of an earlier run; how many.
pub fn write(folder: &Path, stored: &ConfigMap) -> anyhow::Result<usize> {
    remove_earlier(folder)?;
    let files = result::record(stored).map(|record| record.files).unwrap_or_default();
    let data = stored.data.clone().unwrap_or_default();
    let mut written = 0;
    for file in files {
        let Some(content) = data.get(&file.key).filter(|_| is_file_name(&file.key)) else { continue };
        let path = folder.join(&file.key);
        std::fs::write(&path, content).with_context(|| {
            format!("failed to write {}: name another folder with --junit", path.display())
        })?;
        written += 1;
    }
    Ok(written)
}

fn remove_earlier(folder: &Path) -> anyhow::Result<()> {
    let failed = || format!("failed to clear {} of an earlier run", folder.display());
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let entry = entry.with_context(failed)?;
        if is_ours(&entry.file_name()) {
            std::fs::remove_file(entry.path()).with_context(failed)?;
        }
    }
    Ok(())
}

fn is_ours(name: &OsStr) -> bool {
    let rest =
        name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split_at_checked(4));
    rest.is_some_and(|(number, _)| {
        number.ends_with('-') && number[..3].bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// What comes from a test must not lead out of the folder.
fn is_file_name(key: &str) -> bool {
    let mut parts = Path::new(key).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && is_ours(OsStr::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn stored(files: &[(&str, &str)]) -> ConfigMap {
        let list: Vec<_> = files.iter().map(|(key, _)| json!({"key": key, "path": "p"})).collect();
        let record = json!({"exitCode": 0, "error": null, "totals": null, "failures": [], "notes": [], "seconds": 1,
            "files": list, "digest": ""});
        let mut data: serde_json::Map<_, _> =
            files.iter().map(|(key, content)| ((*key).to_owned(), json!(content))).collect();
        data.insert("result.json".to_owned(), json!(record.to_string()));
        serde_json::from_value(json!({"metadata": {"name": "r"}, "data": data})).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_of_an_earlier_run_make_way_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("junit-my-own.xml"), "mine").unwrap();
        write(folder.path(), &stored(&[("junit-000-a.xml", "a"), ("junit-001-b.xml", "b")])).unwrap();
        assert_eq!(write(folder.path(), &stored(&[("junit-000-c.xml", "c")])).unwrap(), 1);
        assert_eq!(names(folder.path()), ["junit-000-c.xml", "junit-my-own.xml"]);
        assert_eq!(std::fs::read_to_string(folder.path().join("junit-000-c.xml")).unwrap(), "c");
    }

    #[test]
    fn nothing_is_written_outside_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("results");
        std::fs::create_dir(&inside).unwrap();
        let bad = stored(&[("../junit-000-a.xml", "x"), ("junit-000-/../../a", "x"), (".bashrc", "x")]);
        assert_eq!(write(&inside, &bad).unwrap(), 0);
        assert_eq!(names(folder.path()), ["results"]);
    }
}
