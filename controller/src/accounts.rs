//! Requests with the rights of a service account, and never with the operator's own instead.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use http::header::{HeaderName, HeaderValue};
use kube::Client;
use slipway_plan::gitsync::account::Account;

/// The header that says on whose behalf a request is made.
const IMPERSONATE: HeaderName = HeaderName::from_static("impersonate-user");

/// Clients by service account; all of them share the operator's connections.
pub struct Accounts {
    operator: Client,
    clients: Mutex<BTreeMap<Account, Client>>,
}

impl Accounts {
    /// Of the API server that this client talks to.
    pub fn new(operator: Client) -> Self {
        Self { operator, clients: Mutex::default() }
    }

    /// A client with exactly the rights of an account.
    pub fn client(&self, account: &Account) -> Client {
        let Some(user) = account.user() else { return self.operator.clone() };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || impersonating(self.operator.clone(), user);
        clients.entry(account.clone()).or_insert_with(made).clone()
    }
}

/// A header of a name that is none would be left out, so a request without it is not sent at all.
fn impersonating(operator: Client, user: String) -> Client {
    let namespace = operator.default_namespace().to_owned();
    let service = tower::service_fn(move |mut request: http::Request<kube::client::Body>| {
        let (operator, user) = (operator.clone(), HeaderValue::from_str(&user));
        async move {
            let user = user.map_err(|error| kube::Error::Service(error.into()))?;
            request.headers_mut().insert(IMPERSONATE, user);
            operator.send(request).await
        }
    });
    Client::new(service, namespace)
}
