//! Which files of a repository are the inputs of an asset.

use glob::{MatchOptions, Pattern};

use super::Asset;

/// `*` stays within a folder, `**` does not.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The globs of an asset. One that matches a folder means all that is in it.
#[derive(Clone, Debug)]
pub struct Globs(Vec<Pattern>);

impl Globs {
    /// Those of an asset of a manifest that was checked.
    pub fn of(asset: &Asset) -> Self {
        Self(asset.inputs.iter().filter_map(|input| Pattern::new(input.trim_end_matches('/')).ok()).collect())
    }

    /// Whether this file is one of the inputs. A name that is no text is looked at as far as it is one.
    pub fn accept(&self, path: &[u8]) -> bool {
        let path = String::from_utf8_lossy(path);
        let above = path.match_indices('/').filter_map(|(end, _)| path.get(..end));
        let mut all = above.chain([&*path]);
        all.any(|path| self.0.iter().any(|glob| glob.matches_with(path, OPTIONS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(glob: &str, path: &str) -> bool {
        Globs(vec![Pattern::new(glob).unwrap()]).accept(path.as_bytes())
    }

    #[test]
    fn a_folder_means_all_that_is_in_it_and_a_star_stays_within_one() {
        for (glob, path) in [
            ("assets", "assets/deep/a.css"),
            ("assets/**", "assets/deep/a.css"),
            ("assets/*.css", "assets/a.css"),
            ("**/*.css", "a.css"),
            ("**/*.css", "assets/deep/a.css"),
            ("package*.json", "package-lock.json"),
        ] {
            assert!(accepts(glob, path), "{glob} {path}");
        }
        for (glob, path) in [
            ("assets", "assets.css"),
            ("assets/*.css", "assets/deep/a.css"),
            ("package.json", "web/package.json"),
            ("assets/**", "other/assets/a.css"),
        ] {
            assert!(!accepts(glob, path), "{glob} {path}");
        }
    }
}
