//! How many downloads go on at once: each holds a file open and a part of it in memory for as long as its reader takes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Failure;

/// So many downloads go on at once.
pub const MOST_DOWNLOADS: usize = 1000;

/// So many of one subscriber, who may be a whole office.
const MOST_OF_ONE: usize = 100;

/// Who downloads.
#[derive(Debug)]
pub(super) struct Places {
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    by_subscriber: HashMap<IpAddr, usize>,
}

/// A place among the downloads, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    subscriber: IpAddr,
}

/// Who reads a file.
pub(super) struct Reader {
    pub(super) place: Place,
    /// How long they may take for a piece of it.
    pub(super) silence: Duration,
}

/// After how many seconds a subscriber may try again who has too many downloads.
const COME_BACK_AFTER: u64 = 10;

impl Places {
    /// Without `per_subscriber` one may have all places: all callers may be behind one address.
    pub(super) fn new(per_subscriber: bool) -> Self {
        let most_of_one = if per_subscriber { MOST_OF_ONE } else { MOST_DOWNLOADS };
        Self { most_of_one, taken: Mutex::default() }
    }

    pub(super) fn take(self: &Arc<Self>, subscriber: IpAddr) -> Result<Place, Failure> {
        let mut taken = self.taken();
        if taken.count >= MOST_DOWNLOADS {
            return Err(Failure::Crowded);
        }
        let of_one = taken.by_subscriber.entry(subscriber).or_default();
        if *of_one >= self.most_of_one {
            return Err(Failure::TooManyRequests(COME_BACK_AFTER));
        }
        *of_one += 1;
        taken.count += 1;
        Ok(Place { places: Arc::clone(self), subscriber })
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.taken().count
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing in here panics half way, so a poisoned lock holds whole values.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.count -= 1;
        if let Some(of_one) = taken.by_subscriber.get_mut(&self.subscriber) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.by_subscriber.remove(&self.subscriber);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> IpAddr {
        IpAddr::from(u32::try_from(number).unwrap().to_be_bytes())
    }

    #[test]
    fn a_place_is_there_again_when_it_is_given_back() {
        let places = Arc::new(Places::new(true));
        let mut held: Vec<Place> = (0..MOST_OF_ONE).map(|_| places.take(address(1)).unwrap()).collect();
        assert!(matches!(places.take(address(1)), Err(Failure::TooManyRequests(_))));
        held.push(places.take(address(2)).unwrap());
        held.remove(0);
        held.push(places.take(address(1)).unwrap());
        held.extend((held.len()..MOST_DOWNLOADS).map(|number| places.take(address(1000 + number)).unwrap()));
        assert!(matches!(places.take(address(3)), Err(Failure::Crowded)));
        held.clear();
        assert!(places.taken().by_subscriber.is_empty());
        assert_eq!(places.count(), 0);
    }

    #[test]
    fn all_places_are_for_all_where_one_address_stands_for_them() {
        let places = Arc::new(Places::new(false));
        let held: Vec<Place> = (0..MOST_DOWNLOADS).map(|_| places.take(address(1)).unwrap()).collect();
        assert!(matches!(places.take(address(1)), Err(Failure::Crowded)));
        drop(held);
    }
}
