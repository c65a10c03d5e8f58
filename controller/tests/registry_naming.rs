//! An image gets another name in a registry, over real HTTP: the same bytes, with the login that may push.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use k8s_openapi::ByteString;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use slipway_controller::registry::Registry;
use slipway_plan::pull_secret::{KEY, PullSecret, TYPE};

const MANIFEST: &str =
    r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[]}"#;
/// `fleet:right` in base64.
const RIGHT: &str = "Basic ZmxlZXQ6cmlnaHQ=";

/// What was put: path and bytes.
type Put = Arc<Mutex<Vec<(String, Bytes)>>>;

async fn serve() -> (SocketAddr, Put) {
    let put = Put::default();
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).with_state(put.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, put)
}

async fn answer(
    State(put): State<Put>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let login = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    if login.as_deref() != Some(RIGHT) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"registry\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    if !uri.path().contains("/manifests/") {
        return StatusCode::OK.into_response();
    }
    if method == Method::PUT {
        put.lock().unwrap().push((uri.path().to_owned(), body));
        return (StatusCode::CREATED, [("location", uri.path().to_owned())]).into_response();
    }
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let headers = [("docker-content-digest", digest()), (header::CONTENT_TYPE.as_str(), kind.to_owned())];
    (headers, MANIFEST).into_response()
}

fn digest() -> String {
    let sum = Sha256::digest(MANIFEST);
    sum.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn secret(address: SocketAddr, password: &str) -> PullSecret {
    let auths = json!({address.to_string(): {"username": "fleet", "password": password}});
    let text = json!({"auths": auths}).to_string();
    let data = [(KEY.to_owned(), ByteString(text.into_bytes()))].into();
    PullSecret::parse("push", Some(TYPE), &data).unwrap()
}

#[tokio::test]
async fn the_same_bytes_get_the_good_name() {
    let (address, put) = serve().await;
    let registry = Registry::new(vec![address.to_string()]);
    let image = format!("{address}/www@{}", digest());
    let secret = secret(address, "right");
    registry.name(&image, &format!("{address}/www:good"), Some(&secret)).await.unwrap();
    let put = put.lock().unwrap();
    assert_eq!(
        put.as_slice(),
        [("/v2/www/manifests/good".to_owned(), Bytes::from_static(MANIFEST.as_bytes()))]
    );
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_without_its_password() {
    let (address, put) = serve().await;
    let registry = Registry::new(vec![address.to_string()]);
    let image = format!("{address}/www@{}", digest());
    let secret = secret(address, "canary");
    let error = registry.name(&image, &format!("{address}/www:good"), Some(&secret)).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains("refused the login") && !said.contains("canary"), "{said}");
    assert!(put.lock().unwrap().is_empty());
}
