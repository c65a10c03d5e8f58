//! Names of files and folders that a repository may have: what git itself would refuse to check out is refused here.

/// Whether a name is text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// It is UTF-8.
    Yes,
    /// It is not; it may be some old file that nobody asked for.
    No,
}

/// The longest name, in bytes: what file systems take.
const LONGEST: usize = 255;

/// Checks one name of a tree.
pub(super) fn check(name: &[u8]) -> Result<Text, &'static str> {
    if name.is_empty() || name.len() > LONGEST {
        return Err("is empty or longer than 255 bytes");
    }
    if name == b"." || name == b".." || is_git(name) {
        return Err("is one that git keeps for itself");
    }
    if name.iter().any(|byte| matches!(byte, b'/' | b'\\') || byte.is_ascii_control()) {
        return Err("has a slash or a control character");
    }
    let Ok(text) = std::str::from_utf8(name) else { return Ok(Text::No) };
    if text.chars().any(is_deceptive) {
        return Err("has a character that hides or reorders others");
    }
    Ok(Text::Yes)
}

/// `.git` as file systems understand it: in any case, by its short name, and with what some of them ignore.
fn is_git(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name);
    let seen: String = text.chars().filter(|c| !is_deceptive(*c)).collect::<String>().to_ascii_lowercase();
    let seen = seen.trim_end_matches(['.', ' ']);
    [".git", "git~1"].contains(&seen) || seen.starts_with(".git:")
}

fn is_deceptive(character: char) -> bool {
    slipway_plan::yaml::is_deceptive(character) || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_checkout_would_survive_are_refused() {
        for bad in [
            "",
            ".",
            "..",
            ".git",
            ".GIT",
            ".git.",
            ".git ",
            "git~1",
            "GIT~1",
            ".g\u{200c}it",
            ".git::$INDEX_ALLOCATION",
            "a/b",
            "..\\x",
            "a\n.yaml",
            "a\0",
            "\u{7f}",
            "a\u{202e}lmay.",
            "a\u{85}b",
        ] {
            assert!(check(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(check(&[b'a'; 4096]).is_err());
    }

    #[test]
    fn ordinary_names_are_taken() {
        for good in [
            "a.yaml",
            ".gitignore",
            ".gitattributes",
            ".github",
            "...",
            "-rf",
            "größe.yaml",
            "a b",
            "日本.yaml",
        ] {
            assert_eq!(check(good.as_bytes()), Ok(Text::Yes), "{good}");
        }
        assert_eq!(check(b"gr\xf6\xdfe.txt"), Ok(Text::No));
    }
}
