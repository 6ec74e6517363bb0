//! Habits that all operations share.

mod addresses;
mod bodies;
mod connections;
mod cors;
mod idempotency;
mod limits;
mod metadata;
mod queries;
mod times;
