//! Every mail as its reader gets it.

use merak_adapters::mail::{Mailbox, formatted};
use merak_core::emails::{
    BenefitLine, Content, DisputedPayment, Draft, Email, Found, Money, Portal, PortalLink, Receipt,
    ReceiptLine, RecurringPrice, SecretEmail, Sender,
};
use merak_core::kit::{Cents, Currency, Id, Token, TokenKind};
use merak_core::products::RecurringInterval;
use merak_store::Timestamp;
use uuid::Uuid;

use super::{Letterhead, write};

const NOON: Timestamp = Timestamp::from_seconds(1_736_244_000);
const ORDER: Uuid = Uuid::from_u128(7);

fn head() -> Letterhead {
    Letterhead {
        from: Mailbox { name: String::from("Merak"), address: String::from("shop@merak.example") },
        public_url: String::from("https://merak.example"),
    }
}

fn draft(content: Content, portal: Option<Portal>) -> Draft {
    Draft {
        id: Id::from_uuid(Uuid::from_u128(1)),
        recipient: String::from("nora@example.com"),
        sender: Some(Sender {
            name: String::from("Fjord & Soft"),
            slug: String::from("fjordsoft"),
            email: Some(String::from("help@fjordsoft.example")),
            billing_email: Some(String::from("bills@fjordsoft.example")),
        }),
        date: NOON,
        content,
        portal,
    }
}

fn portal() -> Portal {
    let token = Token::generate(TokenKind::CustomerSession, |bytes| bytes.fill(7));
    Portal { token: Some(token), shows: Some(ORDER) }
}

fn link() -> PortalLink {
    PortalLink { customer_id: Id::from_uuid(Uuid::from_u128(2)), shows: Some(ORDER) }
}

fn disputed() -> DisputedPayment {
    DisputedPayment {
        product_name: Some(String::from("Nimbus <Pro>")),
        amount: Money { amount: Cents::new(2_050), currency: Currency::Usd },
        customer_email: Some(String::from("zoe@example.com")),
        customer_name: Some(String::from("Zoë")),
        order_id: Some(ORDER),
    }
}

fn receipt() -> Receipt {
    Receipt {
        number: Some(String::from("42")),
        product_name: String::from("Nimbus <Pro>"),
        lines: vec![
            ReceiptLine { label: String::from("Nimbus <Pro>"), amount: Cents::new(123_400) },
            ReceiptLine { label: String::from("Unused time of Nimbus"), amount: Cents::new(-1_000) },
        ],
        currency: Currency::Usd,
        subtotal: Cents::new(122_400),
        discount: Cents::new(2_400),
        tax: Cents::new(30_000),
        total: Cents::new(150_000),
        credit: Cents::new(20_000),
        paid_at: NOON,
    }
}

fn benefits() -> Vec<BenefitLine> {
    vec![
        BenefitLine {
            description: String::from("License key"),
            note: None,
            key_of: None,
            license_key: Some(String::from("NIMBUS-2A9F-77C1")),
            downloads: Vec::new(),
        },
        BenefitLine {
            description: String::from("Themes & icons"),
            note: Some(String::from("Unpack them\ninto <plugins>.")),
            key_of: None,
            license_key: None,
            downloads: vec![String::from("nimbus-themes-1.2.zip"), String::from("icons.zip")],
        },
    ]
}

fn monthly() -> RecurringPrice {
    RecurringPrice { amount: Cents::new(900), currency: Currency::Usd, interval: RecurringInterval::Month }
}

fn name() -> String {
    String::from("Nimbus <Pro>")
}

/// Headers, text and the body of the HTML.
fn shown(draft: &Draft) -> String {
    let message = write(&head(), draft, NOON);
    let body = message.html.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0;
    format!(
        "From: {} <{}>\nReply-To: {}\nTo: {}\nSubject: {}\nMessage-ID: {}\n\n{}\n==========\n{body}",
        message.from.name,
        message.from.address,
        message.reply_to.as_deref().unwrap_or_default(),
        message.to,
        message.subject,
        message.message_id(),
        message.text,
    )
}

macro_rules! mails {
    ($( $name:ident: $email:expr; )*) => {
        $(
            #[test]
            fn $name() {
                let email: Email = $email;
                let portal = email.portal().map(|_| portal());
                insta::assert_snapshot!(shown(&draft(Content::Plain(Box::new(email)), portal)));
            }
        )*
    };
}

mails! {
    an_order_confirmation: Email::OrderConfirmation { receipt: receipt(), benefits: benefits(), portal: link() };
    a_confirmation_of_a_subscription: Email::SubscriptionConfirmation {
        product_name: name(), price: Some(monthly()), receipt: Some(receipt()), trial_ends_at: None,
        benefits: benefits(), portal: link(),
    };
    a_confirmation_of_a_free_trial: Email::SubscriptionConfirmation {
        product_name: name(), price: Some(monthly()), receipt: None,
        trial_ends_at: Some(NOON.add_seconds(14 * 86_400)), benefits: Vec::new(), portal: link(),
    };
    a_receipt_of_a_renewal: Email::SubscriptionRenewed {
        receipt: Receipt {
            number: None, lines: Vec::new(), discount: Cents::new(0), tax: Cents::new(0),
            subtotal: Cents::new(900), total: Cents::new(900), credit: Cents::new(0), ..receipt()
        },
        period_ends_at: NOON.add_seconds(31 * 86_400), portal: link(),
    };
    a_failed_payment: Email::PaymentFailed {
        product_name: name(), amount: Money { amount: Cents::new(900), currency: Currency::Usd },
        next_attempt_at: Some(NOON.add_seconds(3 * 86_400)), kept_until: None, awaits_approval: false, portal: link(),
    };
    a_failed_payment_in_a_grace: Email::PaymentFailed {
        product_name: name(), amount: Money { amount: Cents::new(900), currency: Currency::Usd },
        next_attempt_at: Some(NOON.add_seconds(3 * 86_400)), kept_until: Some(NOON.add_seconds(5 * 86_400)), awaits_approval: false,
        portal: link(),
    };
    a_payment_that_the_bank_wants_approved: Email::PaymentFailed {
        product_name: name(), amount: Money { amount: Cents::new(900), currency: Currency::Usd },
        next_attempt_at: None, kept_until: Some(NOON.add_seconds(5 * 86_400)), awaits_approval: true, portal: link(),
    };
    a_payment_that_failed_for_the_last_time: Email::PaymentFailed {
        product_name: name(), amount: Money { amount: Cents::new(900), currency: Currency::Usd },
        next_attempt_at: None, kept_until: None, awaits_approval: false, portal: link(),
    };
    a_change_that_was_not_paid: Email::ChangeNotPaid {
        product_name: name(), amount: Money { amount: Cents::new(900), currency: Currency::Usd }, portal: link(),
    };
    a_refund: Email::Refunded {
        product_name: name(), number: Some(String::from("42")),
        amount: Money { amount: Cents::new(900), currency: Currency::Usd }, refunded_at: NOON, takes_back: true,
        portal: link(),
    };
    a_payment_that_went_back: Email::PaymentReturned {
        product_name: Some(name()), amount: Money { amount: Cents::new(900), currency: Currency::Usd }, returned_at: NOON,
        portal: PortalLink { shows: None, ..link() },
    };
    a_canceled_subscription: Email::SubscriptionCanceled {
        product_name: name(), ends_at: NOON, benefits: benefits(), portal: link(),
    };
    an_uncanceled_subscription: Email::SubscriptionUncanceled {
        product_name: name(), renews_at: Some(NOON), portal: link(),
    };
    an_ended_subscription: Email::SubscriptionEnded { product_name: name(), portal: link() };
    a_benefit_that_is_ready: Email::BenefitGranted {
        benefit: benefits().remove(0), product_name: Some(name()), portal: link(),
    };
    a_leaked_personal_access_token: Email::LeakedPersonalAccessToken {
        comment: String::from("for <CI>"),
        found: Found {
            notifier: String::from("GitHub"),
            url: Some(String::from("javascript:alert(1)//\"><b>")),
        },
    };
    a_leaked_oauth2_token: Email::LeakedOauth2Token {
        client_name: None,
        found: Found { notifier: String::from("GitHub"), url: None },
    };
    a_new_sale: Email::NewSale {
        product_name: name(), amount: Money { amount: Cents::new(2_050), currency: Currency::Usd },
        customer_email: String::from("zoë@bücher.example"), customer_name: Some(String::from("Zoë")),
    };
    a_new_subscription: Email::NewSubscription {
        product_name: name(), price: None, customer_email: String::from("zoe@example.com"), customer_name: None,
    };
    a_dispute: Email::DisputeOpened { of: disputed() };
    a_dispute_that_was_won: Email::DisputeClosed { of: disputed(), is_won: true };
    a_dispute_that_was_lost: Email::DisputeClosed {
        of: DisputedPayment { product_name: None, customer_email: None, customer_name: None, order_id: None, ..disputed() },
        is_won: false,
    };
}

#[test]
fn a_sign_in_code() {
    let email = SecretEmail::SignInCode { code: String::from("K7Q2ZD"), expires_at: NOON.add_seconds(1800) };
    let shown = shown(&draft(Content::Secret(email), None));
    assert!(!shown.split_once("\n\n").unwrap().0.contains("K7Q2ZD"), "the code is in a header");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_sign_in_link() {
    let email =
        SecretEmail::SignInLink { token: String::from("polar_ml_abc"), expires_at: NOON.add_seconds(900) };
    insta::assert_snapshot!(shown(&Draft { sender: None, ..draft(Content::Secret(email), None) }));
}

#[test]
fn a_customer_who_is_no_more_is_led_to_the_portal_without_a_session() {
    let email = Email::SubscriptionEnded { product_name: name(), portal: link() };
    let draft = draft(Content::Plain(Box::new(email)), Some(Portal { token: None, shows: None }));
    let message = write(&head(), &draft, NOON);
    assert!(message.text.contains("https://merak.example/fjordsoft/portal\n"), "{}", message.text);
    assert!(!message.html.contains("customer_session_token"));
}

#[test]
fn html_loads_nothing_and_runs_nothing() {
    let email = Email::OrderConfirmation { receipt: receipt(), benefits: benefits(), portal: link() };
    let html = write(&head(), &draft(Content::Plain(Box::new(email)), Some(portal())), NOON).html;
    for forbidden in ["<img", "<script", "src=", "url(", "@import", "<link", "<Pro>", "<plugins>"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    assert!(html.contains("prefers-color-scheme: dark"));
    insta::assert_snapshot!(html.split_once("<body>").unwrap().0);
}

#[test]
fn a_name_that_would_be_a_header_is_one_line() {
    let email = Email::SubscriptionEnded {
        product_name: String::from("Nimbus\r\nBcc: everybody@example.com\r\n\r\nBuy this"),
        portal: link(),
    };
    let mut draft = draft(Content::Plain(Box::new(email)), None);
    draft.sender.as_mut().unwrap().name = String::from("Fjord\r\nX-Evil: 1\n\u{202e}\"Soft\" <a@b.example>");
    let (envelope, bytes) = formatted(&write(&head(), &draft, NOON)).unwrap();
    assert_eq!(envelope.to().len(), 1);
    let text = String::from_utf8(bytes).unwrap();
    let headers = text.split_once("\r\n\r\n").unwrap().0;
    for line in headers.split("\r\n") {
        assert!(!line.starts_with("Bcc:") && !line.starts_with("X-Evil:"), "{headers}");
    }
    assert!(headers.contains("shop@merak.example"), "{headers}");
}
