//! Portal sessions: an hour in which a token stands for one customer.
//!
//! A session that is opened at the end of a checkout may be *bound* to it. Anybody can type an address into a checkout, so
//! having confirmed one shows nothing about who they are:
//!
//! | Who buys | Session |
//! | --- | --- |
//! | a customer whom the seller's program has named, or a person who was signed in | whole |
//! | a customer who came into being by this very checkout, and to whom nothing else has happened | whole |
//! | a customer who was there before, whose address was typed | bound: it shows what the checkout sold |
//!
//! A session of the second kind is bound as soon as something else happens to its customer: another checkout is confirmed
//! for them, they come in by another door, their address is changed, or they are given something.
//!
//! None of these pays something new with a saved card, and no card that is typed in by one is offered at a checkout: whoever
//! was given the link to a checkout may have confirmed it. Nor does a link in a mail or of the seller's program, which may have
//! been passed on as well. That takes an *owner's* session: of somebody who has typed the code that was sent to the address
//! into the very browser that keeps the session. In an address such a session is good for nothing, so that nobody can be led
//! into the session of somebody else and leave a card there.
//!
//! A card that pays already goes on to pay what it was given for, whoever looks. That it pays more from now on takes somebody
//! who vouches for whoever wishes it, see [`Vouch`] and [`crate::subscriptions::payers`]. For a program the token itself says
//! who does, and where it came from:
//!
//! | The token | Who vouches |
//! | --- | --- |
//! | the answer to the seller's program, whose link to the portal holds the same token | the seller |
//! | the answer to the code that was sent to the customer | the customer |
//! | the answer to the confirmation of a checkout | whoever has paid it, for their own card |
//! | a link in a mail, or where the pages of a checkout lead to | nobody |
//!
//! The seller's program hands its token, and so that link, to the customer alone: whoever has it can do with a program what the
//! seller lets the customer do. The pages of the portal do not tell one link from another: in a browser none of them vouches.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp, Tx, row};

use crate::billing::{Payment, PaymentMethod};
use crate::checkouts::Checkout;
use crate::customers::{self, Customer};
use crate::kit::{Id, InstanceSecret, Refusal, Result, Token, TokenHash, TokenKind, text_enum};

/// How long a session lasts, in seconds. It is not renewed by use.
pub const LIFETIME: i64 = 3600;

/// Who vouches that whoever acts for a customer may let a card pay more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouch {
    /// The seller: they act themselves, or their program has let the customer in and acts for them.
    Seller,
    /// The customer themselves, by the code that was sent to them, or by an account with their address.
    Customer,
    /// Whoever has typed this card into the checkout that they confirmed, and need not be the customer. They can let this
    /// card pay more, and no other.
    Payer(Id<PaymentMethod>),
    /// Nobody: whoever was given a link may have come along it.
    Nobody,
}

text_enum! {
    /// Who vouches for whoever holds a session.
    pub enum Voucher {
        /// As [`Vouch::Seller`].
        Seller = "seller",
        /// As [`Vouch::Customer`].
        Customer = "customer",
        /// As [`Vouch::Payer`], of what the session's payment was made with, once it is saved.
        Payer = "payer",
        /// As [`Vouch::Nobody`].
        Nobody = "nobody",
    }
}

impl Voucher {
    /// Who vouches, by the card that the session's payment has saved.
    pub(crate) fn vouch(self, paid_with: Option<Id<PaymentMethod>>) -> Vouch {
        match self {
            Self::Seller => Vouch::Seller,
            Self::Customer => Vouch::Customer,
            Self::Payer => paid_with.map_or(Vouch::Nobody, Vouch::Payer),
            Self::Nobody => Vouch::Nobody,
        }
    }
}

row! {
    /// A portal session of a customer. The token text is not stored, only its hash.
    #[derive(Clone, Debug)]
    pub struct CustomerSession in "customer_sessions" {
        /// The session's id.
        pub id: Id<CustomerSession>,
        /// Whom the token stands for.
        pub customer_id: Id<Customer>,
        /// HMAC of the token text.
        pub token_hash: TokenHash,
        /// The checkout at whose end it was opened, for somebody who had not shown who they are.
        pub checkout_id: Option<Id<Checkout>>,
        /// Whether it is an owner's: see above.
        pub is_owner_known: bool,
        /// Who vouches for whoever holds it, where a program does.
        pub vouched_by: Voucher,
        /// The payment that whoever holds it has made, where that vouches for them.
        pub payment_id: Option<Id<Payment>>,
        /// When it ends.
        pub expires_at: Timestamp,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// Of sessions joined with their customers: the checkout that a session is bound to, or null.
pub(crate) const BOUND_TO: &str = "CASE WHEN customer_sessions.checkout_id = customers.newcomer_checkout_id THEN NULL \
     ELSE customer_sessions.checkout_id END";

/// Opens a session that the seller's program asks for, to give it to the customer. Earlier sessions go on; the token is seen
/// only now.
pub fn create(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
) -> Result<(CustomerSession, Token)> {
    insert(tx, secret, customer_id, Reach { vouched_by: Voucher::Seller, ..Reach::LINK })
}

/// Opens a session for whoever follows a link that is sent to the customer.
pub fn create_for_link(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
) -> Result<(CustomerSession, Token)> {
    insert(tx, secret, customer_id, Reach::LINK)
}

/// Opens a session for a program in which the customer has typed the code that was sent to them. It may travel in an address,
/// so in a browser it is no owner's.
pub fn create_for_code(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
) -> Result<(CustomerSession, Token)> {
    insert(tx, secret, customer_id, Reach { vouched_by: Voucher::Customer, ..Reach::LINK })
}

/// Opens an owner's session. Its token belongs into a cookie, and nowhere else.
pub fn create_for_owner(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
) -> Result<(CustomerSession, Token)> {
    let reach = Reach { is_owner_known: true, vouched_by: Voucher::Customer, ..Reach::LINK };
    insert(tx, secret, customer_id, reach)
}

/// Opens a session for whoever has confirmed a checkout, of its customer. It may travel in an address.
pub fn create_for_checkout(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    checkout: &Checkout,
) -> Result<(CustomerSession, Token)> {
    create_for_payer(tx, secret, checkout, None)
}

/// As [`create_for_checkout`], for nobody but whoever has made this payment of the checkout themselves: the token belongs into
/// the answer to them, and into no address.
pub fn create_for_payer(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    checkout: &Checkout,
    payment_id: Option<Id<Payment>>,
) -> Result<(CustomerSession, Token)> {
    let customer_id = checkout.customer_id.ok_or_else(Refusal::not_found)?;
    let checkout_id = (!checkout.is_buyer_known).then_some(checkout.id);
    let vouched_by = payment_id.map_or(Voucher::Nobody, |_| Voucher::Payer);
    insert(tx, secret, customer_id, Reach { checkout_id, vouched_by, payment_id, ..Reach::LINK })
}

/// Opens a session that reaches as far as one of this checkout, or a whole one, for somebody who has not shown to be the
/// customer.
pub fn open(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
    checkout_id: Option<Id<Checkout>>,
) -> Result<(CustomerSession, Token)> {
    insert(tx, secret, customer_id, Reach { checkout_id, ..Reach::LINK })
}

/// How far a new session reaches.
#[derive(Clone, Copy)]
struct Reach {
    checkout_id: Option<Id<Checkout>>,
    is_owner_known: bool,
    vouched_by: Voucher,
    payment_id: Option<Id<Payment>>,
}

impl Reach {
    /// As far as a link.
    const LINK: Self =
        Self { checkout_id: None, is_owner_known: false, vouched_by: Voucher::Nobody, payment_id: None };
}

fn insert(
    tx: &mut Tx<'_>,
    secret: &InstanceSecret,
    customer_id: Id<Customer>,
    reach: Reach,
) -> Result<(CustomerSession, Token)> {
    let token = Token::generate(TokenKind::CustomerSession, |bytes| tx.fill(bytes));
    let session = CustomerSession {
        id: Id::new(tx),
        customer_id,
        token_hash: secret.hash(token.as_str()),
        checkout_id: reach.checkout_id,
        is_owner_known: reach.is_owner_known,
        vouched_by: reach.vouched_by,
        payment_id: reach.payment_id,
        expires_at: tx.now().add_seconds(LIFETIME),
        created_at: tx.now(),
    };
    tx.insert(&session)?;
    Ok((session, token))
}

/// A session that has not ended.
#[derive(Clone, Debug)]
pub struct Live {
    /// Whom it stands for.
    pub customer: Customer,
    /// The checkout that it is bound to: nothing else may be shown then, and nothing changed.
    pub bound_to: Option<Id<Checkout>>,
    /// Whether it is an owner's: the customer's cards may pay something new by it, and are offered later if they are typed in
    /// by it.
    pub is_owner_known: bool,
}

/// A session, if it has not ended; none of a customer or an organization that was deleted or blocked.
pub fn find(tx: &mut ReadTx<'_>, hash: &TokenHash) -> Result<Option<Live>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        ", ",
        BOUND_TO,
        ", customer_sessions.is_owner_known FROM customer_sessions \
         JOIN customers ON customers.id = customer_sessions.customer_id \
         JOIN organizations ON organizations.id = customers.organization_id \
         WHERE customer_sessions.token_hash = $1 AND customer_sessions.expires_at > $2 \
         AND customers.deleted_at IS NULL AND organizations.deleted_at IS NULL AND organizations.blocked_at IS NULL"
    );
    let now = tx.now();
    let found: Option<(Customer, Option<Id<Checkout>>, bool)> = tx.find(SQL, &[hash, &now])?;
    Ok(found.map(|(customer, bound_to, is_owner_known)| Live { customer, bound_to, is_owner_known }))
}

/// As [`find`], of a session by which somebody comes in along a link; none of an owner's. What has been opened at the end of
/// the customer's first checkout is bound to it from now on, unless it is that which comes in.
pub fn come_in(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<Option<Live>> {
    let Some(live) = find(tx, hash)?.filter(|live| !live.is_owner_known) else { return Ok(None) };
    let opened_by: Option<Id<Checkout>> =
        tx.one("SELECT checkout_id FROM customer_sessions WHERE token_hash = $1", &[hash])?;
    customers::outgrow(tx, live.customer.id, opened_by)?;
    Ok(Some(live))
}

/// Ends the session with this token.
pub fn end(tx: &mut Tx<'_>, hash: &TokenHash) -> Result<()> {
    tx.execute("DELETE FROM customer_sessions WHERE token_hash = $1", &[hash])?;
    Ok(())
}

/// Removes at most `limit` sessions that ended. Returns how many.
pub fn purge(tx: &mut Tx<'_>, limit: i64) -> Result<u64> {
    let now = tx.now();
    Ok(tx.execute(
        "DELETE FROM customer_sessions WHERE id IN \
         (SELECT id FROM customer_sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
        &[&now, &limit],
    )?)
}
