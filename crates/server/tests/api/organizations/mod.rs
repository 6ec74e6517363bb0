//! `/v1/organizations/`.

mod create;
mod get;
mod list;
mod update;
