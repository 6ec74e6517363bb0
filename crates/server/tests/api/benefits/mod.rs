//! `/v1/benefits/`.

mod create;
mod delete;
mod grants;
mod list;
mod update;
