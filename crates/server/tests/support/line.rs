//! A line to the sandbox for payments that breaks at the call that a test names, and a process that dies there.

use std::future::{Future, pending};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use http::HeaderMap;
use jiff::Timestamp;
use merak_adapters::payments::sandbox::{NAME, Sandbox};
use merak_adapters::payments::{
    ChargeOutcome, ChargeRequest, CustomerRequest, Error, Event, EventError, Method, Processor,
    RefundOutcome, RefundRequest, Result, SetupOutcome, SetupRequest,
};
use merak_core::kit::InstanceSecret;
use merak_testkit::TestDatabase;
use serde_json::Value;
use tokio::sync::Notify;

/// How long a call may be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long it is waited between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Whoever calls dies before: they never go on.
    DiesBefore,
    /// Whoever calls dies when it is done.
    DiesAfter,
    /// It is done, and its answer is lost.
    Lost,
    /// Nobody is reached, until the line is repaired.
    Down,
    /// It is done, and its answer arrives when the test lets it.
    Late,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::DiesBefore, Self::DiesAfter, Self::Lost, Self::Down, Self::Late];

    /// Whether nobody goes on after it.
    pub fn is_deadly(self) -> bool {
        matches!(self, Self::DiesBefore | Self::DiesAfter)
    }
}

/// The sandbox, behind a line.
#[derive(Debug)]
pub struct Line {
    far: Arc<Sandbox>,
    is_silent: bool,
    state: Mutex<State>,
    arrives: Notify,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<&'static str>,
    plan: Option<(usize, Fault)>,
    is_down: bool,
    has_struck: bool,
}

impl Line {
    /// A line to the sandbox of a shop on this database. The sandbox tells of what happens as it always does.
    pub fn new(database: &TestDatabase) -> Arc<Self> {
        Self::open(database, false)
    }

    /// As [`Line::new`], to a sandbox that never tells anything by itself: what is not known must be asked for.
    pub fn silent(database: &TestDatabase) -> Arc<Self> {
        Self::open(database, true)
    }

    fn open(database: &TestDatabase, is_silent: bool) -> Arc<Self> {
        let far =
            merak_server::sandbox(&database.open(), &InstanceSecret::new("test"), "http://shop.example");
        Arc::new(Self { far: Arc::new(far), is_silent, state: Mutex::default(), arrives: Notify::new() })
    }

    /// Whether the sandbox tells nothing by itself.
    pub fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Lets the call that comes after so many others go wrong.
    pub fn breaks(&self, after: usize, fault: Fault) {
        self.lock(|state| *state = State { plan: Some((after, fault)), ..State::default() });
    }

    /// Lets nothing go wrong any more. Returns the calls since it was last said what goes wrong.
    pub fn repair(&self) -> Vec<&'static str> {
        self.lock(|state| {
            (state.plan, state.is_down) = (None, false);
            state.calls.clone()
        })
    }

    /// Whether there was a call since it was last said what goes wrong.
    pub fn has_called(&self) -> bool {
        self.lock(|state| !state.calls.is_empty())
    }

    /// Waits until it has gone wrong, or the test says that the call need not come any more. What happens meanwhile is the
    /// test's. Returns whether it has gone wrong.
    pub async fn struck_during(&self, mut is_needless: impl AsyncFnMut() -> bool) -> bool {
        let begun = Instant::now();
        while !self.lock(|state| state.has_struck) {
            let calls = self.lock(|state| state.calls.clone());
            assert!(begun.elapsed() < PATIENCE, "the call that was to go wrong never came: {calls:?}");
            if is_needless().await {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        true
    }

    /// Waits until it has gone wrong.
    pub async fn struck(&self) {
        self.struck_during(async || false).await;
    }

    /// Lets the answer arrive that is late.
    pub fn arrive(&self) {
        self.arrives.notify_one();
    }

    fn lock<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn fault(&self, name: &'static str) -> Option<Fault> {
        self.lock(|state| {
            state.calls.push(name);
            if state.is_down {
                return Some(Fault::Down);
            }
            let (after, fault) = state.plan?;
            if state.calls.len() <= after {
                return None;
            }
            state.plan = None;
            state.is_down = fault == Fault::Down;
            Some(fault)
        })
    }

    async fn pass<T: Send>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T>> + Send,
    ) -> Result<T> {
        let lost = || Error::Unknown { processor: NAME, cause: String::from("the line broke"), after: None };
        let Some(fault) = self.fault(name) else { return call.await };
        let answer = match fault {
            Fault::DiesBefore | Fault::Down => Err(lost()),
            Fault::DiesAfter | Fault::Lost | Fault::Late => Ok(call.await?),
        };
        self.lock(|state| state.has_struck = true);
        match fault {
            Fault::DiesBefore | Fault::DiesAfter => pending().await,
            Fault::Late => {
                self.arrives.notified().await;
                answer
            }
            Fault::Lost | Fault::Down => Err(lost()),
        }
    }
}

#[async_trait]
impl Processor for Line {
    fn name(&self) -> &'static str {
        NAME
    }

    fn minimum_cents(&self, currency: &str) -> i64 {
        self.far.minimum_cents(currency)
    }

    async fn ensure_customer(&self, request: &CustomerRequest, key: &str) -> Result<String> {
        self.pass("ensure_customer", self.far.ensure_customer(request, key)).await
    }

    async fn charge(&self, request: &ChargeRequest, key: &str) -> Result<ChargeOutcome> {
        self.pass("charge", self.far.charge(request, key)).await
    }

    async fn set_up(&self, request: &SetupRequest, key: &str) -> Result<SetupOutcome> {
        self.pass("set_up", self.far.set_up(request, key)).await
    }

    async fn retrieve(&self, intent_id: &str) -> Result<ChargeOutcome> {
        self.pass("retrieve", self.far.retrieve(intent_id)).await
    }

    async fn retrieve_setup(&self, intent_id: &str) -> Result<SetupOutcome> {
        self.pass("retrieve_setup", self.far.retrieve_setup(intent_id)).await
    }

    async fn find_charge(&self, reference: &str) -> Result<Option<ChargeOutcome>> {
        self.pass("find_charge", self.far.find_charge(reference)).await
    }

    async fn cancel(&self, intent_id: &str, key: &str) -> Result<ChargeOutcome> {
        self.pass("cancel", self.far.cancel(intent_id, key)).await
    }

    async fn refund(&self, request: &RefundRequest, key: &str) -> Result<RefundOutcome> {
        self.pass("refund", self.far.refund(request, key)).await
    }

    async fn retrieve_refund(&self, refund_id: &str) -> Result<RefundOutcome> {
        self.pass("retrieve_refund", self.far.retrieve_refund(refund_id)).await
    }

    async fn find_refund(&self, intent_id: &str, reference: &str) -> Result<Option<RefundOutcome>> {
        self.pass("find_refund", self.far.find_refund(intent_id, reference)).await
    }

    async fn list_methods(&self, customer_id: &str) -> Result<Vec<Method>> {
        self.pass("list_methods", self.far.list_methods(customer_id)).await
    }

    async fn detach(&self, method_id: &str) -> Result<()> {
        self.pass("detach", self.far.detach(method_id)).await
    }

    fn browser(&self) -> Value {
        self.far.browser()
    }

    fn read_event(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> std::result::Result<Vec<Event>, EventError> {
        self.far.read_event(headers, body, now)
    }

    fn as_sandbox(self: Arc<Self>) -> Option<Arc<Sandbox>> {
        (!self.is_silent).then(|| Arc::clone(&self.far))
    }
}
