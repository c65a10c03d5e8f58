//! Extended attributes that belong to a file wherever it is. Others belong to its machine or its file system.

use std::io;
use std::path::Path;

use crate::layer::Attributes;

fn belongs_to_the_file(name: &str) -> bool {
    name == "security.capability" || name.starts_with("user.")
}

/// Those of a file; links are not followed. None where the file system has none.
pub(crate) fn read(path: &Path) -> io::Result<Attributes> {
    let names = match xattr::list(path) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(Attributes::new()),
        Err(error) => return Err(error),
    };
    let mut attributes = Attributes::new();
    for name in names {
        let Some(name) = name.to_str().filter(|name| belongs_to_the_file(name)) else { continue };
        if let Some(value) = xattr::get(path, name)? {
            attributes.insert(name.to_owned(), value);
        }
    }
    Ok(attributes)
}

/// Gives a file these and no others.
pub(crate) fn write(path: &Path, wanted: &Attributes) -> io::Result<()> {
    let has = read(path)?;
    for name in has.keys().filter(|name| !wanted.contains_key(*name)) {
        xattr::remove(path, name)?;
    }
    for (name, value) in wanted.iter().filter(|(name, _)| belongs_to_the_file(name)) {
        if has.get(name) != Some(value) {
            xattr::set(path, name, value)?;
        }
    }
    Ok(())
}
