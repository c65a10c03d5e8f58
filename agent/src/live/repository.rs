//! The git repository that a folder is in: what else is ignored there, and what is not although it matches.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ignore::gitignore::gitconfig_excludes_path;

use super::rules::Rules;

/// The rules that come from outside of the folder. Without a repository there are none.
pub(super) fn rules(folder: &Path) -> Rules {
    let Some(root) = folder.ancestors().find(|folder| folder.join(".git").exists()) else {
        return Rules::default();
    };
    let place = folder.strip_prefix(root).unwrap_or(Path::new(""));
    let mut rules = Rules { place: place.as_os_str().as_bytes().to_vec(), ..Rules::default() };
    let outer = [git_folder(root).join("info/exclude")].into_iter().chain(gitconfig_excludes_path());
    rules.outer = outer.filter_map(|path| text(&path)).collect();
    // Those of the folder itself and below are read with the folder.
    for above in place.ancestors().skip(1) {
        let name = above.to_string_lossy().into_owned();
        rules.git.extend(text(&root.join(above).join(".gitignore")).map(|text| (name.clone(), text)));
        rules.own.extend(text(&root.join(above).join(".slipwayignore")).map(|text| (name, text)));
    }
    rules.tracked = tracked(root).into_iter().collect();
    rules
}

fn text(path: &Path) -> Option<String> {
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Where `info/exclude` is: a linked work tree has it in the repository that it belongs to.
fn git_folder(root: &Path) -> PathBuf {
    let git = root.join(".git");
    let Some(link) = text(&git) else { return git };
    let own = root.join(link.trim_start_matches("gitdir:").trim());
    match text(&own.join("commondir")) {
        Some(common) => own.join(common.trim()),
        None => own,
    }
}

/// Files that are in the index although they match a pattern. Git knows; without git nothing is tracked.
fn tracked(root: &Path) -> Vec<Vec<u8>> {
    let words = ["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"];
    let listed = Command::new("git").current_dir(root).args(words).stdin(Stdio::null()).output();
    let Some(listed) = listed.ok().filter(|output| output.status.success()) else { return Vec::new() };
    listed.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}
