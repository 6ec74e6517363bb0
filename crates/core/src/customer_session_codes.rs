//! Codes that sign a customer in: six letters and digits that come by mail, good once and for half an hour.

use const_format::concatcp;
use merak_store::{Timestamp, Tx, row};

use crate::customer_sessions;
use crate::customers::Customer;
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
        " FROM customers WHERE organization_id = $1 AND lower(email) = lower($2) AND deleted_at IS NULL \
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

/// Uses a code up and opens a session of its customer. Small letters are as good as capitals, and spaces around it do
/// not matter. Who uses it has read mail that went to the address, so the address is the customer's if they still have it.
pub fn redeem(tx: &mut Tx<'_>, secret: &InstanceSecret, code: &str) -> Result<Token> {
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
    let (_, token) = customer_sessions::create(tx, secret, customer_id)?;
    Ok(token)
}

/// Removes at most `limit` codes that ended. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    Ok(tx.execute(
        "DELETE FROM customer_session_codes WHERE id IN \
         (SELECT id FROM customer_session_codes WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &limit],
    )?)
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
