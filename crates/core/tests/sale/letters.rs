//! What the bank tells by itself: late, twice, and in any order.

use merak_core::billing::outcome::RefundOutcome;
use merak_store::Timestamp;

use crate::dice::Dice;
use crate::tally::Tally;

/// After how many seconds it tells again what was not taken in.
const AGAIN: i64 = 3600;

#[derive(Clone, Debug)]
pub struct Event {
    pub id: String,
    pub kind: EventKind,
}

#[derive(Clone, Debug)]
pub enum EventKind {
    Payment { intent: String, reference: String },
    Refund { intent: String, refund: String, reference: Option<String>, amount: i64, outcome: RefundOutcome },
    DisputeOpened { intent: String, dispute: String, amount: i64 },
    DisputeClosed { intent: String, dispute: String, amount: i64, is_won: bool },
    Detached { method: String },
}

struct Letter {
    event: Event,
    /// The how-manieth it is of all.
    number: u64,
    written_at: Timestamp,
    /// When it is sent.
    at: Timestamp,
    is_sent: bool,
    /// How often it is still sent after it was taken in.
    again: u32,
}

#[derive(Default)]
pub struct Letters {
    written: Vec<Letter>,
    /// The last of those that were sent.
    last: u64,
    count: u64,
}

impl Letters {
    pub fn write(&mut self, event: Event, now: Timestamp, dice: &mut Dice) {
        let late = i64::try_from(dice.below(36)).unwrap() * 1800;
        let again = u32::from(dice.one_in(4)) + u32::from(dice.one_in(9));
        self.count += 1;
        let at = now.add_seconds(late);
        self.written.push(Letter { event, number: self.count, written_at: now, at, is_sent: false, again });
    }

    /// What is sent now, in no order.
    pub fn send(&mut self, now: Timestamp, dice: &mut Dice, tally: &mut Tally) -> Vec<Event> {
        let mut due: Vec<&mut Letter> = self.written.iter_mut().filter(|letter| letter.at <= now).collect();
        dice.shuffle(&mut due);
        let mut events = Vec::with_capacity(due.len());
        for letter in due {
            // Until it is taken in it is told again.
            letter.at = now.add_seconds(AGAIN);
            events.push(letter.event.clone());
            if std::mem::replace(&mut letter.is_sent, true) {
                tally.note("told again");
                continue;
            }
            if now >= letter.written_at.add_seconds(AGAIN) {
                tally.note("told late");
            }
            if letter.number < self.last {
                tally.note("told out of order");
            }
            self.last = letter.number.max(self.last);
        }
        events
    }

    /// An event was taken in.
    pub fn taken(&mut self, event: &str) {
        self.written.retain_mut(|letter| {
            if letter.event.id != event {
                return true;
            }
            let is_sent_again = letter.again > 0;
            letter.again = letter.again.saturating_sub(1);
            is_sent_again
        });
    }

    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// When the next one is sent.
    pub fn next(&self) -> Option<Timestamp> {
        self.written.iter().map(|letter| letter.at).min()
    }
}
