//! Places for so many in all, and for so many of one subscriber, who may be a whole office.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who has a place.
#[derive(Debug)]
pub struct Places {
    most: usize,
    most_of_one: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    count: usize,
    by_subscriber: HashMap<IpAddr, usize>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    subscriber: IpAddr,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All are taken.
    ForAll,
    /// The subscriber has as many as one may have.
    ForOne,
}

impl Places {
    /// So many, and so many of them for one subscriber.
    pub fn new(most: usize, most_of_one: usize) -> Arc<Self> {
        Arc::new(Self { most, most_of_one, taken: Mutex::default() })
    }

    /// Takes a place for a subscriber.
    pub fn take(self: &Arc<Self>, subscriber: IpAddr) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.count >= self.most {
            return Err(Full::ForAll);
        }
        if taken.by_subscriber.get(&subscriber).is_some_and(|of_one| *of_one >= self.most_of_one) {
            return Err(Full::ForOne);
        }
        *taken.by_subscriber.entry(subscriber).or_default() += 1;
        taken.count += 1;
        Ok(Place { places: Arc::clone(self), subscriber })
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
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

    #[test]
    fn a_place_is_there_again_when_it_is_given_back() {
        let places = Places::new(5, 2);
        let address = |number: u8| IpAddr::from([192, 0, 2, number]);
        let mut held: Vec<Place> = (0..2).map(|_| places.take(address(1)).unwrap()).collect();
        assert_eq!(places.take(address(1)).unwrap_err(), Full::ForOne);
        held.push(places.take(address(2)).unwrap());
        held.remove(0);
        held.push(places.take(address(1)).unwrap());
        held.extend([3, 4].map(|number| places.take(address(number)).unwrap()));
        assert_eq!(places.take(address(5)).unwrap_err(), Full::ForAll);
        held.clear();
        assert!(places.taken().by_subscriber.is_empty());
        assert_eq!(places.count(), 0);
    }
}
