//! Codes that sign a customer in: six letters and digits that come by mail, good once and for half an hour.
//!
//! Six are few, so guesses are counted. Where it is said whose code it is, a code ends after some wrong ones. The operation
//! of the API takes the code alone, so that a guess may hit anybody's: there, guesses times codes that are good stays so low
//! that half an hour of guessing hits one with a chance of one in a hundred thousand.

use const_format::concatcp;
use merak_store::{Timestamp, Tx, row};

use crate::customer_sessions;
use crate::customers::{self, Customer};
use crate::emails::{self, SecretEmail};
use crate::kit::{Email, Id, InstanceSecret, Kind, Refuses, Result, Token, TokenHash};
use crate::organizations::Organization;

/// How long a code is good, in seconds.
pub const LIFETIME: i64 = 1800;

/// How many characters a code has.
pub const LENGTH: usize = 6;

/// How many codes of a customer are good at once; one more ends the oldest.
const MOST_LIVE: i64 = 3;

/// What codes are made of.
const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// How many wrong codes of a customer end those that are good.
const MOST_WRONG: i64 = 20;

/// How many wrong guesses there may be in the time that a code is good, times how many codes are.
const MOST_CHANCES: i64 = 36_i64.pow(6) / 100_000;

/// What became of a code that was sent alone.
#[derive(Debug)]
pub enum Redeemed {
    /// It signs in.
    In(Token),
    /// It is unknown, used, too old, or its customer is no more.
    Wrong,
    /// There were so many wrong ones that none is taken for a while.
    TooMany,
}

/// Why a code does not sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is unknown, used, too old, or its customer is no more.
    #[error("This customer session code is invalid or has expired.")]
    Invalid,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        Kind::SessionCodeInvalid
    }
}

row! {
    /// A code that was not used yet. The code itself is not stored, only its hash.
    #[derive(Clone, Debug)]
    pub struct CustomerSessionCode in "customer_session_codes" {
        /// The row's id.
        pub id: Id<CustomerSessionCode>,
        /// Whom it signs in.
        pub customer_id: Id<Customer>,
        /// HMAC of the code.
        pub code_hash: TokenHash,
        /// The address it was sent to.
        pub email: Email,
        /// How many wrong codes of its customer there were since.
        pub tries: i64,
        /// When it ends.
        pub expires_at: Timestamp,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// Sends a code to the customer of an organization who has this address, in any letter case. Whether there is such a
/// customer is not told: nothing is sent then.
pub fn request(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    organization_id: Id<Organization>,
    email: &Email,
) -> Result<()> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        " FROM customers WHERE organization_id = $1 AND email_lower = lower(CAST($2 AS text)) AND deleted_at IS NULL \
         AND EXISTS (SELECT 1 FROM organizations WHERE id = $1 AND deleted_at IS NULL AND blocked_at IS NULL)"
    );
    let Some(customer) = tx.find::<Customer>(SQL, &[&organization_id, email])? else { return Ok(()) };
    let keep = MOST_LIVE - 1;
    tx.execute(
        "DELETE FROM customer_session_codes WHERE customer_id = $1 AND id NOT IN \
         (SELECT id FROM customer_session_codes WHERE customer_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)",
        &[&customer.id, &keep],
    )?;
    let expires_at = tx.now().add_seconds(LIFETIME);
    let code = loop {
        let code = generate(tx);
        let row = CustomerSessionCode {
            id: Id::new(tx),
            customer_id: customer.id,
            code_hash: hash(secret, &code),
            email: customer.email.clone(),
            tries: 0,
            expires_at,
            created_at: tx.now(),
        };
        // Two of some billions may be equal; a code names one customer.
        if tx.insert_new(&row)? {
            break code;
        }
    };
    let to = (Some(organization_id), customer.email.as_str());
    emails::enqueue_secret(tx, secret, to, &SecretEmail::SignInCode { code, expires_at })?;
    Ok(())
}

/// Signs in with a code of the organization's customer who has this address. None if it is wrong, which counts, so the
/// unit must not fail then.
pub fn redeem_of(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    (organization_id, email): (Id<Organization>, &Email),
    code: &str,
) -> Result<Option<Token>> {
    let Some(customer) = customers::find_by_email(tx, organization_id, email)? else { return Ok(None) };
    let hash = canonical(code).map(|code| hash(secret, &code));
    let is_own = match &hash {
        Some(hash) => tx
            .find::<Id<CustomerSessionCode>>(
                "SELECT id FROM customer_session_codes WHERE code_hash = $1 AND customer_id = $2",
                &[hash, &customer.id],
            )?
            .is_some(),
        None => false,
    };
    if is_own {
        match use_up(tx, secret, code) {
            Err(refusal) if refusal.kind() == Some(Kind::SessionCodeInvalid) => return Ok(None),
            whose => return Ok(Some(customer_sessions::create_for_owner(tx, secret, whose?)?.1)),
        }
    }
    tx.execute(
        "UPDATE customer_session_codes SET tries = tries + 1 WHERE customer_id = $1",
        &[&customer.id],
    )?;
    tx.execute(
        "DELETE FROM customer_session_codes WHERE customer_id = $1 AND tries >= $2",
        &[&customer.id, &MOST_WRONG],
    )?;
    Ok(None)
}

/// Signs in with a code of whomever it is. A wrong one counts, so the unit must not fail then.
pub fn redeem_alone(tx: &mut Tx<'_>, secret: &InstanceSecret, code: &str) -> Result<Redeemed> {
    let now = tx.now();
    let since = now.add_seconds(-LIFETIME);
    let live: i64 = tx.one("SELECT count(*) FROM customer_session_codes WHERE expires_at > $1", &[&now])?;
    let guesses: i64 =
        tx.one("SELECT count(*) FROM customer_session_guesses WHERE created_at > $1", &[&since])?;
    if guesses.saturating_mul(live) >= MOST_CHANCES {
        return Ok(Redeemed::TooMany);
    }
    match redeem(tx, secret, code) {
        Ok(token) => Ok(Redeemed::In(token)),
        Err(refusal) if refusal.kind() == Some(Kind::SessionCodeInvalid) => {
            let id = Id::<CustomerSessionCode>::new(tx);
            tx.execute(
                "INSERT INTO customer_session_guesses (id, created_at) VALUES ($1, $2)",
                &[&id, &now],
            )?;
            Ok(Redeemed::Wrong)
        }
        Err(refusal) => Err(refusal),
    }
}

/// Uses a code up and opens a session of its customer. Small letters are as good as capitals, and spaces around it do
/// not matter. Who uses it has read mail that went to the address, so the address is the customer's if they still have it.
pub fn redeem(tx: &mut Tx<'_>, secret: &InstanceSecret, code: &str) -> Result<Token> {
    let customer_id = use_up(tx, secret, code)?;
    Ok(customer_sessions::create_for_code(tx, secret, customer_id)?.1)
}

/// Uses a code up. Whose it is.
fn use_up(tx: &mut Tx<'_>, secret: &InstanceSecret, code: &str) -> Result<Id<Customer>> {
    let Some(code) = canonical(code) else { return Err(Error::Invalid.into()) };
    let now = tx.now();
    let used: Vec<CustomerSessionCode> = tx.returning(
        concatcp!(
            "DELETE FROM customer_session_codes WHERE code_hash = $1 RETURNING ",
            CustomerSessionCode::COLUMNS
        ),
        &[&hash(secret, &code)],
    )?;
    let used = used.into_iter().find(|used| used.expires_at > now).ok_or(Error::Invalid)?;
    let customer: Option<Id<Customer>> = tx.find(
        "SELECT customers.id FROM customers JOIN organizations ON organizations.id = customers.organization_id \
         WHERE customers.id = $1 AND customers.deleted_at IS NULL AND organizations.deleted_at IS NULL \
         AND organizations.blocked_at IS NULL",
        &[&used.customer_id],
    )?;
    let customer_id = customer.ok_or(Error::Invalid)?;
    tx.execute(
        "UPDATE customers SET email_verified = TRUE, modified_at = $2 \
         WHERE id = $1 AND NOT email_verified AND lower(email) = lower($3)",
        &[&customer_id, &now, &used.email],
    )?;
    customers::outgrow(tx, customer_id, None)?;
    Ok(customer_id)
}

/// Removes at most `limit` codes that ended, and as many guesses that are of no account any more. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    let before = now.add_seconds(-LIFETIME);
    let guesses = tx.execute(
        "DELETE FROM customer_session_guesses WHERE id IN (SELECT id FROM customer_session_guesses \
         WHERE created_at <= $1 ORDER BY created_at LIMIT $2)",
        &[&before, &limit],
    )?;
    let codes = tx.execute(
        "DELETE FROM customer_session_codes WHERE id IN \
         (SELECT id FROM customer_session_codes WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &limit],
    )?;
    Ok(guesses.max(codes))
}

/// The code as it was sent; none for what cannot be a code.
fn canonical(code: &str) -> Option<String> {
    let code = code.trim();
    let is_code = code.len() == LENGTH && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_ascii_uppercase())
}

/// Codes are short, so their hashes must not be those of anything else.
fn hash(secret: &InstanceSecret, code: &str) -> TokenHash {
    secret.hash(&format!("customer session code\0{code}"))
}

fn generate(tx: &mut Tx<'_>) -> String {
    // The largest multiple of their number that a byte reaches: beyond it, some letters would come more often.
    const FAIR: usize = 256 / LETTERS.len() * LETTERS.len();
    let mut code = String::with_capacity(LENGTH);
    while code.len() < LENGTH {
        let mut byte = [0];
        tx.fill(&mut byte);
        let number = usize::from(byte[0]);
        if number < FAIR {
            code.push(char::from(LETTERS[number % LETTERS.len()]));
        }
    }
    code
}
