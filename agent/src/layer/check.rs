//! Reads a layer to its end without unpacking it: who pushes it did not write it.

use std::io::{self, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::digest::Hashing;
use super::entry;
use super::error::LayerError;
use super::limits::Limits;

/// Bytes after the end of an archive; some programs fill up to a block of their own.
pub(super) const PADDING: u64 = 1 << 20;

/// What a layer is, by its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Digest of the compressed bytes: the name of the blob.
    pub digest: String,
    /// Digest of the archive before compression: its name in an image's configuration.
    pub diff_id: String,
    /// Compressed bytes.
    pub size: u64,
}

/// Reads a gzip-compressed archive, and refuses what an image's layer must not hold, and what comes after its end.
pub fn check(archive: impl Read, limits: Limits) -> Result<Checked, LayerError> {
    let compressed = BufReader::new(Hashing::new(archive));
    let mut archive = tar::Archive::new(Hashing::new(GzDecoder::new(compressed)));
    let mut entries = entry::entries(&mut archive, limits)?;
    // Contents that nobody reads are passed over by the next step.
    while entries.next()?.is_some() {}
    drop(entries);
    let mut plain = archive.into_inner();
    read_to_the_end(&mut plain, PADDING)?;
    let (decoder, diff_id, _) = plain.finish();
    let mut compressed = decoder.into_inner();
    read_to_the_end(&mut compressed, 0)?;
    let (_, digest, size) = compressed.into_inner().finish();
    Ok(Checked { digest, diff_id, size })
}

/// What comes after the last entry is padding; then comes the checksum, which is looked at only when it is reached.
pub(super) fn read_to_the_end(rest: impl Read, padding: u64) -> Result<(), LayerError> {
    let damaged = |source| LayerError::Damaged { path: "its last file".to_owned(), source };
    match io::copy(&mut rest.take(padding + 1), &mut io::sink()) {
        Ok(read) if read > padding => Err(damaged(io::Error::other("there is more after the end"))),
        Ok(_) => Ok(()),
        Err(error) => Err(damaged(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LayerWriter, Metadata, Sealed};
    use super::*;

    fn sealed() -> Sealed<Vec<u8>> {
        let mut writer = LayerWriter::new(Vec::new(), Limits::default());
        writer.directory(b"etc", &Metadata::default()).unwrap();
        writer.file(b"etc/hosts", &Metadata::default(), 3, b"abc".as_slice()).unwrap();
        writer.whiteout(b"etc/old").unwrap();
        writer.finish().unwrap()
    }

    fn said(bytes: &[u8], limits: Limits) -> String {
        use std::error::Error as _;
        let error = check(bytes, limits).unwrap_err();
        format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn a_layer_is_what_its_writer_says() {
        let sealed = sealed();
        let checked = check(sealed.inner.as_slice(), Limits::default()).unwrap();
        let Sealed { digest, diff_id, size, .. } = sealed;
        assert_eq!(checked, Checked { digest, diff_id, size });
    }

    #[test]
    fn what_is_cut_or_goes_on_after_its_end_is_no_layer() {
        let whole = sealed().inner;
        for end in [0, 5, whole.len() / 2, whole.len() - 1] {
            assert!(check(&whole[..end], Limits::default()).is_err(), "{end}");
        }
        let twice = [whole.clone(), whole].concat();
        assert!(said(&twice, Limits::default()).contains("more after the end"));
    }

    #[test]
    fn what_an_image_must_not_hold_is_refused() {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..9].copy_from_slice(b"../passwd");
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        let mut archive = tar::Builder::new(super::super::Compressed::new(Vec::new()));
        archive.append(&header, io::empty()).unwrap();
        let bytes = archive.into_inner().unwrap().finish().unwrap().inner;
        assert!(said(&bytes, Limits::default()).contains("../passwd cannot be in"));
        let limits = Limits { bytes: 2, ..Limits::default() };
        assert!(said(&sealed().inner, limits).contains("bytes of all files"));
    }
}
