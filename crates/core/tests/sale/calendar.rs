//! Periods over forty years of beginnings.
