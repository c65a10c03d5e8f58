//! Digests from registries that want a login, over real HTTP: each registry is told its own login, and no other.

#![allow(clippy::unwrap_used, reason = "a failing test may say so loudly")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use k8s_openapi::ByteString;
use serde_json::{Map, json};
use slipway_controller::registry::Registry;
use slipway_plan::environment::resolve::FoundDigest;
use slipway_plan::pull_secret::{KEY, PullSecret, TYPE};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// `fleet:right` in base64.
const RIGHT: &str = "Basic ZmxlZXQ6cmlnaHQ=";

/// A registry with every image, and the logins that it was shown.
#[derive(Clone)]
struct Served {
    private: bool,
    shown: Arc<Mutex<Vec<String>>>,
}

async fn serve(private: bool) -> (SocketAddr, Served) {
    let served = Served { private, shown: Arc::default() };
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).with_state(served.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, served)
}

async fn answer(State(served): State<Served>, headers: HeaderMap) -> Response {
    let login = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    served.shown.lock().unwrap().extend(login.clone());
    if served.private && login.as_deref() != Some(RIGHT) {
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"registry\"")];
        return (StatusCode::UNAUTHORIZED, challenge).into_response();
    }
    [("docker-content-digest", DIGEST)].into_response()
}

fn pull_secret(registries: &[(SocketAddr, &str)]) -> PullSecret {
    let entry = |(address, password): &(SocketAddr, &str)| {
        (address.to_string(), json!({"username": "fleet", "password": password}))
    };
    let auths: Map<_, _> = registries.iter().map(entry).collect();
    let text = json!({"auths": auths}).to_string();
    let data = [(KEY.to_owned(), ByteString(text.into_bytes()))].into();
    PullSecret::parse("registry", Some(TYPE), &data).unwrap()
}

fn told(found: FoundDigest) -> String {
    match found {
        FoundDigest::Unknown(why) => why,
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn a_private_image_is_found_with_its_login_and_by_nobody_else() {
    let (address, _) = serve(true).await;
    let registry = Registry::new(vec![address.to_string()]);
    let image = format!("{address}/www:1");
    let right = pull_secret(&[(address, "right")]);
    let expected = FoundDigest::Image(format!("{address}/www@{DIGEST}"));
    assert_eq!(registry.digest(&image, Some(&right)).await, expected);
    let anybody = told(registry.digest(&image, None).await);
    assert!(anybody.contains("wants a login"), "{anybody}");
    let wrong = pull_secret(&[(address, "canary")]);
    let wrong = told(registry.digest(&image, Some(&wrong)).await);
    assert!(wrong.contains("refused the login") && !wrong.contains("canary"), "{wrong}");
}

#[tokio::test]
async fn a_registry_is_never_shown_the_login_of_another() {
    let (private, _) = serve(true).await;
    let (public, seen) = serve(false).await;
    let registry = Registry::new(vec![private.to_string(), public.to_string()]);
    let secret = pull_secret(&[(private, "right")]);
    registry.digest(&format!("{private}/www:1"), Some(&secret)).await;
    let found = registry.digest(&format!("{public}/www:1"), Some(&secret)).await;
    assert_eq!(found, FoundDigest::Image(format!("{public}/www@{DIGEST}")));
    assert_eq!(*seen.shown.lock().unwrap(), Vec::<String>::new());
}
