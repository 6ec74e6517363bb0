//! The memory that bodies take while their requests are answered: bounded in sum, so that nobody fills it, and for each
//! network, so that nobody has all of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::error::Failure;

/// A body is small up to so many bytes, with the values it is read into. Small ones have a part of the memory to
/// themselves, so that they find room whatever the large ones take.
const SMALL: usize = 16 << 10;

/// What a value of a JSON text takes once it is read, in bytes, whatever little it takes as text.
const VALUE_BYTES: usize = 64;

/// The memory for the bodies of all requests: a quarter for the small ones, the rest for the others. One network has a
/// sixteenth of the one and a quarter of the other at most.
pub struct Bodies {
    small: Pool,
    large: Pool,
}

struct Pool {
    in_all: usize,
    per_network: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    by_network: HashMap<IpAddr, usize>,
}

/// What one request has of the memory; given back when this is dropped.
pub struct Share {
    bodies: Arc<Bodies>,
    network: IpAddr,
    bytes: usize,
}

impl Bodies {
    /// So many bytes for all. Without `per_network` one may have all of them: all callers may be behind one address.
    pub fn new(in_all: usize, per_network: bool) -> Arc<Self> {
        let pool = |in_all, parts| {
            let per_network = if per_network { in_all / parts } else { in_all };
            Pool { in_all, per_network, taken: Mutex::default() }
        };
        Arc::new(Self { small: pool(in_all / 4, 16), large: pool(in_all - in_all / 4, 4) })
    }

    /// A share for a request from this address, which is empty yet.
    pub fn share(self: &Arc<Self>, address: IpAddr) -> Share {
        Share { bodies: Arc::clone(self), network: network(address), bytes: 0 }
    }

    /// Where a request is counted that has so many bytes.
    fn pool(&self, bytes: usize) -> &Pool {
        if bytes <= SMALL { &self.small } else { &self.large }
    }
}

/// An IPv4 address, or the /48 that a subscriber of IPv6 may have whole.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) >> 80 << 80).into()),
        address @ IpAddr::V4(_) => address,
    }
}

impl Pool {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes so many bytes more for a request that has `own` of them here. One alone gets what it needs, however little
    /// there is.
    fn take(&self, network: IpAddr, own: usize, bytes: usize) -> Result<(), Failure> {
        let mut taken = self.taken();
        let of_network = taken.by_network.get(&network).copied().unwrap_or(0);
        if taken.in_all + bytes > self.in_all && taken.in_all > own
            || of_network + bytes > self.per_network && of_network > own
        {
            return Err(Failure::Crowded);
        }
        taken.in_all += bytes;
        taken.by_network.insert(network, of_network + bytes);
        Ok(())
    }

    fn give_back(&self, network: IpAddr, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let mut taken = self.taken();
        taken.in_all -= bytes;
        let left = taken.by_network.get(&network).map_or(0, |of_network| of_network - bytes);
        if left == 0 {
            taken.by_network.remove(&network);
        } else {
            taken.by_network.insert(network, left);
        }
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

    /// Takes so many bytes more.
    fn take(&mut self, bytes: usize) -> Result<(), Failure> {
        if bytes == 0 {
            return Ok(());
        }
        let wanted = self.bytes + bytes;
        let (before, after) = (self.bodies.pool(self.bytes), self.bodies.pool(wanted));
        if std::ptr::eq(before, after) {
            after.take(self.network, self.bytes, bytes)?;
        } else {
            after.take(self.network, 0, wanted)?;
            before.give_back(self.network, self.bytes);
        }
        self.bytes = wanted;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.bodies.pool(self.bytes).give_back(self.network, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::{Bodies, Body, Failure, SMALL, Share, network};

    async fn reads(share: &mut Share, length: usize) -> bool {
        match share.read(Body::from("x".repeat(length)), length).await {
            Ok(body) => body.len() == length,
            Err(Failure::Crowded) => false,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn memory_for_bodies_is_bounded_in_sum_and_for_each_network() {
        // Four large bodies of the largest small size and a byte have room, and one small body of each of 16 networks.
        let large = SMALL + 1;
        let bodies = Bodies::new(large * 4 * 4 / 3 + 4, true);
        let share = |n| bodies.share([192, 0, 2, n].into());
        let mut first = share(1);
        assert!(reads(&mut first, large).await);
        let mut others = Vec::new();
        assert!(!reads(&mut share(1), large).await, "its part is taken");
        for n in 2..5 {
            let mut other = share(n);
            assert!(reads(&mut other, large).await);
            others.push(other);
        }
        assert!(!reads(&mut share(5), large).await, "all is taken");
        let mut small = share(1);
        assert!(reads(&mut small, 1000).await, "the small ones have their own");
        assert!(!reads(&mut share(1), 1000).await, "and each network its part of it");
        drop(first);
        assert!(matches!(share(1).read(Body::from("x".repeat(101)), 100).await, Err(Failure::TooLarge)));
        assert!(reads(&mut share(5), large).await);
        drop((others, small));
        for pool in [&bodies.small, &bodies.large] {
            assert_eq!(pool.taken().in_all, 0);
            assert!(pool.taken().by_network.is_empty());
        }
    }

    #[tokio::test]
    async fn small_values_count_as_what_they_are_read_into() {
        let bodies = Bodies::new(100_000, false);
        let mut numbers = bodies.share([192, 0, 2, 1].into());
        numbers.read(Body::from(format!("[{}1]", "1,".repeat(100))), 1000).await.unwrap();
        assert!(bodies.small.taken().in_all > 6000, "{}", bodies.small.taken().in_all);
        let alone = Bodies::new(10, true);
        assert!(reads(&mut alone.share([192, 0, 2, 1].into()), 100).await);
    }

    #[test]
    fn a_subscriber_has_one_network() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::3"), of("2001:db8:1:ffff::4"));
        assert_ne!(of("2001:db8:1::"), of("2001:db8:2::"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
