//! Who an organization is as a seller: what its invoices say of it, and where answers to its mails go.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use merak_store::{Cell, Column, Json, Param, ReadTx, Tx, Value};
use serde::{Deserialize, Serialize};

use super::commands::tell;
use super::{Organization, queries};
use crate::kit::{Address, Country, Email, Id, LONGEST_NAME, Patch, Refusal, Result};

/// Who sells, as an invoice says it. An invoice keeps a copy, so that it says for ever what it said when it was made out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seller {
    /// What the shop is called.
    pub name: String,
    /// The name under which it does business, if it said so.
    pub legal_name: Option<String>,
    /// Its address.
    pub address: Option<Address>,
    /// Where it is in free words, for as long as its address is not known.
    pub location: Option<String>,
    /// Its tax number, as it is written on invoices.
    pub tax_id: Option<String>,
    /// Its public address for mail.
    pub email: Option<String>,
    /// Its web page.
    pub website: Option<String>,
}

impl Organization {
    /// What an invoice says of the organization if it is made out now.
    pub fn seller(&self) -> Seller {
        Seller {
            name: self.name.clone(),
            legal_name: self.legal_name.clone().or_else(|| self.company.clone()),
            address: self.billing_address.clone(),
            location: self.location.clone().filter(|_| self.billing_address.is_none()),
            tax_id: self.tax_id.clone(),
            email: self.email.clone(),
            website: self.blog.clone(),
        }
    }
}

impl Param for Seller {
    fn value(&self) -> Value<'_> {
        let json = serde_json::to_string(self).expect("texts are always JSON");
        Value::Json(Cow::Owned(json))
    }
}

impl Column for Seller {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Json::read(cell)?.parse()
    }
}

/// What invoices say of an organization now.
pub(crate) fn seller_of(tx: &mut ReadTx<'_>, id: Id<Organization>) -> Result<Seller> {
    let found = queries::find_with_deleted(tx, id)?.ok_or_else(Refusal::not_found)?;
    Ok(found.seller())
}

/// As [`seller_of`], of many.
pub(crate) fn sellers_of(
    tx: &mut ReadTx<'_>,
    ids: &BTreeSet<Id<Organization>>,
) -> Result<HashMap<Id<Organization>, Seller>> {
    let ids: Vec<_> = ids.iter().copied().collect();
    let found = queries::find_many(tx, &ids)?;
    Ok(found.into_iter().map(|organization| (organization.id, organization.seller())).collect())
}

/// A change of what invoices and mails say of a seller. Texts are trimmed, and a blank one takes away what is there.
#[derive(Clone, Debug, Default)]
pub struct UpdateSeller {
    /// The address to which customers write: it is public, stands on invoices, and answers to mails go there.
    pub email: Patch<Email>,
    /// See [`Seller::legal_name`].
    pub legal_name: Patch<String>,
    /// See [`Address::line1`].
    pub line1: Patch<String>,
    /// See [`Address::line2`].
    pub line2: Patch<String>,
    /// See [`Address::postal_code`].
    pub postal_code: Patch<String>,
    /// See [`Address::city`].
    pub city: Patch<String>,
    /// See [`Address::state`].
    pub state: Patch<String>,
    /// See [`Address::country`]. Null takes the whole address away; an address needs one.
    pub country: Patch<Country>,
    /// See [`Seller::tax_id`].
    pub tax_id: Patch<String>,
}

/// Changes who an organization is as a seller. Invoices that were made out before stay as they are.
pub fn update_seller(tx: &mut Tx<'_>, id: Id<Organization>, command: &UpdateSeller) -> Result<Organization> {
    let mut organization = queries::find(tx, id)?.ok_or_else(Refusal::not_found)?;
    command.email.as_ref().map(|email| email.as_str().to_owned()).apply(&mut organization.email);
    text("legal name", &command.legal_name)?.apply(&mut organization.legal_name);
    text("tax number", &command.tax_id)?.apply(&mut organization.tax_id);
    organization.billing_address = command.address(organization.billing_address.take())?;
    organization.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE organizations SET email = $2, legal_name = $3, billing_address = $4, tax_id = $5, modified_at = $6 \
         WHERE id = $1",
        &[
            &organization.id,
            &organization.email,
            &organization.legal_name,
            &organization.billing_address,
            &organization.tax_id,
            &organization.modified_at,
        ],
    )?;
    tell(tx, id)?;
    Ok(organization)
}

impl UpdateSeller {
    /// The address after the change.
    fn address(&self, before: Option<Address>) -> Result<Option<Address>> {
        let parts = [&self.line1, &self.line2, &self.postal_code, &self.city, &self.state];
        let parts = parts.map(|part| text("line of an address", part));
        let address = match self.country {
            Patch::Absent => before,
            Patch::Null => None,
            Patch::Value(country) => {
                Some(Address { country, ..before.unwrap_or_else(|| Address::in_country(country)) })
            }
        };
        let Some(mut address) = address else {
            for part in parts {
                if part?.value().is_some() {
                    return Err(Refusal::bad_request("An address needs its country."));
                }
            }
            return Ok(None);
        };
        let [line1, line2, postal_code, city, state] = parts;
        line1?.apply(&mut address.line1);
        line2?.apply(&mut address.line2);
        postal_code?.apply(&mut address.postal_code);
        city?.apply(&mut address.city);
        state?.apply(&mut address.state);
        Ok(Some(address))
    }
}

/// A text as it is kept.
fn text(what: &str, given: &Patch<String>) -> Result<Patch<String>> {
    let Patch::Value(text) = given else { return Ok(given.clone()) };
    let text = text.trim();
    if text.chars().nth(LONGEST_NAME).is_some() {
        return Err(Refusal::bad_request(format!("A {what} has at most {LONGEST_NAME} characters.")));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()).into())
}
