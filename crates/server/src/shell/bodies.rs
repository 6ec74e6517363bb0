//! The memory that bodies take while their requests are answered: bounded in sum, so that nobody fills it, and for each
//! address, so that nobody has all of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use super::rate_limit::subscriber;
use crate::error::Failure;

/// One address has this part of the memory at most.
const SHARE: usize = 4;

/// What a value of a JSON text takes once it is read, in bytes, whatever little it takes as text.
const VALUE_BYTES: usize = 64;

/// The memory for the bodies of all requests.
pub struct Bodies {
    in_all: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// What one request has of the memory; given back when this is dropped.
pub struct Share {
    bodies: Arc<Bodies>,
    address: IpAddr,
    bytes: usize,
}

impl Bodies {
    /// So many bytes for all. Without `per_address` one address may have all of them: all callers may be behind one.
    pub fn new(in_all: usize, per_address: bool) -> Arc<Self> {
        let share = if per_address { in_all / SHARE } else { in_all };
        Arc::new(Self { in_all, per_address: share, taken: Mutex::default() })
    }

    /// A share for a request of this address, which is empty yet.
    pub fn share(self: &Arc<Self>, address: IpAddr) -> Share {
        Share { bodies: Arc::clone(self), address: subscriber(address), bytes: 0 }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Reads a body of at most `limit` bytes, and takes memory for it as it arrives, then for what it is read into.
    pub async fn read(&mut self, mut body: Body, limit: usize) -> Result<Bytes, Failure> {
        let (mut first, mut rest) = (Bytes::new(), BytesMut::new());
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            // Who breaks off in the middle reads no answer.
            let Ok(data) = frame.map_err(|_| Failure::TooSlow)?.into_data() else { continue };
            length += data.len();
            if length > limit {
                return Err(Failure::TooLarge);
            }
            self.take(data.len())?;
            if first.is_empty() {
                first = data;
            } else {
                rest.extend_from_slice(&data);
            }
        }
        let body = if rest.is_empty() { first } else { [first.as_ref(), rest.as_ref()].concat().into() };
        let values = body.iter().filter(|byte| matches!(byte, b',' | b':' | b'[' | b'{')).count();
        self.take(values * VALUE_BYTES)?;
        Ok(body)
    }

    /// Takes so many bytes more. One request alone gets what it needs, however little there is.
    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        if bytes == 0 {
            return Ok(());
        }
        let bodies = Arc::clone(&self.bodies);
        let mut taken = bodies.taken();
        let by_address = taken.by_address.get(&self.address).copied().unwrap_or(0);
        let is_alone = by_address == self.bytes;
        if taken.in_all + bytes > bodies.in_all && taken.in_all > self.bytes
            || by_address + bytes > bodies.per_address && !is_alone
        {
            return Err(Failure::Crowded);
        }
        taken.in_all += bytes;
        taken.by_address.insert(self.address, by_address + bytes);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.bodies.taken();
        taken.in_all -= self.bytes;
        let left = taken.by_address.get(&self.address).map_or(0, |bytes| bytes - self.bytes);
        if left == 0 {
            taken.by_address.remove(&self.address);
        } else {
            taken.by_address.insert(self.address, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bodies, Body, Failure};

    #[tokio::test]
    async fn memory_for_bodies_is_bounded_in_sum_and_for_each_address() {
        let bodies = Bodies::new(400, true);
        let (one, network) = ([192, 0, 2, 1].into(), |n| [192, 0, 2, n].into());
        let hundred = || Body::from("x".repeat(100));
        let mut first = bodies.share(one);
        assert_eq!(first.read(hundred(), 100).await.unwrap().len(), 100);
        let mut second = bodies.share(one);
        assert!(matches!(second.read(hundred(), 100).await, Err(Failure::Crowded)), "its share is taken");
        let mut others = Vec::new();
        for n in 2..5 {
            let mut other = bodies.share(network(n));
            other.read(hundred(), 100).await.unwrap();
            others.push(other);
        }
        assert!(matches!(bodies.share(network(5)).read(hundred(), 100).await, Err(Failure::Crowded)));
        drop(first);
        assert!(matches!(
            bodies.share(one).read(Body::from("x".repeat(101)), 100).await,
            Err(Failure::TooLarge)
        ));
        bodies.share(network(5)).read(hundred(), 100).await.unwrap();
        drop(others);
        assert_eq!(bodies.taken().in_all, 0);
        assert!(bodies.taken().by_address.is_empty());
    }

    #[tokio::test]
    async fn small_values_count_as_what_they_are_read_into() {
        let bodies = Bodies::new(10_000, false);
        let mut numbers = bodies.share([192, 0, 2, 1].into());
        numbers.read(Body::from(format!("[{}1]", "1,".repeat(100))), 1000).await.unwrap();
        assert!(bodies.taken().in_all > 6000, "{}", bodies.taken().in_all);
        let alone = Bodies::new(10, true);
        alone.share([192, 0, 2, 1].into()).read(Body::from("x".repeat(100)), 100).await.unwrap();
    }
}
