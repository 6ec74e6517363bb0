//! Sales with taxes from the table: on the hosted page, on the order and on the invoice. spec 30 §5

use merak_core::kit::{Cents, Country};
use merak_core::orders;
use merak_core::taxes::engines::rates::Rates;
use merak_core::taxes::{RateTable, TaxSettings};
use merak_server::Config;
use merak_testkit::TestDatabase;
use serde_json::{Value, json};

use crate::hosted_checkout::{CARD, buyer, checkout, filled, follow, has_problem, once, pay, send, status};
use crate::support::files::path_of;
use crate::support::http::Answer;
use crate::support::shop::config;
use crate::support::{Shop, migrated};

/// How the tax stands to the price.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tax {
    Added,
    Held,
}

/// A shop in Germany that collects taxes by the table.
async fn taxed(database: TestDatabase, tax: Tax) -> Shop {
    let rates = Rates {
        table: RateTable::shipped(),
        seller_country: Country::parse("DE"),
        registrations: None,
        is_inclusive: tax == Tax::Held,
    };
    Shop::open_with(database, Config { taxes: TaxSettings::Rates(rates), ..config() }).await
}

/// What an invoice says about money, the buyer's tax number on it, and the text of its document.
struct Invoice {
    subtotal: Cents,
    tax_amount: Cents,
    total: Cents,
    tax: Value,
    buyer_number: String,
    text: String,
}

impl Invoice {
    /// Whether the document has these words in this order, with nothing between them but space.
    fn says(&self, words: &str) -> bool {
        let words: Vec<&str> = words.split_whitespace().collect();
        self.text.contains(&words.join(" "))
    }
}

/// Pays, and gives the only order and its invoice, of which there is a document.
async fn bought(shop: &Shop, path: &str, fields: &[(&'static str, String)], seen: &str) -> (Value, Invoice) {
    let page = follow(shop, &pay(shop, path, fields, seen).await).await;
    assert_eq!(page.status, 200);
    assert_eq!(status(shop, path).await, "succeeded");
    let orders = shop.merchant.get("/v1/orders/").await.expect(200);
    let order = orders["items"][0].clone();
    let id = order["id"].as_str().unwrap();
    let url = shop.merchant.get(&format!("/v1/orders/{id}/invoice")).await.expect(200)["url"].clone();
    let printed = shop.anonymous.get(path_of(url.as_str().unwrap())).await;
    assert_eq!((printed.status, printed.header("content-type")), (200, Some("application/pdf")));
    let id = id.parse().unwrap();
    let data = shop.write(move |tx| orders::invoice_data(tx, id)).await.unwrap();
    let invoice = Invoice {
        subtotal: data.subtotal,
        tax_amount: data.tax_amount,
        total: data.total,
        tax: data.tax.map_or(Value::Null, |tax| tax.parse().unwrap()),
        text: printed_text(&printed),
        buyer_number: data.buyer.tax_id.map_or_else(String::new, |tax_id| tax_id.0),
    };
    (order, invoice)
}

/// The words of a document, with one space between each.
fn printed_text(printed: &Answer) -> String {
    let text = pdf_extract::extract_text_from_mem(&printed.body).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the page has such a row of its sum.
fn has_row(text: &str, (label, amount): (&str, &str)) -> bool {
    text.contains(&format!("<span>{label}</span><span class=\"amount\">{amount}</span>"))
}

merak_testkit::both_engines! {
    setup = migrated;

    async fn a_tax_is_shown_charged_and_printed(database: TestDatabase) {
        let shop = &taxed(database, Tax::Added).await;
        let path = checkout(shop, once(1000)).await;
        assert!(shop.anonymous.get(&path).await.text().contains("depends on your address"));
        let shown = send(shop, &path, "update", &buyer()).await.text();
        for row in [("Subtotal", "$10.00"), ("Tax", "$2.00"), ("Total", "$12.00")] {
            assert!(has_row(&shown, row), "{row:?}: {shown}");
        }
        let (order, invoice) = bought(shop, &path, &filled(CARD), "1200").await;
        assert_eq!((&order["amount"], &order["tax_amount"]), (&json!(1000), &json!(200)));
        assert_eq!((invoice.subtotal.get(), invoice.tax_amount.get(), invoice.total.get()), (1000, 200, 1200));
        assert_eq!((&invoice.tax["name"], &invoice.tax["country"]), (&json!("VAT"), &json!("FR")));
        for words in ["Invoice number", "Subtotal $10.00", "VAT 20 % (FR) $2.00", "Total $12.00", "France", "Paid on"] {
            assert!(invoice.says(words), "{words}: {}", invoice.text);
        }
        let buyer = order["customer"]["email"].as_str().unwrap();
        assert!(invoice.says(buyer) && invoice.says(order["id"].as_str().unwrap()), "{}", invoice.text);
    }

    async fn a_price_holds_its_tax_where_that_is_so(database: TestDatabase) {
        let shop = &taxed(database, Tax::Held).await;
        let path = checkout(shop, once(1200)).await;
        let shown = send(shop, &path, "update", &buyer()).await.text();
        for row in [("Without tax", "$10.00"), ("Tax (in the price)", "$2.00"), ("Total", "$12.00")] {
            assert!(has_row(&shown, row), "{row:?}: {shown}");
        }
        let (order, invoice) = bought(shop, &path, &filled(CARD), "1200").await;
        assert_eq!((&order["amount"], &order["tax_amount"]), (&json!(1000), &json!(200)));
        assert_eq!((invoice.tax_amount.get(), invoice.total.get()), (200, 1200));
        for words in ["Subtotal $10.00", "VAT 20 % (FR) $2.00", "Total $12.00", "The tax is part of the price"] {
            assert!(invoice.says(words), "{words}: {}", invoice.text);
        }
    }

    // The check digits of the number count; nobody is asked whether it is in use.
    async fn a_business_elsewhere_in_the_union_owes_the_tax_itself(database: TestDatabase) {
        let shop = &taxed(database, Tax::Added).await;
        let path = checkout(shop, once(1000)).await;
        let number = |number: &str| {
            let mut fields = filled(CARD);
            fields.push(("customer_tax_id", number.to_owned()));
            fields
        };
        send(shop, &path, "update", &buyer()).await;
        let shown = send(shop, &path, "update", &number("FR 61 954 506 078")).await.text();
        assert!(has_problem(&shown, "customer_tax_id") && has_row(&shown, ("Total", "$12.00")), "{shown}");
        assert!(shown.contains("VAT number"), "{shown}");
        let shown = send(shop, &path, "update", &number("FR 61 954 506 077")).await.text();
        assert!(!has_problem(&shown, "customer_tax_id") && has_row(&shown, ("Total", "$10.00")), "{shown}");
        let (order, invoice) = bought(shop, &path, &number("FR 61 954 506 077"), "1000").await;
        assert_eq!((&order["amount"], &order["tax_amount"]), (&json!(1000), &json!(0)));
        assert_eq!((invoice.total.get(), &invoice.tax["is_reverse_charge"]), (1000, &json!(true)));
        assert_eq!(invoice.buyer_number, "FR61954506077");
        for words in ["Tax number: FR61954506077", "VAT (FR) $0.00", "Total $10.00", "Reverse charge: the tax is owed by"] {
            assert!(invoice.says(words), "{words}: {}", invoice.text);
        }
    }
}
