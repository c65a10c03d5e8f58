//! Ports on 127.0.0.1 of the host that lead to addresses inside.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;

use crate::error::{Error, Result};
use crate::options::Publish;

/// Listens on the host (the network of the calling thread) and dials inside (the network of `inside`'s threads).
/// Returns the address on the host.
pub(crate) fn open(publish: &Publish, inside: &Handle) -> Result<SocketAddr> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, publish.host_port.unwrap_or(0)));
    let failed = |source| Error::Listen { name: publish.name.clone(), address: wanted, source };
    let listener = std::net::TcpListener::bind(wanted).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    inside.spawn(accept_all(listener, publish.target));
    Ok(address)
}

/// A free port of 127.0.0.1 that stays free for a server that shares ports: the socket holds it and never listens.
pub(crate) fn reserve() -> Result<(u16, TcpSocket)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseport(true)?;
        socket.bind(address)?;
        Ok((socket.local_addr()?.port(), socket))
    };
    bind().map_err(|source| Error::Listen { name: "kube-apiserver".into(), address, source })
}

async fn accept_all(listener: std::net::TcpListener, target: SocketAddr) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((outside, _)) => drop(tokio::spawn(connect(outside, target))),
            // Out of file descriptors, most likely: others close soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Either side's end, clean or not, is the end of both.
async fn connect(mut outside: TcpStream, target: SocketAddr) {
    if let Ok(mut inside) = TcpStream::connect(target).await {
        drop((outside.set_nodelay(true), inside.set_nodelay(true)));
        drop(tokio::io::copy_bidirectional(&mut outside, &mut inside).await);
    }
}
