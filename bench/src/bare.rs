//! The bare handler: axum, the same allocator and run-time as Merak, no data.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::Response,
    routing::any,
    serve::ListenerExt as _,
};
use bytes::Bytes;

/// What to answer.
#[derive(clap::Args)]
pub struct Arguments {
    /// The file whose bytes are every answer's body.
    #[arg(long)]
    body: PathBuf,
}

/// Answers every request with the bytes of one file until it is killed; says its address on standard output.
pub fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let body = fs::read(&arguments.body)
        .with_context(|| format!("the body {} cannot be read", arguments.body.display()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let router = Router::new().fallback(any(answer)).with_state(Bytes::from(body));
        println!("bare is listening on http://{}", listener.local_addr()?);
        // As Merak does. It cannot fail in a way that matters to a fixed answer.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, router).await?;
        Ok(())
    })
}

/// The request's body is read to its end, as Merak must do, and thrown away.
async fn answer(State(body): State<Bytes>, request: Bytes) -> Response {
    drop(request);
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
