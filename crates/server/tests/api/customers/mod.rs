//! `/v1/customers/`.

mod create;
mod delete;
mod list;
mod update;
