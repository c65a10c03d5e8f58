//! What is written after `slipway open`.

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{Printed, Within};
use crate::complete;

/// `slipway open`.
#[derive(Args, Debug)]
pub struct Open {
    /// The services, each with one of its ports and a port of this machine where that matters. Unset ports: the service's first,
    /// and a free one
    #[arg(
        value_name = "SERVICE[:PORT][=LOCAL_PORT]",
        value_parser = forward,
        required_unless_present = "all",
        conflicts_with = "all",
        add = ArgValueCompleter::new(complete::services_of_the_environment)
    )]
    pub services: Vec<Forward>,
    /// Environment.
    #[command(flatten)]
    pub within: Within,
    /// Every port of every service
    #[arg(long, conflicts_with_all = ["port", "local_port"])]
    pub all: bool,
    /// Which of the service's ports, where one service is opened
    #[arg(long, short)]
    pub port: Option<u16>,
    /// Port of this machine, where one service is opened
    #[arg(long, short, value_name = "PORT")]
    pub local_port: Option<u16>,
    /// Format.
    #[command(flatten)]
    pub printed: Printed,
}

/// One service that is opened, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The service.
    pub service: String,
    /// Which of its ports; unset: its first.
    pub port: Option<u16>,
    /// Port of this machine; unset: a free one.
    pub local_port: Option<u16>,
}

fn forward(text: &str) -> Result<Forward, String> {
    let (left, local_port) = match text.split_once('=') {
        Some((left, port)) => (left, Some(number(text, port)?)),
        None => (text, None),
    };
    let (service, port) = match left.split_once(':') {
        Some((service, port)) => (service, Some(number(text, port)?)),
        None => (left, None),
    };
    if service.is_empty() {
        return Err(wrong(text));
    }
    Ok(Forward { service: service.to_owned(), port, local_port })
}

fn number(text: &str, port: &str) -> Result<u16, String> {
    port.parse().ok().filter(|port| *port > 0).ok_or_else(|| wrong(text))
}

fn wrong(text: &str) -> String {
    format!("`{text}` names no service and port: write www, www:80 or www:80=8080")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_is_a_service_with_its_port_and_one_of_this_machine() {
        let read = |text| forward(text).map(|read| (read.service, read.port, read.local_port));
        assert_eq!(read("www"), Ok(("www".to_owned(), None, None)));
        assert_eq!(read("local:6379"), Ok(("local".to_owned(), Some(6379), None)));
        assert_eq!(read("www=8080"), Ok(("www".to_owned(), None, Some(8080))));
        assert_eq!(read("www:80=8080"), Ok(("www".to_owned(), Some(80), Some(8080))));
        for text in ["www:", "www:http", ":80", "www=0", "www:80=70000"] {
            assert!(read(text).unwrap_err().contains("www:80=8080"), "{text}");
        }
    }
}
