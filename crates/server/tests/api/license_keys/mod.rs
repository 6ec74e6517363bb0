//! `/v1/license-keys`: keys as their seller sees them.

mod get;
mod get_activation;
mod life_cycle;
mod list;
mod update;
