//! The header of one entry: ustar, and PAX records for what does not fit into it.

use tar::{EntryType, Header};

use super::Metadata;

/// Largest owner and group of a ustar header.
const LARGEST_ID: u32 = 0o7_777_777;

/// A header and the records before it.
pub(super) struct Described {
    pub(super) header: Header,
    pub(super) records: Vec<(String, Vec<u8>)>,
}

impl Described {
    /// A header of this kind for this path; `target` is that of a link.
    pub(super) fn new(kind: EntryType, path: &[u8], meta: &Metadata, size: u64, target: &[u8]) -> Self {
        let mut described = Self { header: Header::new_ustar(), records: Vec::new() };
        described.header.set_entry_type(kind);
        described.header.set_mode(meta.mode & 0o7777);
        described.header.set_size(size);
        described.header.set_mtime(u64::try_from(meta.mtime).unwrap_or(0));
        described.owner(meta);
        described.names(path, target);
        for (name, value) in &meta.attributes {
            described.records.push((format!("SCHILY.xattr.{name}"), value.clone()));
        }
        described.header.set_cksum();
        described
    }

    fn owner(&mut self, meta: &Metadata) {
        self.header.set_uid(u64::from(meta.uid.min(LARGEST_ID)));
        self.header.set_gid(u64::from(meta.gid.min(LARGEST_ID)));
        for (key, id) in [("uid", meta.uid), ("gid", meta.gid)] {
            if id > LARGEST_ID {
                self.records.push((key.to_owned(), id.to_string().into_bytes()));
            }
        }
    }

    fn names(&mut self, path: &[u8], target: &[u8]) {
        let old = self.header.as_old_mut();
        let fields = [("path", path, &mut old.name), ("linkpath", target, &mut old.linkname)];
        let mut long = Vec::new();
        for (key, value, field) in fields {
            for (to, from) in field.iter_mut().zip(value) {
                *to = *from;
            }
            if value.len() > field.len() {
                long.push((key.to_owned(), value.to_vec()));
            }
        }
        if long.iter().any(|(_, value)| str::from_utf8(value).is_err()) {
            self.records.push(("hdrcharset".to_owned(), b"BINARY".to_vec()));
        }
        self.records.append(&mut long);
    }
}
