//! What is asked of a processor.

/// Who pays, as the processor is to know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerRequest {
    /// Our name for the customer.
    pub reference: String,
    /// The mail address.
    pub email: String,
    /// The name.
    pub name: Option<String>,
    /// The address on invoices.
    pub address: Option<Address>,
    /// The processor's id of the customer, if it has one.
    pub existing_id: Option<String>,
}

/// A postal address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Street and number.
    pub line1: Option<String>,
    /// What else there is.
    pub line2: Option<String>,
    /// The postal code.
    pub postal_code: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The state, as the processor's form writes it.
    pub state: Option<String>,
    /// The country, in two letters.
    pub country: String,
}

/// With what is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// What the customer typed into the form of a checkout page; good once.
    ConfirmationToken(String),
    /// A method that was saved before, by its id.
    SavedMethod(String),
}

/// A charge that is wished for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeRequest {
    /// The processor's id of the customer.
    pub customer_id: String,
    /// How much, in minor units.
    pub amount_cents: i64,
    /// The currency, in three small letters.
    pub currency: String,
    /// With what.
    pub source: Source,
    /// Whether the customer is not there to prove who they are.
    pub off_session: bool,
    /// Whether the method is kept for charges without the customer.
    pub save_method: bool,
    /// Where the customer goes after having proved who they are. Needed whenever the customer is there.
    pub return_url: Option<String>,
    /// What the processor shows to the merchant.
    pub metadata: Vec<(String, String)>,
    /// Our name for this attempt; comes back in events. Letters, digits, `_` and `-`.
    pub reference: String,
}

/// A payment method that is to be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupRequest {
    /// The processor's id of the customer.
    pub customer_id: String,
    /// Which method.
    pub source: Source,
    /// Where the customer goes after having proved who they are.
    pub return_url: Option<String>,
    /// What the processor shows to the merchant.
    pub metadata: Vec<(String, String)>,
    /// Our name for this attempt; comes back in events. Letters, digits, `_` and `-`.
    pub reference: String,
}

/// Money that is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The charge, by its intent.
    pub intent_id: String,
    /// How much, in minor units; at most what was paid and not given back yet.
    pub amount_cents: i64,
    /// Our name for this refund; comes back in events. Letters, digits, `_` and `-`.
    pub reference: String,
}
