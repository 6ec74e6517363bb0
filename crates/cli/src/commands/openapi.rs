//! `merak openapi`: print the document.

use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Prints the OpenAPI document as it would be served under the public URL.
pub fn run(options: &Options) -> Result<(), Failure> {
    let url = options.public_url.as_deref().unwrap_or("http://127.0.0.1:8000");
    let document = merak_server::openapi(url.trim_end_matches('/')).map_err(Failure::runtime)?;
    output::say(&format!("{document:#}"))
}
