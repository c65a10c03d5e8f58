//! Both ends of a sync, connected by a socket.

use std::io::{self, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use slipway_agent::live::{LiveError, Outgoing, Sender, SyncOrder, serve};

use crate::place::Place;

/// Our end.
pub type Speaker<W> = Sender<BufReader<UnixStream>, W>;
/// The other end.
pub type Serving = JoinHandle<Result<(), LiveError>>;

/// Our end, and the other, which ends with it.
pub fn connect(place: &Place) -> (Speaker<UnixStream>, Serving) {
    connect_by(place, |stream| stream)
}

/// The same with something in the way out.
pub fn connect_by<W: Write>(place: &Place, way: impl FnOnce(UnixStream) -> W) -> (Speaker<W>, Serving) {
    let (here, there) = UnixStream::pair().unwrap();
    let mut order = SyncOrder::new(place.mount.path());
    order.state = place.state.path().join("agent");
    let serving = thread::spawn(move || {
        let outgoing = Outgoing::new(there.try_clone().unwrap());
        serve(&order, there, &outgoing)
    });
    let sender = Sender::greet(BufReader::new(here.try_clone().unwrap()), way(here)).unwrap();
    (sender, serving)
}

/// A way out that breaks after so many bytes.
pub struct Cut {
    pub stream: UnixStream,
    pub left: usize,
}

impl Write for Cut {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            drop(self.stream.shutdown(std::net::Shutdown::Both));
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let written = self.stream.write(&buffer[..buffer.len().min(self.left)])?;
        self.left -= written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A way out on which something happens as soon as the archive of what differs is announced.
pub struct Meddling<F> {
    pub stream: UnixStream,
    pub then: Option<F>,
}

impl<F: FnOnce()> Write for Meddling<F> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if buffer.ends_with(b"\"edit\"")
            && let Some(then) = self.then.take()
        {
            then();
        }
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
