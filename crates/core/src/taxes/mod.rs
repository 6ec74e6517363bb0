//! Taxes on what is sold, behind one question.
//!
//! [`Taxes`] is asked what tax there is on a price for a buyer, and answers from memory: it never waits, so it can be
//! asked inside of units. Who knows the rates is a [`TaxEngine`]:
//!
//! | Engine | Says |
//! | --- | --- |
//! | [`engines::none`] | no tax, anywhere |
//! | [`engines::rates`] | a percentage by country and state, from a table that can be replaced in parts |
//!
//! # Adding an engine
//!
//! It is one file in `engines/` that implements [`TaxEngine`], a variant of [`TaxSettings`] and its arm in
//! [`TaxSettings::taxes`]; the compiler then asks for the option. An engine outside of this program cannot be called from a
//! unit. Its file holds what it has said (rates by place, as `rates.rs` does) and answers from that; a flow of the server
//! asks it and puts the new answer in place.

pub mod engines;
mod places;
mod registration;
mod table;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;

use self::engines::rates::Rates;
pub use self::registration::{EUROPEAN_UNION, Registration, UnknownRegistration, is_in_european_union};
pub use self::table::{Rate, RateTable, RateTableProblem};
use crate::kit::{Address, Cents, Country, Currency, TaxId};

/// How many parts of a million a whole is.
pub const MILLION: i64 = 1_000_000;

/// What is asked about a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaxQuestion<'q> {
    /// Where the buyer is.
    pub country: Country,
    /// The state or province there, with or without the country before it: `US-NY` or `NY`.
    pub state: Option<&'q str>,
    /// The postal code there.
    pub postal_code: Option<&'q str>,
    /// The buyer's tax number, if they buy as a business.
    pub tax_id: Option<&'q TaxId>,
    /// The price after discounts.
    pub subtotal: Cents,
    /// Its currency.
    pub currency: Currency,
    /// Whether there can be tax on the product at all.
    pub is_tax_applicable: bool,
}

impl<'q> TaxQuestion<'q> {
    /// The question about a taxable product for a buyer at this address.
    pub fn at(address: &'q Address, subtotal: Cents, currency: Currency) -> Self {
        Self {
            country: address.country,
            state: address.state.as_deref(),
            postal_code: address.postal_code.as_deref(),
            tax_id: None,
            subtotal,
            currency,
            is_tax_applicable: true,
        }
    }
}

/// The tax on a sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tax {
    /// How much.
    pub amount: Cents,
    /// The rate in parts of a million: 19 % is 190 000.
    pub rate_ppm: i64,
    /// Where it is owed.
    pub country: Country,
    /// The state or province where it is owed, without the country before it, if the country has taxes of such.
    pub state: Option<String>,
    /// Whether the buyer owes it instead of the seller, so that it is not charged.
    pub is_reverse_charge: bool,
    /// Whether the price held it already.
    pub is_inclusive: bool,
    /// What it is called there, such as `VAT`.
    pub name: String,
}

impl Tax {
    /// No tax in this country.
    pub fn zero(country: Country) -> Self {
        Self {
            amount: Cents::default(),
            rate_ppm: 0,
            country,
            state: None,
            is_reverse_charge: false,
            is_inclusive: false,
            name: String::from("Tax"),
        }
    }

    /// What of the price is the seller's.
    pub fn net(&self, subtotal: Cents) -> Cents {
        let tax = if self.is_inclusive { self.amount.get() } else { 0 };
        Cents::new(subtotal.get().saturating_sub(tax))
    }

    /// What the buyer pays.
    pub fn total(&self, subtotal: Cents) -> Cents {
        Cents::new(self.net(subtotal).get().saturating_add(self.amount.get()))
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaxProblem {
    /// The place is not known well enough: in the United States state or postal code is missing, in Canada the province.
    #[error("The billing address is not complete enough to calculate taxes.")]
    LocationIncomplete,
    /// There is no such place.
    #[error("The billing address is not known, so taxes cannot be calculated.")]
    LocationUnknown,
}

/// Who knows what tax there is.
pub trait TaxEngine: Debug + Send + Sync {
    /// The tax on a price above zero of a product on which there can be tax. It must not wait.
    fn compute(&self, question: &TaxQuestion<'_>) -> Result<Tax, TaxProblem>;
}

/// The engine of an installation.
#[derive(Clone, Debug)]
pub struct Taxes(Arc<dyn TaxEngine>);

impl Taxes {
    /// What this engine says.
    pub fn new(engine: impl TaxEngine + 'static) -> Self {
        Self(Arc::new(engine))
    }

    /// No tax, anywhere.
    pub fn none() -> Self {
        Self::new(engines::none::None)
    }

    /// The tax on a sale. Where nothing is to be paid, or there can be no tax on the product, it is zero, wherever the
    /// buyer is.
    pub fn compute(&self, question: &TaxQuestion<'_>) -> Result<Tax, TaxProblem> {
        if !question.is_tax_applicable || question.subtotal <= Cents::default() {
            return Ok(Tax::zero(question.country));
        }
        self.0.compute(question)
    }
}

/// What an installation is told about taxes.
#[derive(Clone, Debug, Default)]
pub enum TaxSettings {
    /// There are none.
    #[default]
    None,
    /// They follow a table.
    Rates(Rates),
}

impl TaxSettings {
    /// The engine that these settings ask for.
    pub fn taxes(&self) -> Taxes {
        match self {
            Self::None => Taxes::none(),
            Self::Rates(rates) => Taxes::new(rates.clone()),
        }
    }
}
