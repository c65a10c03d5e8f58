//! The shared libraries a program needs, as the C library's `ldd` lists them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ImageError;

/// Paths of all shared libraries of `binary`, the loader included; none for a static program.
pub fn shared_libraries(binary: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let failed = |reason: String| ImageError::SharedLibraries { binary: binary.to_owned(), reason };
    let output = Command::new("ldd")
        .arg(binary)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| failed(error.to_string()))?;
    let (listed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if format!("{listed}{said}").contains("not a dynamic executable") || listed.contains("statically linked")
    {
        return Ok(Vec::new());
    }
    if !output.status.success() {
        return Err(failed(said.trim().to_owned()));
    }
    parse(&listed).map_err(failed)
}

/// Lines are `name => path (address)`, `path (address)` or, for what the kernel provides, `name (address)`.
fn parse(listed: &str) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    for line in listed.lines() {
        if line.contains("=> not found") {
            return Err(line.trim().to_owned());
        }
        let path = line.split("=>").last().unwrap_or(line).split_whitespace().next();
        paths.extend(path.filter(|path| path.starts_with('/')).map(PathBuf::from));
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: &str = "\tlinux-vdso.so.1 (0x00007ffe)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";

    #[test]
    fn libraries_and_loader_are_found_and_what_the_kernel_provides_is_not() {
        let found = parse(LISTED).unwrap();
        assert_eq!(
            found,
            ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from)
        );
    }

    #[test]
    fn a_missing_library_is_an_error_that_names_it() {
        let error = parse("\tlibssl.so.3 => not found\n").unwrap_err();
        assert!(error.contains("libssl.so.3"), "{error}");
    }

    #[test]
    fn the_shell_of_this_machine_needs_a_c_library() {
        let found = shared_libraries(Path::new("/bin/sh")).unwrap();
        assert!(found.iter().any(|path| path.to_string_lossy().contains("libc.so")), "{found:?}");
    }
}
