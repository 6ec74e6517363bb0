//! `merak openapi`.

use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::http;
use crate::installation::{Installation, merak, outcome};

#[test]
fn it_prints_what_a_server_serves() {
    let installation = Installation::new();
    let (_server, url) = installation.serve(&[]);
    let done = outcome(merak().args(["openapi", "--public-url", &format!("{url}/")]));
    assert_eq!((done.code, done.remarks.as_str()), (Some(0), ""));
    let printed: Value = serde_json::from_str(&done.output).unwrap();
    assert_eq!(printed["servers"][0]["url"], url.as_str());
    assert_eq!(printed, http::get(&url, "/openapi.json", "").json());
}

#[test]
fn it_needs_no_database_and_makes_none() {
    let installation = Installation::new();
    let done = installation.run("openapi");
    let document: Value = serde_json::from_str(&done.output).unwrap();
    assert_eq!(document["servers"][0]["url"], "http://127.0.0.1:8000");
    assert!(!installation.data_dir().exists());
}

#[test]
fn a_reader_who_has_seen_enough_is_no_failure() {
    let mut child = merak().arg("openapi").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut remarks = String::new();
    child.stderr.take().unwrap().read_to_string(&mut remarks).unwrap();
    assert_eq!((child.wait().unwrap().code(), remarks.as_str()), (Some(0), ""));
}
