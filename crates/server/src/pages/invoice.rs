//! `/invoices/{token}`: the invoice of an order as PDF. The token is the leave to read it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use merak_core::kit::{Address, Cents, Refusal};
use merak_core::orders::{self, Buyer, InvoiceData};
use merak_core::organizations::Seller;
use merak_documents::{Fact, Invoice, Line, Party, Sum};
use merak_store::Json;
use serde::Deserialize;

use crate::emails::words::{amount, country, day, invoice_number};
use crate::error::Failure;
use crate::shell::Response;
use crate::state::House;

/// How the tax of an invoice came about, as the invoice keeps it.
#[derive(Deserialize)]
struct TaxTerms {
    name: String,
    rate_ppm: i64,
    country: String,
    state: Option<String>,
    is_reverse_charge: bool,
    is_inclusive: bool,
}

pub fn router(house: Arc<House>) -> Router {
    Router::new().route("/invoices/{token}", get(invoice)).with_state(house)
}

async fn invoice(State(house): State<Arc<House>>, Path(token): Path<String>) -> Response {
    let secret = house.secret.clone();
    let found = house
        .store
        .read(move |tx| {
            let order_id = orders::read_invoice_token(&secret, &token, tx.now())?;
            orders::invoice_data(tx, order_id)
        })
        .await;
    let data: InvoiceData = match found {
        Ok(data) => data,
        Err(refusal) => return Failure::from(refusal).into_response("invoice"),
    };
    let name = format!("{}.pdf", number(&data));
    // Setting type takes milliseconds, which are nobody else's.
    let made = tokio::task::spawn_blocking(move || document(&data).to_pdf()).await;
    match made {
        Ok(Ok(pdf)) => {
            let headers = [
                (CONTENT_TYPE, String::from("application/pdf")),
                (CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")),
                (CACHE_CONTROL, String::from("private, no-store")),
                (X_CONTENT_TYPE_OPTIONS, String::from("nosniff")),
                (REFERRER_POLICY, String::from("no-referrer")),
            ];
            (headers, pdf).into_response()
        }
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Response {
    tracing::error!(error, "an invoice cannot be made");
    let refusal = Refusal::Store(merak_store::Error::Decode(String::from("an invoice cannot be made")));
    Failure::from(refusal).into_response("invoice")
}

/// The number as people write it, such as `NIMBUS-000017`: it tells the sellers of one installation apart.
fn number(data: &InvoiceData) -> String {
    invoice_number(&data.slug, data.number)
}

/// What the document says.
fn document(data: &InvoiceData) -> Invoice {
    let tax = data.tax.as_ref().and_then(|tax| Json::parse::<TaxTerms>(tax).ok());
    Invoice {
        title: String::from(title(data.total)),
        facts: facts(data),
        seller: seller(&data.seller),
        buyer: buyer(&data.buyer),
        lines: lines(data),
        sums: sums(data, tax.as_ref()),
        notes: notes(data, tax.as_ref()),
        foot: seller(&data.seller).name,
    }
}

/// What the document is called. One by which more is given than taken is a credit note; its number is of the same series.
fn title(total: Cents) -> &'static str {
    if total < Cents::default() { "Credit note" } else { "Invoice" }
}

fn facts(data: &InvoiceData) -> Vec<Fact> {
    let fact = |name: &str, value: String| Fact { name: name.into(), value };
    let mut facts =
        vec![fact(&format!("{} number", title(data.total)), number(data)), fact("Date", day(data.issued_at))];
    if let Some((from, to)) = data.period {
        facts.push(fact("Period", format!("{} – {}", day(from), day(to))));
    }
    facts.push(fact("Order", data.order.id.to_string()));
    facts
}

/// The name under which business is done comes first, as the law has it.
fn seller(seller: &Seller) -> Party {
    let name = seller.legal_name.as_ref().unwrap_or(&seller.name);
    let mut lines: Vec<String> =
        Some(&seller.name).filter(|shown| *shown != name).into_iter().cloned().collect();
    match &seller.address {
        Some(address) => lines.extend(address_lines(address)),
        None => lines.extend(seller.location.clone()),
    }
    lines.extend(seller.tax_id.as_ref().map(|tax_id| format!("Tax number: {tax_id}")));
    lines.extend([&seller.email, &seller.website].into_iter().flatten().cloned());
    Party { name: name.clone(), lines }
}

fn buyer(buyer: &Buyer) -> Party {
    let email = buyer.email.to_string();
    let mut lines = Vec::new();
    if buyer.name.is_some() {
        lines.push(email.clone());
    }
    if let Some(address) = &buyer.billing_address {
        lines.extend(address_lines(address));
    }
    lines.extend(buyer.tax_id.as_ref().map(|tax_id| format!("Tax number: {}", tax_id.0)));
    Party { name: buyer.name.clone().unwrap_or(email), lines }
}

fn address_lines(address: &Address) -> Vec<String> {
    let city = [&address.postal_code, &address.city].into_iter().flatten().cloned().collect::<Vec<_>>();
    let mut lines: Vec<String> = [&address.line1, &address.line2].into_iter().flatten().cloned().collect();
    if !city.is_empty() {
        lines.push(city.join(" "));
    }
    lines.extend(address.state.clone());
    lines.push(country(address.country).to_owned());
    lines
}

fn lines(data: &InvoiceData) -> Vec<Line> {
    let line = |line: &merak_core::billing::InvoiceLine| Line {
        description: line.description.clone(),
        note: line.period_start.zip(line.period_end).map(|(from, to)| format!("{} – {}", day(from), day(to))),
        amount: amount(line.amount, data.currency),
    };
    data.lines.iter().map(line).collect()
}

fn sums(data: &InvoiceData, tax: Option<&TaxTerms>) -> Vec<Sum> {
    let sum =
        |name: String, cents: Cents, is_strong| Sum { name, amount: amount(cents, data.currency), is_strong };
    let less = |cents: Cents| Cents::new(-cents.get());
    let mut sums = Vec::new();
    if data.discount_amount != Cents::default() {
        let name = data.discount.as_ref().map_or("Discount", |discount| discount.name.as_str());
        sums.push(sum(name.to_owned(), less(data.discount_amount), false));
    }
    sums.push(sum(String::from("Subtotal"), data.subtotal, false));
    sums.push(sum(tax.map_or(String::from("Tax"), tax_name), data.tax_amount, false));
    sums.push(sum(String::from("Total"), data.total, true));
    if data.credit_applied != Cents::default() {
        sums.push(sum(String::from("Paid with credit"), less(data.credit_applied), false));
        sums.push(sum(String::from("Charged"), data.due, true));
    }
    if data.refunded_amount != Cents::default() {
        sums.push(sum(String::from("Refunded since"), less(data.refunded_amount), false));
    }
    sums
}

/// As in `VAT 19 % (DE)`.
fn tax_name(tax: &TaxTerms) -> String {
    let place = match &tax.state {
        Some(state) => format!("{}-{state}", tax.country),
        None => tax.country.clone(),
    };
    if tax.rate_ppm == 0 {
        return format!("{} ({place})", tax.name);
    }
    let (whole, rest) = (tax.rate_ppm / 10_000, tax.rate_ppm % 10_000);
    let rate = format!("{whole}.{rest:04}");
    let rate = rate.trim_end_matches('0').trim_end_matches('.');
    format!("{} {rate} % ({place})", tax.name)
}

fn notes(data: &InvoiceData, tax: Option<&TaxTerms>) -> Vec<String> {
    let mut notes = Vec::new();
    if tax.is_some_and(|tax| tax.is_reverse_charge) {
        notes.push(String::from("Reverse charge: the tax is owed by the recipient of this invoice."));
    }
    if tax.is_some_and(|tax| tax.is_inclusive) {
        notes.push(String::from(
            "The tax is part of the price that was agreed on; the lines show what is left without it.",
        ));
    }
    match data.paid_at {
        Some(paid_at) if data.total.get() >= 0 => notes.push(format!("Paid on {}.", day(paid_at))),
        Some(_) => notes.push(format!(
            "{} was added to the credit of the customer, and pays what falls due next.",
            amount(Cents::new(-data.total.get()), data.currency)
        )),
        None => {}
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tax_has_its_rate_and_place() {
        let tax = |rate_ppm, state: Option<&str>| TaxTerms {
            name: String::from("VAT"),
            rate_ppm,
            country: String::from("CA"),
            state: state.map(String::from),
            is_reverse_charge: false,
            is_inclusive: false,
        };
        assert_eq!(tax_name(&tax(190_000, None)), "VAT 19 % (CA)");
        assert_eq!(tax_name(&tax(149_750, Some("QC"))), "VAT 14.975 % (CA-QC)");
        assert_eq!(tax_name(&tax(0, None)), "VAT (CA)");
        assert_eq!(tax_name(&tax(1_000_000, None)), "VAT 100 % (CA)");
    }

    #[test]
    fn what_gives_more_than_it_takes_is_a_credit_note() {
        let titles = [-1, 0, 1].map(|cents| title(Cents::new(cents)));
        assert_eq!(titles, ["Credit note", "Invoice", "Invoice"]);
    }

    #[test]
    fn a_seller_is_named_as_the_law_has_it() {
        let shop = Seller {
            name: String::from("Fjord Soft"),
            legal_name: None,
            address: None,
            location: Some(String::from("Oslo")),
            tax_id: None,
            email: None,
            website: Some(String::from("https://fjordsoft.example")),
        };
        let party = seller(&shop);
        assert_eq!(
            (party.name.as_str(), party.lines),
            ("Fjord Soft", vec!["Oslo".into(), "https://fjordsoft.example".into()])
        );
        let address = r#"{"line1": "Kaigata 1", "postal_code": "0150", "city": "Oslo", "country": "NO"}"#;
        let party = seller(&Seller {
            legal_name: Some(String::from("Fjord Soft AS")),
            address: Some(serde_json::from_str(address).unwrap()),
            location: None,
            tax_id: Some(String::from("NO123456785MVA")),
            email: Some(String::from("help@fjordsoft.example")),
            website: None,
            ..shop
        });
        assert_eq!(party.name, "Fjord Soft AS");
        assert_eq!(
            party.lines,
            [
                "Fjord Soft",
                "Kaigata 1",
                "0150 Oslo",
                "Norway",
                "Tax number: NO123456785MVA",
                "help@fjordsoft.example",
            ]
        );
    }

    #[test]
    fn an_address_is_written_as_on_a_letter() {
        let address: Address = serde_json::from_str(
            r#"{"line1": "Rue 1", "postal_code": "75001", "city": "Paris", "country": "FR"}"#,
        )
        .unwrap();
        assert_eq!(address_lines(&address), ["Rue 1", "75001 Paris", "France"]);
    }
}
