//! The values both engines agree on: one file a type that is not Rust's own.

mod json;
mod timestamp;
mod value;

pub use json::Json;
pub use timestamp::Timestamp;
pub use value::{Param, Value};
