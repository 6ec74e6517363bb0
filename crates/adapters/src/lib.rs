//! Services outside, each behind a client of its own: what is sent to them, and what their answers mean.
//!
//! Nothing here knows the shop or its data. Outcomes are values: that a service asks to wait, or that a person's token
//! ended, is an answer like any other.
#![warn(missing_docs)]

pub mod discord;
pub mod github;
pub mod http;
pub mod rest;
