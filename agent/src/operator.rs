//! The operator, the one peer of the agent: an address and plain HTTP.

use std::net::IpAddr;
use std::time::Duration;

use ureq::Agent;
use ureq::http::Uri;

/// A client that waits this long for one answer, to its last byte. No proxy: the environment of a service may name
/// one, and the operator is never behind it.
pub fn client(patience: Duration) -> Agent {
    Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_global(Some(patience))
        .user_agent(concat!("slipway-agent/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Whether the URL is `http://` and an address: a static program resolves no names.
pub fn is_address(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let plain = uri.as_ref().filter(|uri| uri.scheme_str() == Some("http"));
    let host = plain.and_then(Uri::host).map(|host| host.trim_start_matches('[').trim_end_matches(']'));
    host.is_some_and(|host| host.parse::<IpAddr>().is_ok())
}
