//! A service that does nothing but answer.

use anyhow::Result;
use axum::Router;

/// Answers every request with success until the process ends.
pub async fn serve(port: u16) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(("0.0.0.0", port)).await?;
    axum::serve(listener, Router::new().fallback(async || "ok\n")).await?;
    Ok(())
}
