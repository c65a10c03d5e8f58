//! Frames: what is on the wire. A kind, a length, and that many bytes.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::LiveError;

/// Bytes of one frame of data.
const CHUNK: usize = 64 << 10;
/// Bytes of one message: rules may be long.
const LARGEST_MESSAGE: usize = 8 << 20;

const BEAT: u8 = 0;
const MESSAGE: u8 = 1;
const DATA: u8 = 2;
const END: u8 = 3;

/// The way out. Clones are the same way; frames are not mixed.
#[derive(Debug)]
pub struct Outgoing<W>(Arc<Mutex<W>>);

impl<W> Clone for Outgoing<W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<W: Write> Outgoing<W> {
    /// To this stream.
    pub fn new(inner: W) -> Self {
        Self(Arc::new(Mutex::new(inner)))
    }

    fn frame(&self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        let length = u32::try_from(bytes.len()).map_err(|_| io::Error::other("a frame is too long"))?;
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frame = Vec::with_capacity(bytes.len() + 5);
        frame.push(kind);
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(bytes);
        to.write_all(&frame)?;
        to.flush()
    }

    /// Says that this end is alive, and nothing else.
    pub fn beat(&self) -> io::Result<()> {
        self.frame(BEAT, &[])
    }

    /// Says something.
    pub fn say(&self, message: &impl Serialize) -> Result<(), LiveError> {
        let bytes = serde_json::to_vec(message).map_err(|error| LiveError::speech(error.to_string()))?;
        if bytes.len() > LARGEST_MESSAGE {
            return Err(LiveError::speech("the ignore files are larger than 8 MB"));
        }
        self.frame(MESSAGE, &bytes).map_err(LiveError::lost)
    }

    /// Begins data; they end with [`Data::finish`].
    pub fn data(&self) -> Data<W> {
        Data { to: self.clone(), chunk: Vec::with_capacity(CHUNK) }
    }
}

/// Data on the way out.
#[derive(Debug)]
pub struct Data<W: Write> {
    to: Outgoing<W>,
    chunk: Vec<u8>,
}

impl<W: Write> Data<W> {
    /// Sends the rest, and that it was all.
    pub fn finish(mut self) -> Result<(), LiveError> {
        self.flush().and_then(|()| self.to.frame(END, &[])).map_err(LiveError::lost)
    }
}

impl<W: Write> Write for Data<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let taken = buffer.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(buffer.get(..taken).unwrap_or(buffer));
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.chunk.is_empty() {
            self.to.frame(DATA, &self.chunk)?;
            self.chunk.clear();
        }
        Ok(())
    }
}

/// The way in.
#[derive(Debug)]
pub struct Incoming<R>(R);

impl<R: Read> Incoming<R> {
    /// From this stream.
    pub fn new(inner: R) -> Self {
        Self(inner)
    }

    /// What is said next; none at the end.
    pub fn hear<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LiveError> {
        match self.next(LARGEST_MESSAGE)? {
            None => Ok(None),
            Some((MESSAGE, bytes)) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| LiveError::speech(format!("a message is not understood: {error}"))),
            Some(_) => Err(LiveError::speech("data came where a message belongs")),
        }
    }

    /// The data that come next, as a stream.
    pub fn data(&mut self) -> Arriving<'_, R> {
        Arriving { from: self, chunk: io::Cursor::default(), is_over: false }
    }

    fn next(&mut self, largest: usize) -> Result<Option<(u8, Vec<u8>)>, LiveError> {
        loop {
            let mut kind = [0];
            match self.0.read(&mut kind) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(LiveError::lost(error)),
            }
            let mut length = [0; 4];
            self.0.read_exact(&mut length).map_err(LiveError::lost)?;
            let length = u32::from_be_bytes(length) as usize;
            if length > largest || kind[0] > END {
                return Err(LiveError::speech("what comes is no frame"));
            }
            let mut bytes = vec![0; length];
            self.0.read_exact(&mut bytes).map_err(LiveError::lost)?;
            if kind[0] != BEAT {
                return Ok(Some((kind[0], bytes)));
            }
        }
    }
}

/// Data on the way in.
#[derive(Debug)]
pub struct Arriving<'a, R> {
    from: &'a mut Incoming<R>,
    chunk: io::Cursor<Vec<u8>>,
    is_over: bool,
}

impl<R: Read> Arriving<'_, R> {
    /// Reads what nobody wanted.
    pub fn drain(&mut self) -> Result<(), LiveError> {
        io::copy(self, &mut io::sink()).map(|_| ()).map_err(LiveError::lost)
    }
}

impl<R: Read> Read for Arriving<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || self.is_over || buffer.is_empty() {
                return Ok(read);
            }
            match self.from.next(CHUNK) {
                Ok(Some((DATA, bytes))) => self.chunk = io::Cursor::new(bytes),
                Ok(Some((END, _))) => self.is_over = true,
                Ok(None) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Some(_)) => return Err(io::Error::other("a message came in the middle of data")),
                Err(LiveError::Lost { source }) => return Err(source),
                Err(other) => return Err(io::Error::other(other)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_are_not_heard_and_data_come_as_they_were() {
        let mut wire = Vec::new();
        let sent: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        {
            let out = Outgoing::new(&mut wire);
            out.beat().unwrap();
            out.say(&"hello").unwrap();
            let mut data = out.data();
            data.write_all(&sent).unwrap();
            out.beat().unwrap();
            data.finish().unwrap();
            out.say(&"bye").unwrap();
        }
        let mut incoming = Incoming::new(wire.as_slice());
        assert_eq!(incoming.hear::<String>().unwrap().unwrap(), "hello");
        let mut read = Vec::new();
        incoming.data().read_to_end(&mut read).unwrap();
        assert_eq!(read, sent);
        assert_eq!(incoming.hear::<String>().unwrap().unwrap(), "bye");
        assert!(incoming.hear::<String>().unwrap().is_none());
    }

    #[test]
    fn what_is_cut_or_no_frame_is_an_error() {
        for bytes in [&b"\x01\0\0\0\x05ab"[..], b"\x01\xff\xff\xff\xff", b"HTTP/1.1", b"\x02\0\0\0\x01x"] {
            assert!(Incoming::new(bytes).hear::<String>().is_err(), "{bytes:?}");
        }
        let mut read = Vec::new();
        let cut = Incoming::new(&b"\x02\0\0\0\x01x"[..]).data().read_to_end(&mut read);
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
