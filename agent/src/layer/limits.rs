//! How much an archive may hold.

/// Caps of one archive, for who writes it and for who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Entries, whiteouts included.
    pub entries: u64,
    /// Bytes of a path, and of the target of a link.
    pub path_bytes: usize,
    /// Bytes of the extended attributes of one file.
    pub attribute_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 30,
            file_bytes: 4 << 30,
            entries: 1_000_000,
            path_bytes: 4095,
            attribute_bytes: 256 << 10,
        }
    }
}
