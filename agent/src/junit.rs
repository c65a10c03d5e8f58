//! The JUnit files that the tests wrote.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use slipway_agent::ReportFile;
use slipway_agent::report::encoded_len;

/// Files, and bytes of them as JSON, that are delivered.
const MAX_FILES: usize = 200;
const MAX_BYTES: usize = 700 * 1024;
/// Files that could not be read and are named.
const MAX_NOTES: usize = 10;

/// What was found, and what of it is left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The files, in alphabetical order.
    pub files: Vec<ReportFile>,
    /// What is left out, and why.
    pub notes: Vec<String>,
}

/// The files that match the glob, as many as fit.
pub fn collect(glob: &str) -> Collected {
    let mut collected = Collected::default();
    let paths = match glob::glob(glob) {
        Ok(paths) => paths,
        Err(error) => {
            collected.notes.push(format!("`{glob}` is not a glob: {error}"));
            return collected;
        }
    };
    let (mut left, mut too_much) = (MAX_BYTES, 0);
    for path in paths.filter_map(Result::ok).filter(|path| path.is_file()) {
        let room = if collected.files.len() < MAX_FILES { left } else { 0 };
        match read(&path, room) {
            Ok(Some(file)) => {
                left -= size(&file);
                collected.files.push(file);
            }
            Ok(None) => too_much += 1,
            Err(error) => collected.notes.push(format!("{} could not be read: {error}", path.display())),
        }
    }
    collected.notes.truncate(MAX_NOTES);
    if too_much > 0 {
        let limit = MAX_BYTES / 1024;
        collected
            .notes
            .push(format!("test reports beyond {MAX_FILES} files or {limit} KiB were left out: {too_much}"));
    }
    if collected.files.is_empty() && collected.notes.is_empty() {
        collected.notes.push(format!("no test report matches `{glob}`"));
    }
    collected
}

/// The file, unless it does not fit.
fn read(path: &Path, left: usize) -> std::io::Result<Option<ReportFile>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(left as u64 + 1).read_to_end(&mut bytes)?;
    let content = String::from_utf8_lossy(&bytes).into_owned();
    let file = ReportFile { path: path.to_string_lossy().into_owned(), content };
    Ok((size(&file) <= left).then_some(file))
}

fn size(file: &ReportFile) -> usize {
    encoded_len(&file.path) + encoded_len(&file.content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collected(files: &[(&str, &str)], glob: &str) -> Collected {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        collect(folder.path().join(glob).to_str().unwrap())
    }

    #[test]
    fn files_that_match_are_taken_in_order() {
        let found = collected(&[("r/b.xml", "<b/>"), ("r/a.xml", "<a/>"), ("r/c.txt", "")], "r/*.xml");
        let contents: Vec<_> = found.files.iter().map(|file| file.content.as_str()).collect();
        assert_eq!((contents, found.notes), (vec!["<a/>", "<b/>"], Vec::<String>::new()));
    }

    #[test]
    fn folders_below_are_searched_with_two_stars() {
        assert_eq!(collected(&[("r/x/y/a.xml", "<a/>")], "r/**/*.xml").files.len(), 1);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said() {
        let big = "x".repeat(MAX_BYTES);
        let found = collected(&[("a.xml", &big), ("b.xml", "<b/>")], "*.xml");
        assert_eq!((found.files.len(), found.files[0].content.as_str()), (1, "<b/>"));
        assert_eq!(found.notes, ["test reports beyond 200 files or 700 KiB were left out: 1"]);
    }

    #[test]
    fn more_files_than_the_limit_are_left_out() {
        let names: Vec<String> = (0..MAX_FILES + 3).map(|index| format!("{index}.xml")).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        let found = collected(&files, "*.xml");
        assert_eq!(found.files.len(), MAX_FILES);
        assert!(found.notes[0].ends_with("left out: 3"), "{:?}", found.notes);
    }

    #[test]
    fn no_file_at_all_is_said() {
        assert!(collected(&[], "*.xml").notes[0].starts_with("no test report matches `"));
        assert!(collect("***").notes[0].starts_with("`***` is not a glob"));
    }
}
