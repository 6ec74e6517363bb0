//! The shell's part of access: how often anonymous callers may call. Who may call what stands on the routes.

pub mod rate_limit;
