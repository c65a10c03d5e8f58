//! From a thread that writes to an answer that is read: a few pieces are between them, whatever the size of the whole.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::Bytes;
use futures::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Sender};

/// Pieces that wait to be read; the compressor makes them 32 kibibytes long.
const PIECES: usize = 8;
/// For how long whoever reads may read nothing.
const SILENCE: Duration = Duration::from_mins(1);

type Piece = io::Result<Bytes>;

/// Takes what is written, on a thread for blocking work.
#[derive(Debug)]
pub struct Sink {
    pieces: Sender<Piece>,
    runtime: Handle,
}

/// Ends the answer when the writing broke off.
#[derive(Debug)]
pub struct End(Sender<Piece>);

/// Both ends.
pub fn pair() -> (Sink, impl Stream<Item = Piece>) {
    let (pieces, mut read) = mpsc::channel(PIECES);
    let body = futures::stream::poll_fn(move |context| read.poll_recv(context));
    (Sink { pieces, runtime: Handle::current() }, body)
}

impl Sink {
    /// A way to end the answer.
    pub fn end(&self) -> End {
        End(self.pieces.clone())
    }
}

impl End {
    /// Breaks the answer off: who reads it must not take what came for the whole.
    pub async fn broken(self) {
        let broken = Err(io::Error::other("the sources could not be read to their end"));
        let _ = tokio::time::timeout(SILENCE, self.0.send(broken)).await;
    }
}

impl Write for Sink {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let piece = self.pieces.send(Ok(Bytes::copy_from_slice(buffer)));
        match self.runtime.block_on(async { tokio::time::timeout(SILENCE, piece).await }) {
            Ok(Ok(())) => Ok(buffer.len()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads any more")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "nobody has read for a minute")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_is_written_is_read_in_order_and_no_faster() {
        let (mut sink, body) = pair();
        let writing =
            tokio::task::spawn_blocking(move || (0..100_u8).try_for_each(|byte| sink.write_all(&[byte])));
        let read: Vec<u8> = body.map(|piece| piece.unwrap()[0]).collect().await;
        assert_eq!(read, (0..100).collect::<Vec<u8>>());
        writing.await.unwrap().unwrap();
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_reader_that_went_away_ends_the_writing() {
        let (mut sink, body) = pair();
        drop(body);
        let writing = tokio::task::spawn_blocking(move || sink.write_all(b"x"));
        assert_eq!(writing.await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn what_broke_off_is_no_whole() {
        let (sink, body) = pair();
        let end = sink.end();
        drop(sink);
        end.broken().await;
        let read: Vec<Piece> = body.collect().await;
        assert!(read.last().unwrap().is_err());
    }
}
