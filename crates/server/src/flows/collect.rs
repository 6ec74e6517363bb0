//! Asking the processor for money, and writing down what it says.
//!
//! ```text
//! the payment is planned ── the processor knows the customer ── charge or set up, key payment/{id} ── unit: settle
//! ```
//!
//! Each call has a key made of the payment's id, so the whole is repeated as it is after a crash between any two steps, or
//! when no answer came: the processor says what it said, and nothing is charged twice.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use merak_adapters::payments::{
    self as adapter, Address, ChargeOutcome, ChargeRequest, ChargeState, CustomerRequest, Decline,
    SetupOutcome, SetupRequest, SetupState, Source,
};
use merak_core::billing::outcome::{Failure, Method};
use merak_core::billing::payments::{self, Payer, Question};
use merak_core::billing::{self, Answer, Invoice, Outcome, Payment, PaymentKind, PaymentStatus, invoices};
use merak_core::kit::{self, Cents, Country, Id, Refusal};

use super::Error;
use crate::state::House;

/// After which pauses the processor is asked again that did not answer, while somebody waits.
const AGAIN: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// After how long it is not asked again while somebody waits: the answer is still to come within the time of a request.
const WHILE_ONE_WAITS: Duration = Duration::from_secs(5);

/// How long a processor may take to answer. Shorter than a request may take, and than the pause after which somebody else
/// asks.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// For how many seconds a processor remembers keys, with an hour to spare. Later it is asked by our name for the payment.
pub(super) const KEYS_LAST: i64 = 23 * 3600;

/// For how many seconds a payment or refund waits for its processor, should that not be the one of this installation any
/// more: whoever changed it by mistake can change it back.
pub(super) const FORMER_PROCESSORS_LAST: i64 = 7 * 24 * 3600;

/// How many answers one unit writes down at most.
const SETTLED_AT_ONCE: usize = 100;

/// Asks for a planned payment and settles it. An error means that it is not known what happened; it is asked again later
/// by itself.
pub async fn payment(house: &House, planned: Payment) -> Result<Payment, Error> {
    let id = planned.id;
    let question = question(house, planned).await?;
    let answer = ask(house, &question).await?;
    settle_one(house, id, answer).await
}

/// As [`payment`], for somebody who waits.
pub async fn payment_patiently(house: &House, planned: &Payment) -> Result<Payment, Error> {
    let question = question(house, planned.clone()).await?;
    let answer = ask_patiently(house, &question).await?;
    settle_one(house, planned.id, answer).await
}

async fn question(house: &House, planned: Payment) -> Result<Question, Error> {
    let questions = house.store.read(move |tx| payments::questions(tx, vec![planned.clone()])).await?;
    questions.into_iter().next().ok_or_else(|| Refusal::not_found().into())
}

/// As [`ask`], for somebody who waits: a processor that does not answer is asked twice more.
pub async fn ask_patiently(house: &House, question: &Question) -> Result<Answer, Error> {
    let (mut pauses, began) = (AGAIN.iter(), Instant::now());
    loop {
        match ask(house, question).await.map_err(Error::from) {
            Err(Error::Outside(error)) => {
                let pause = pauses.next().filter(|_| began.elapsed() < WHILE_ONE_WAITS);
                let Some(pause) = pause else { return Err(error.into()) };
                tracing::warn!(payment = %question.payment.id, %error, "a payment is asked for again");
                tokio::time::sleep(*pause).await;
            }
            other => return other,
        }
    }
}

/// Writes down what was answered about a payment, with all that follows.
pub async fn settle_one(house: &House, id: Id<Payment>, answer: Answer) -> Result<Payment, Error> {
    settle(house, vec![(id, answer)]).await?.pop().ok_or_else(|| Refusal::not_found().into())
}

/// Pays an open invoice with what somebody typed into a form just now (and whether they had shown to be the customer), or with the method of its subscription. None if
/// nothing is due on it, another payment of it is under way, or there is nothing to pay it with.
pub async fn invoice(
    house: &House,
    id: Id<Invoice>,
    typed: Option<(String, bool)>,
) -> Result<Option<Payment>, Error> {
    if typed.is_some() {
        give_up_waiting(house, id).await?;
    }
    let rules = house.billing.clone();
    let planned = house
        .store
        .write(move |tx| {
            let invoice = invoices::find(tx, id)?.ok_or_else(Refusal::not_found)?;
            if let Some((token, is_owner_known)) = &typed {
                let source = payments::Source::Token(token, *is_owner_known);
                return payments::plan(tx, &rules, &invoice, source);
            }
            match billing::methods::of_invoice(tx, &invoice)? {
                Some(method) => payments::plan(tx, &rules, &invoice, payments::Source::Saved(&method)),
                None => Ok(None),
            }
        })
        .await?;
    match planned {
        Some(planned) => payment(house, planned).await.map(Some),
        None => Ok(None),
    }
}

/// Gives up a payment of an invoice that waits for the customer: they have come back to pay with something else. One that
/// they have approved meanwhile has paid the invoice.
async fn give_up_waiting(house: &House, id: Id<Invoice>) -> Result<(), Error> {
    match house.store.read(move |tx| payments::under_way(tx, id)).await? {
        Some(payment) => cancel(house, &payment).await,
        None => Ok(()),
    }
}

/// Cancels a payment that waits for the customer's approval, so that it can't be approved any more. What has come meanwhile
/// is settled as any payment is. One that does not wait, or is of another processor, is left as it is.
pub async fn cancel(house: &House, payment: &Payment) -> Result<(), Error> {
    let processor = &house.adapters.payments;
    if payment.status != PaymentStatus::RequiresAction || payment.processor != processor.name() {
        return Ok(());
    }
    let Some(intent_id) = &payment.processor_intent_id else { return Ok(()) };
    let key = format!("payment/{}/cancel", payment.id);
    let canceled = tokio::time::timeout(PATIENCE, processor.cancel(intent_id, &key));
    let charge = canceled.await.map_err(|_| Unanswered::TooSlow)?.map_err(Unanswered::from)?;
    settle(house, vec![(payment.id, of_charge(charge))]).await?;
    Ok(())
}

/// Asks for many payments, some at once, and settles them together. Those without an answer are left for later. Returns how
/// many were settled.
pub async fn all(house: &House, planned: Vec<Payment>) -> Result<usize, Error> {
    let questions = house.store.read(move |tx| payments::questions(tx, planned.clone())).await?;
    let answers = stream::iter(questions)
        .map(|question| async move {
            let answer = ask(house, &question).await;
            (question.payment.id, answer)
        })
        .buffer_unordered(house.adapters.payments.at_once())
        .ready_chunks(SETTLED_AT_ONCE);
    futures_util::pin_mut!(answers);
    let mut count = 0;
    while let Some(chunk) = answers.next().await {
        let mut known = Vec::with_capacity(chunk.len());
        for (id, answer) in chunk {
            match answer {
                Ok(answer) => known.push((id, answer)),
                Err(error) => {
                    tracing::warn!(payment = %id, %error, "it is not known what became of a payment");
                    let pause = error.wait();
                    house.store.write(move |tx| payments::postpone(tx, id, pause)).await?;
                }
            }
        }
        count += settle_apart(house, known).await?;
    }
    Ok(count)
}

/// Asks about payments whose answer is overdue. Returns how many there were.
pub async fn overdue(house: &House, limit: i64) -> Result<usize, Error> {
    let look = move |tx: &mut merak_store::ReadTx<'_>| payments::is_any_due(tx);
    if !house.store.read(look).await? {
        return Ok(0);
    }
    let due = house.store.write(move |tx| payments::take_due(tx, limit)).await?;
    let count = due.len();
    if count > 0 {
        all(house, due).await?;
    }
    Ok(count)
}

async fn settle(house: &House, answers: Vec<(Id<Payment>, Answer)>) -> Result<Vec<Payment>, Error> {
    let rules = house.billing.clone();
    Ok(house.store.write(move |tx| billing::settle(tx, &rules, &answers)).await?)
}

/// Settles payments together; should one of them be refused, each for itself, so that it keeps nobody else waiting.
async fn settle_apart(house: &House, answers: Vec<(Id<Payment>, Answer)>) -> Result<usize, Error> {
    let count = answers.len();
    if count == 0 {
        return Ok(0);
    }
    match settle(house, answers.clone()).await {
        Ok(_) => return Ok(count),
        Err(Error::Refused(Refusal::Store(error))) if !is_defect(&error) => return Err(error.into()),
        Err(error) => tracing::warn!(%error, "some payments could not be settled together"),
    }
    let mut settled = 0;
    for (id, answer) in answers {
        match settle(house, vec![(id, answer)]).await {
            Ok(_) => settled += 1,
            Err(error) => {
                tracing::error!(payment = %id, %error, "a payment could not be settled");
                house.store.write(move |tx| payments::postpone(tx, id, 0)).await?;
            }
        }
    }
    Ok(settled)
}

/// Whether an error of the store says that the unit is wrong, rather than that the store cannot at the moment.
pub fn is_defect(error: &merak_store::Error) -> bool {
    use merak_store::Error as Store;
    !matches!(error, Store::Busy | Store::Conflict | Store::Closed | Store::Full | Store::Unavailable(_))
}

/// Asks the processor for a payment, or what became of it.
pub async fn ask(house: &House, question: &Question) -> Result<Answer, Unanswered> {
    let processor = house.adapters.payments.name();
    if question.payment.processor != processor {
        if house.store.now() >= question.payment.planned_at.add_seconds(FORMER_PROCESSORS_LAST) {
            return Ok(Answer::failed("lost", "Its payment processor is not used any more."));
        }
        return Err(Unanswered::OtherProcessor(question.payment.processor.clone()));
    }
    tokio::time::timeout(PATIENCE, asked(house, question)).await.map_err(|_| Unanswered::TooSlow)?
}

/// Why a processor gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// It could not be asked, or did not say anything that makes sense.
    #[error(transparent)]
    Outside(#[from] adapter::Error),
    /// Who has been asked before is not the processor of this installation any more.
    #[error("the payment was asked of {0:?}, which is not the payment processor any more")]
    OtherProcessor(String),
    /// It took too long.
    #[error("the payment processor took too long")]
    TooSlow,
    /// The store could not.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Unanswered {
    /// For how many seconds it is to be left alone.
    pub fn wait(&self) -> i64 {
        match self {
            Self::Outside(error) => {
                error.wait().and_then(|wait| i64::try_from(wait.as_secs()).ok()).unwrap_or_default()
            }
            _ => 0,
        }
    }
}

impl From<Unanswered> for Error {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Outside(error) => Self::Outside(error.into()),
            Unanswered::Refused(refusal) => Self::Refused(refusal),
            Unanswered::OtherProcessor(_) => Self::NotConnected("the payment processor of before"),
            Unanswered::TooSlow => Self::Outside(merak_adapters::Error::Unreachable {
                service: "the payment processor",
                cause: String::from("it took too long"),
            }),
        }
    }
}

async fn asked(house: &House, question: &Question) -> Result<Answer, Unanswered> {
    let (payment, processor) = (&question.payment, &house.adapters.payments);
    if let Some(intent_id) = &payment.processor_intent_id {
        return Ok(match payment.kind {
            PaymentKind::Charge => of_charge(processor.retrieve(intent_id).await?),
            PaymentKind::Setup => of_setup(processor.retrieve_setup(intent_id).await?),
        });
    }
    let is_old = house.store.now() >= payment.planned_at.add_seconds(KEYS_LAST);
    if is_old && payment.status == PaymentStatus::Pending {
        // A key that was forgotten would charge again.
        let found = match payment.kind {
            PaymentKind::Charge => processor.find_charge(&payment.id.to_string()).await?,
            PaymentKind::Setup => None,
        };
        return Ok(found.map_or_else(|| Answer::failed("lost", "The payment was never made."), of_charge));
    }
    let key = format!("payment/{}", payment.id);
    let customer_id = payer(house, question, &key).await?;
    let is_saved = payment.payment_method_id.is_some();
    let source = if is_saved {
        Source::SavedMethod(payment.source.clone())
    } else {
        Source::ConfirmationToken(payment.source.clone())
    };
    let return_url = match &question.client_secret {
        Some(secret) => Some(house.confirmation_url(secret)),
        // Somebody who pays what is owed does so in the portal.
        None => (!payment.is_off_session).then(|| house.payment_url(payment.id)),
    };
    let (metadata, reference) = (question.facts.clone(), payment.id.to_string());
    Ok(match payment.kind {
        PaymentKind::Charge => {
            let request = ChargeRequest {
                customer_id,
                amount_cents: payment.amount.get(),
                currency: payment.currency.as_str().to_owned(),
                source,
                off_session: payment.is_off_session,
                save_method: question.keeps_method && !is_saved,
                return_url,
                metadata,
                reference,
            };
            of_charge(processor.charge(&request, &key).await?)
        }
        PaymentKind::Setup => {
            let request = SetupRequest { customer_id, source, return_url, metadata, reference };
            of_setup(processor.set_up(&request, &key).await?)
        }
    })
}

/// What the processor calls who pays. Somebody who types in what they pay with is told to it anew, as they are now.
async fn payer(house: &House, question: &Question, key: &str) -> Result<String, Unanswered> {
    let Payer { customer_id, email, name, billing_address, processor_customer_id } = &question.payer;
    if let (Some(known), true) = (processor_customer_id, question.payment.payment_method_id.is_some()) {
        return Ok(known.clone());
    }
    let request = CustomerRequest {
        reference: customer_id.to_string(),
        email: email.to_string(),
        name: name.clone(),
        address: billing_address.as_ref().map(address),
        existing_id: processor_customer_id.clone(),
    };
    let named = house.adapters.payments.ensure_customer(&request, &format!("{key}/customer")).await?;
    if processor_customer_id.as_ref() == Some(&named) {
        return Ok(named);
    }
    let (customer_id, processor) = (*customer_id, question.payment.processor.clone());
    let is_known = processor_customer_id.is_some();
    Ok(house
        .store
        .write(move |tx| {
            if is_known {
                payments::replace_payer(tx, customer_id, &processor, &named)
            } else {
                payments::remember_payer(tx, customer_id, &processor, &named)
            }
        })
        .await?)
}

fn address(address: &kit::Address) -> Address {
    Address {
        line1: address.line1.clone(),
        line2: address.line2.clone(),
        postal_code: address.postal_code.clone(),
        city: address.city.clone(),
        state: address.state.clone(),
        country: address.country.as_str().to_owned(),
    }
}

/// A charge in the core's terms.
pub fn of_charge(charge: ChargeOutcome) -> Answer {
    let outcome = match charge.state {
        ChargeState::Succeeded { charge_id, method, fee_cents } => Outcome::Succeeded {
            charge_id: Some(charge_id),
            method: method.map(self::method),
            fee: fee_cents.map(Cents::new),
        },
        ChargeState::RequiresAction { .. } => Outcome::RequiresAction,
        ChargeState::Processing => Outcome::Processing,
        ChargeState::Declined(decline) => Outcome::Failed(failure(decline)),
        ChargeState::Canceled => Answer::failed(billing::CANCELED, "The payment was given up.").outcome,
    };
    Answer { intent_id: charge.intent_id, client_secret: charge.client_secret, outcome }
}

/// The saving of a method in the core's terms.
pub fn of_setup(setup: SetupOutcome) -> Answer {
    let outcome = match setup.state {
        SetupState::Succeeded { method } => {
            Outcome::Succeeded { charge_id: None, method: Some(self::method(method)), fee: None }
        }
        SetupState::RequiresAction { .. } => Outcome::RequiresAction,
        SetupState::Processing => Outcome::Processing,
        SetupState::Declined(decline) => Outcome::Failed(failure(decline)),
        SetupState::Canceled => Answer::failed("canceled", "It was given up.").outcome,
    };
    Answer { intent_id: setup.intent_id, client_secret: setup.client_secret, outcome }
}

fn failure(decline: Decline) -> Failure {
    Failure {
        code: decline.code,
        message: decline.message,
        is_final: decline.hard,
        needs_customer: decline.authentication_required,
    }
}

/// A means of payment in the core's terms.
pub fn method(method: adapter::Method) -> Method {
    Method {
        id: method.id,
        r#type: method.kind,
        brand: method.brand,
        last4: method.last4,
        exp_month: method.exp_month.map(i64::from),
        exp_year: method.exp_year.map(i64::from),
        country: method.country.as_deref().and_then(Country::parse),
    }
}
