//! Mail into the memory, for tests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Delivery, Mailer, Message};
use crate::Result;

/// Keeps what it takes. What it answers can be said before.
#[derive(Debug, Default)]
pub struct Memory {
    taken: Mutex<Vec<Message>>,
    answers: Mutex<VecDeque<Result<Delivery>>>,
}

impl Memory {
    /// What was taken since the last call, the oldest first.
    pub fn drain(&self) -> Vec<Message> {
        std::mem::take(&mut *lock(&self.taken))
    }

    /// Answers so, once, instead of taking a message. Calls of this add up.
    pub fn answer(&self, answer: Result<Delivery>) {
        lock(&self.answers).push_back(answer);
    }
}

#[async_trait]
impl Mailer for Memory {
    async fn send(&self, message: &Message) -> Result<Delivery> {
        if let Some(answer) = lock(&self.answers).pop_front() {
            return answer;
        }
        lock(&self.taken).push(message.clone());
        Ok(Delivery::Taken)
    }
}

/// Nothing in here panics while it holds a lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
