//! Which tag is the newest version of a range.

use semver::{Version, VersionReq};

/// A text that is no range of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{range}` is no range of versions: {reason}; write one such as `>=1.2 <2`")]
pub struct RangeError {
    /// What was written.
    pub range: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A range of versions, for example `>=1.2 <2`, `~1.4`, `1.x` or `*`. Comparators are separated by spaces, commas or both.
pub fn range(text: &str) -> Result<VersionReq, RangeError> {
    let failed = |reason: String| RangeError { range: text.to_owned(), reason };
    let mut comparators: Vec<String> = Vec::new();
    for word in text.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
        match comparators.last_mut() {
            // `>= 1.2` is one comparator.
            Some(last) if last.chars().all(|c| "<>=~^".contains(c)) => last.push_str(word),
            _ => comparators.push(word.to_owned()),
        }
    }
    if comparators.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    VersionReq::parse(&comparators.join(",")).map_err(|error| failed(error.to_string()))
}

/// The tag with the highest version that is in the range. A `v` before the version does not matter; prereleases count only
/// when the range names one of the same version; tags that are no version are ignored.
pub fn newest<'a>(range: &VersionReq, tags: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let versions = tags.filter_map(|tag| Some((version(tag)?, tag)));
    // The name decides between `1.0.0` and `v1.0.0`, so that the choice does not move.
    versions.filter(|(version, _)| range.matches(version)).max().map(|(_, tag)| tag)
}

fn version(tag: &str) -> Option<Version> {
    Version::parse(tag.strip_prefix('v').unwrap_or(tag)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAGS: [&str; 12] = [
        "v1.0.0",
        "v1.2.0",
        "1.2.10",
        "v1.2.9",
        "v2.0.0-rc.1",
        "v2.0.0-rc.2",
        "v1.10.0-beta",
        "nightly",
        "v1.3",
        "v1",
        "release/v9.0.0",
        "v0.9.0",
    ];

    fn chosen(text: &str) -> Option<&'static str> {
        newest(&range(text).unwrap(), TAGS.into_iter())
    }

    #[test]
    fn the_newest_version_is_chosen_by_number_and_not_by_name() {
        for (text, tag) in [
            (">=1.2 <2", "1.2.10"),
            (">=1.2, <2", "1.2.10"),
            (">= 1.2 < 1.2.10", "v1.2.9"),
            ("~1.0", "v1.0.0"),
            ("^1", "1.2.10"),
            ("1.x", "1.2.10"),
            ("1", "1.2.10"),
            ("=1.2.0", "v1.2.0"),
            ("<1", "v0.9.0"),
            ("*", "1.2.10"),
        ] {
            assert_eq!(chosen(text), Some(tag), "{text}");
        }
    }

    #[test]
    fn prereleases_count_only_when_they_are_asked_for() {
        assert_eq!(chosen(">=1.2"), Some("1.2.10"));
        assert_eq!(chosen(">=2.0.0-rc"), Some("v2.0.0-rc.2"));
        assert_eq!(chosen("=2.0.0-rc.1"), Some("v2.0.0-rc.1"));
        assert_eq!(chosen(">=2"), None);
    }

    #[test]
    fn two_names_of_one_version_are_told_apart_the_same_way_each_time() {
        let all = range("*").unwrap();
        assert_eq!(newest(&all, ["v1.0.0", "1.0.0"].into_iter()), Some("v1.0.0"));
        assert_eq!(newest(&all, ["1.0.0", "v1.0.0"].into_iter()), Some("v1.0.0"));
    }

    #[test]
    fn what_is_no_range_is_named() {
        for text in ["", " , ", "latest", ">=", "1.2 || 2", "1.2 - 1.4", ">=99999999999999999999", "v1..2"] {
            let error = range(text).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is no range of versions: ")), "{error}");
        }
        let many = vec![">=1"; 100].join(" ");
        assert!(range(&many).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_range_or_refused(text in ".{0,60}", tag in ".{0,40}") {
            if let Ok(range) = range(&text) {
                newest(&range, [tag.as_str()].into_iter());
            }
        }
    }
}
