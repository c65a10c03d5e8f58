//! Names in an archive: relative paths without detours; and whiteouts, which are names too.

use super::error::{LayerError, shown};
use super::limits::Limits;

/// What the name of a whiteout begins with: `.wh.NAME` says that NAME is gone.
pub const WHITEOUT: &[u8] = b".wh.";
/// The name that says that nothing of the layers below is left in its folder.
pub const OPAQUE: &[u8] = b".wh..wh..opq";

/// Refuses what is empty, absolute, too long, or leads somewhere else.
pub(crate) fn check(path: &[u8], limits: &Limits) -> Result<(), LayerError> {
    let refused = |why| Err(LayerError::Name { path: shown(path), why });
    if path.len() > limits.path_bytes {
        return Err(too_long(path, limits));
    }
    if path.contains(&0) {
        return refused("it contains a NUL byte");
    }
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" => return refused("it is absolute, or has an empty part"),
            b"." | b".." => return refused("`.` and `..` are not names"),
            // A whiteout is longer than what it is about.
            name if name.strip_prefix(WHITEOUT).unwrap_or(name).len() > 255 => {
                return refused("a part of it is longer than 255 bytes");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses names of real files that whoever unpacks the layer would take for whiteouts.
pub(super) fn check_real(path: &[u8], limits: &Limits) -> Result<(), LayerError> {
    check(path, limits)?;
    if path.split(|byte| *byte == b'/').any(|name| name.starts_with(WHITEOUT)) {
        let why = "names that begin with .wh. mean in a layer that a file is gone";
        return Err(LayerError::Name { path: shown(path), why });
    }
    Ok(())
}

/// Refuses a target of a link that no file system could have.
pub(super) fn check_target(path: &[u8], target: &[u8], limits: &Limits) -> Result<(), LayerError> {
    if target.len() > limits.path_bytes {
        return Err(too_long(path, limits));
    }
    if target.is_empty() || target.contains(&0) {
        return Err(LayerError::Name { path: shown(path), why: "the link's target is no path" });
    }
    Ok(())
}

fn too_long(path: &[u8], limits: &Limits) -> LayerError {
    let start = path.get(..200).unwrap_or(path);
    LayerError::TooMuch { path: shown(start), what: "bytes of a path", limit: limits.path_bytes as u64 }
}

/// The folder and the name in it.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(at) => (path.get(..at).unwrap_or_default(), path.get(at + 1..).unwrap_or_default()),
        None => (b"", path),
    }
}

/// The path of a name in a folder.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for path in ["", "/etc/passwd", "a//b", "a/", "../a", "a/../b", "./a", "a\0b"] {
            assert!(check(path.as_bytes(), &Limits::default()).is_err(), "{path:?}");
        }
        let long = vec![b'x'; 256];
        assert!(check(&long, &Limits::default()).is_err());
    }

    #[test]
    fn any_other_byte_may_be_in_a_name() {
        for path in [b"a\nb".as_slice(), b"\xff\xfe", b"...", b"a/..b", b" "] {
            assert!(check_real(path, &Limits::default()).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn a_real_file_must_not_look_like_a_whiteout() {
        let error = check_real(b"etc/.wh.hosts", &Limits::default()).unwrap_err().to_string();
        assert!(error.contains("begin with .wh."), "{error}");
    }
}
