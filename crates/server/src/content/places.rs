//! How many downloads go on at once: each holds a file open and a part of it in memory for as long as its reader takes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::error::Failure;
use crate::places::{Full, Place, Places};

/// So many downloads go on at once.
pub const MOST_DOWNLOADS: usize = 1000;

/// So many of one subscriber.
const MOST_OF_ONE: usize = 100;

/// After how many seconds a subscriber may try again who has too many downloads.
const COME_BACK_AFTER: u64 = 10;

/// Who reads a file.
pub(super) struct Reader {
    pub(super) place: Place,
    /// How long they may take for a piece of it.
    pub(super) silence: Duration,
}

/// The places for downloads. Without `per_subscriber` one may have all: all callers may be behind one address.
pub(super) fn places(per_subscriber: bool) -> Arc<Places> {
    Places::new(MOST_DOWNLOADS, if per_subscriber { MOST_OF_ONE } else { MOST_DOWNLOADS })
}

/// Takes a place for a subscriber.
pub(super) fn take(places: &Arc<Places>, subscriber: IpAddr) -> Result<Place, Failure> {
    places.take(subscriber).map_err(|full| match full {
        Full::ForAll => Failure::Crowded,
        Full::ForOne => Failure::TooManyRequests(COME_BACK_AFTER),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_places_are_for_all_where_one_address_stands_for_them() {
        let address = IpAddr::from([192, 0, 2, 1]);
        for (per_subscriber, most) in [(true, MOST_OF_ONE), (false, MOST_DOWNLOADS)] {
            let places = places(per_subscriber);
            let held: Vec<Place> = (0..most).map(|_| take(&places, address).unwrap()).collect();
            let refused = take(&places, address).unwrap_err();
            assert_eq!(matches!(refused, Failure::TooManyRequests(_)), per_subscriber, "{refused:?}");
            assert_eq!(held.len(), most);
        }
    }
}
