//! `/v1/files/` and the addresses of the bytes.

mod content;
mod create;
mod delete;
mod flow;
mod list;
mod update;
mod uploaded;
