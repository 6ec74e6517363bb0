//! What each mail says that lets nobody in.

use merak_core::emails::{BenefitLine, DisputedPayment, Draft, Email, Found, Money, Receipt, RecurringPrice};
use merak_core::kit::Cents;
use merak_store::Timestamp;
use url::form_urlencoded;

use super::words::{amount, day, invoice_number, money, price};
use super::{Block, Letter, Letterhead};

/// Something bought that has begun.
struct Begun<'a> {
    price: Option<RecurringPrice>,
    receipt: Option<&'a Receipt>,
    trial_ends_at: Option<Timestamp>,
    benefits: &'a [BenefitLine],
}

pub(super) fn letter(head: &Letterhead, draft: &Draft, email: &Email) -> Letter {
    let to_portal = |label: &str| portal_button(head, draft, label);
    match email {
        Email::OrderConfirmation { receipt, benefits, .. } => {
            let mut blocks = vec![Block::Words(format!("Thank you for buying {}.", receipt.product_name))];
            blocks.extend(receipt_blocks(draft, receipt));
            blocks.extend(benefit_blocks("What is included:", benefits));
            blocks.extend(to_portal("View your purchase"));
            Letter { subject: format!("Your order: {}", receipt.product_name), blocks }
        }
        Email::SubscriptionConfirmation { product_name, price, receipt, trial_ends_at, benefits, .. } => {
            let begun =
                Begun { price: *price, receipt: receipt.as_ref(), trial_ends_at: *trial_ends_at, benefits };
            let mut blocks = vec![Block::Words(format!("Thank you for subscribing to {product_name}."))];
            blocks.extend(begun_blocks(draft, &begun));
            blocks.extend(to_portal("View your subscription"));
            Letter { subject: format!("Your subscription to {product_name}"), blocks }
        }
        Email::SubscriptionRenewed { receipt, period_ends_at, .. } => {
            let name = &receipt.product_name;
            let until = day(*period_ends_at);
            let mut blocks =
                vec![Block::Words(format!("Your subscription to {name} is paid until {until}."))];
            blocks.extend(receipt_blocks(draft, receipt));
            blocks.extend(to_portal("View your subscription"));
            Letter { subject: format!("Receipt for {name}"), blocks }
        }
        Email::PaymentFailed { product_name, amount, kept_until, awaits_approval: true, .. } => {
            unapproved(to_portal("Approve your payment"), product_name, *amount, *kept_until)
        }
        Email::PaymentFailed { product_name, amount, next_attempt_at, kept_until, .. } => {
            let mut blocks = failed_blocks(product_name, *amount, *next_attempt_at, *kept_until);
            blocks.extend(to_portal("Update your payment"));
            Letter { subject: format!("Your payment for {product_name} failed"), blocks }
        }
        Email::ChangeNotPaid { product_name, amount, .. } => {
            let mut blocks = unchanged_blocks(product_name, *amount);
            blocks.extend(to_portal("Look at your subscription"));
            Letter { subject: format!("Your change to {product_name} was not made"), blocks }
        }
        Email::Refunded { product_name, number, amount, refunded_at, takes_back, .. } => {
            let mut blocks = refund_blocks(draft, product_name, number.as_deref(), (*amount, *refunded_at));
            if *takes_back {
                blocks.push(Block::Words(String::from("What came with your purchase has been taken back.")));
            }
            blocks.extend(to_portal("View your purchase"));
            Letter { subject: format!("Your refund for {product_name}"), blocks }
        }
        Email::PaymentReturned { product_name, amount, returned_at, .. } => {
            returned(to_portal("View your purchases"), product_name.as_deref(), (*amount, *returned_at))
        }
        Email::SubscriptionCanceled { product_name, ends_at, benefits, .. } => {
            let end = day(*ends_at);
            let mut blocks = vec![Block::Words(format!(
                "Your subscription to {product_name} is canceled and ends on {end}. Nothing more will be charged for it."
            ))];
            blocks.extend(benefit_blocks("Until then you still have:", benefits));
            blocks.extend(to_portal("View your subscription"));
            Letter { subject: format!("Your subscription to {product_name} ends on {end}"), blocks }
        }
        Email::SubscriptionUncanceled { product_name, renews_at, .. } => {
            let renewal = renews_at.map(|at| format!(" It renews on {}.", day(at))).unwrap_or_default();
            let words = format!("Your subscription to {product_name} continues.{renewal}");
            let mut blocks = vec![Block::Words(words)];
            blocks.extend(to_portal("View your subscription"));
            Letter { subject: format!("Your subscription to {product_name} continues"), blocks }
        }
        Email::SubscriptionEnded { product_name, .. } => {
            let mut blocks = vec![Block::Words(format!(
                "Your subscription to {product_name} has ended, and what came with it too. Thank you for having been \
                 with us."
            ))];
            blocks.extend(to_portal("View your purchases"));
            Letter { subject: format!("Your subscription to {product_name} has ended"), blocks }
        }
        Email::BenefitGranted { benefit, product_name, .. } => {
            let words = match product_name {
                Some(name) => format!("Something that comes with {name} is ready for you:"),
                None => String::from("Something is ready for you:"),
            };
            let mut blocks = benefit_blocks(&words, std::slice::from_ref(benefit));
            blocks.extend(to_portal("View your purchases"));
            Letter { subject: format!("Ready for you: {}", benefit.description), blocks }
        }
        Email::LeakedPersonalAccessToken { comment, found } => leak("personal access token", comment, found),
        Email::LeakedOauth2Token { client_name, found } => {
            leak("OAuth2 token", client_name.as_deref().unwrap_or_default(), found)
        }
        Email::NewSale { product_name, amount, customer_email, customer_name } => {
            let who = buyer(customer_name.as_deref(), customer_email);
            let facts = vec![("Product", product_name.clone()), ("Paid", money(*amount)), ("Customer", who)];
            notice(draft, &format!("New sale: {product_name}"), facts)
        }
        Email::NewSubscription { product_name, price: costs, customer_email, customer_name } => {
            let who = buyer(customer_name.as_deref(), customer_email);
            let facts = vec![("Product", product_name.clone()), ("Price", price(*costs)), ("Customer", who)];
            notice(draft, &format!("New subscription: {product_name}"), facts)
        }
        Email::DisputeOpened { of } => dispute(head, draft, None, of),
        Email::DisputeClosed { of, is_won } => dispute(head, draft, Some(*is_won), of),
    }
}

/// What there is to be said of a payment that failed: how much, until when everything stays, and what comes next.
fn failed_blocks(
    product_name: &str,
    amount: Money,
    next_attempt_at: Option<Timestamp>,
    kept_until: Option<Timestamp>,
) -> Vec<Block> {
    let owed = money(amount);
    let failed = format!("The payment of {owed} for your subscription to {product_name} did not go through.");
    let next = match next_attempt_at {
        Some(next) => {
            format!("It is tried again on {}. To keep your access, pay now or use another card.", day(next))
        }
        None => String::from("To keep your access, pay now or use another card."),
    };
    [Some(failed), stays(kept_until), Some(next)].into_iter().flatten().map(Block::Words).collect()
}

/// That the bank lets a payment through only if the customer approves it, and the way to where they do.
fn unapproved(way: Vec<Block>, product_name: &str, owed: Money, kept_until: Option<Timestamp>) -> Letter {
    let asked = format!(
        "Your bank wants you to approve the payment of {} for your subscription to {product_name}. It was not charged.",
        money(owed)
    );
    let next = String::from("To keep your access, approve it now or use another card.");
    let mut blocks: Vec<Block> =
        [Some(asked), stays(kept_until), Some(next)].into_iter().flatten().map(Block::Words).collect();
    blocks.extend(way);
    Letter { subject: format!("Approve your payment for {product_name}"), blocks }
}

/// How long everything stays although nothing was paid.
fn stays(kept_until: Option<Timestamp>) -> Option<String> {
    kept_until.map(|end| format!("You keep everything that comes with it until {}.", day(end)))
}

/// What there is to be said of a change that was not paid.
fn unchanged_blocks(product_name: &str, amount: Money) -> Vec<Block> {
    let failed = format!(
        "Your subscription was to be changed to {product_name}, but the payment of {} did not go through. Nothing was charged, \
         and your subscription stays as it is.",
        money(amount)
    );
    let next = String::from("You can try again with another card.");
    vec![Block::Words(failed), Block::Words(next)]
}

/// That money came too late and went back, and the way to what its sender has.
fn returned(way: Vec<Block>, product_name: Option<&str>, (amount, at): (Money, Timestamp)) -> Letter {
    let given = money(amount);
    let paid = product_name.map(|name| format!(" for {name}")).unwrap_or_default();
    let words = format!(
        "Your payment of {given}{paid} came too late to be used, so nothing was bought with it. It went back to where it came \
         from. Banks take some days to show it."
    );
    let mut blocks = vec![Block::Words(words), Block::Facts(vec![("Refunded", given), ("Date", day(at))])];
    blocks.extend(way);
    Letter { subject: format!("Your payment{paid} went back to you"), blocks }
}

fn begun_blocks(draft: &Draft, begun: &Begun<'_>) -> Vec<Block> {
    let mut facts = vec![("Price", price(begun.price))];
    facts.extend(begun.trial_ends_at.map(|end| ("Free until", day(end))));
    let mut blocks = vec![Block::Facts(facts)];
    blocks.extend(begun.receipt.into_iter().flat_map(|receipt| receipt_blocks(draft, receipt)));
    blocks.extend(benefit_blocks("What is included:", begun.benefits));
    blocks
}

fn refund_blocks(
    draft: &Draft,
    product_name: &str,
    number: Option<&str>,
    (given, at): (Money, Timestamp),
) -> Vec<Block> {
    let given = money(given);
    let words = format!(
        "{given} of what you paid for {product_name} went back to where it came from. Banks take some days to show it."
    );
    let mut facts = vec![("Refunded", given)];
    facts.extend(numbered(draft, number));
    facts.push(("Date", day(at)));
    vec![Block::Words(words), Block::Facts(facts)]
}

fn receipt_blocks(draft: &Draft, receipt: &Receipt) -> Vec<Block> {
    let written = |cents| amount(cents, receipt.currency);
    let less = |cents: Cents| Cents::new(cents.get().saturating_neg());
    let mut amounts: Vec<(String, String)> =
        receipt.lines.iter().map(|line| (line.label.clone(), written(line.amount))).collect();
    if amounts.is_empty() {
        amounts.push((receipt.product_name.clone(), written(receipt.subtotal)));
    }
    if receipt.discount.get() != 0 {
        // Taken off, so with a minus.
        amounts.push((String::from("Discount"), written(less(receipt.discount))));
    }
    if receipt.tax.get() != 0 {
        amounts.push((String::from("Tax"), written(receipt.tax)));
    }
    amounts.push((String::from("Total"), written(receipt.total)));
    if receipt.credit.get() != 0 {
        amounts.push((String::from("Paid with credit"), written(less(receipt.credit))));
        let charged = Cents::new(receipt.total.get().saturating_sub(receipt.credit.get()));
        amounts.push((String::from("Charged"), written(charged)));
    }
    let mut facts: Vec<(&'static str, String)> =
        numbered(draft, receipt.number.as_deref()).into_iter().collect();
    facts.push(("Date", day(receipt.paid_at)));
    vec![Block::Amounts(amounts), Block::Facts(facts)]
}

/// The number of an invoice as the invoice itself has it.
fn numbered(draft: &Draft, number: Option<&str>) -> Option<(&'static str, String)> {
    let number = number?;
    let named = match (&draft.sender, number.parse()) {
        (Some(sender), Ok(count)) => invoice_number(&sender.slug, count),
        _ => number.to_owned(),
    };
    Some(("Invoice", named))
}

fn benefit_blocks(words: &str, benefits: &[BenefitLine]) -> Vec<Block> {
    if benefits.is_empty() {
        return Vec::new();
    }
    vec![Block::Words(words.to_owned()), Block::Benefits(benefits.to_vec())]
}

/// The way to the portal of the organization in whose name the mail is sent.
fn portal_button(head: &Letterhead, draft: &Draft, label: &str) -> Vec<Block> {
    let (Some(portal), Some(organization)) = (&draft.portal, &draft.sender) else { return Vec::new() };
    let mut url = format!("{}/{}/portal", head.public_url, organization.slug);
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(token) = &portal.token {
        query.append_pair("customer_session_token", token.as_str());
    }
    if let Some(id) = portal.shows {
        query.append_pair("id", &id.to_string());
    }
    let query = query.finish();
    if !query.is_empty() {
        url = format!("{url}?{query}");
    }
    let mut blocks = vec![Block::Button { label: label.to_owned(), url }];
    if portal.token.is_some() {
        let sentence = "This link signs you in and works for one hour. Please do not forward this mail.";
        blocks.push(Block::Quiet(sentence.to_owned()));
    }
    blocks
}

fn leak(what: &str, name: &str, found: &Found) -> Letter {
    let named = if name.is_empty() { String::new() } else { format!(" \u{201c}{name}\u{201d}") };
    let mut blocks = vec![Block::Words(format!(
        "Your {what}{named} was found where everybody can read it, and has been ended: it works no more. Whoever has it \
         may have acted as you until now, so look at what was done with it, and make a new one if you need it."
    ))];
    let mut facts = vec![("Reported by", found.notifier.clone())];
    facts.extend(found.url.clone().map(|url| ("Found at", url)));
    blocks.push(Block::Facts(facts));
    Letter { subject: format!("Your {what} was found in public and has been ended"), blocks }
}

fn notice(draft: &Draft, title: &str, facts: Vec<(&'static str, String)>) -> Letter {
    let organization = draft.sender.as_ref().map_or("", |organization| organization.name.as_str());
    Letter { subject: format!("[{organization}] {title}"), blocks: vec![Block::Facts(facts)] }
}

/// What is said of a payment that a bank wants back, once it has decided how it has, and where to look at its order.
fn dispute(head: &Letterhead, draft: &Draft, is_won: Option<bool>, of: &DisputedPayment) -> Letter {
    let (title, sentence) = match is_won {
        None => (
            "Disputed",
            "The bank of a customer wants a payment back. Until the bank has decided, the payment processor holds the money. \
             If the sale was right, show your evidence there soon: without an answer the money goes back to the customer.",
        ),
        Some(true) => ("Dispute won", "The bank has decided for you: the money is yours again."),
        Some(false) => {
            ("Dispute lost", "The bank has decided for the customer: the money has gone back to them.")
        }
    };
    let amount = money(of.amount);
    let mut facts = vec![("Amount", amount.clone())];
    facts.extend(of.product_name.clone().map(|name| ("Product", name)));
    let who = of.customer_email.as_deref().map(|email| buyer(of.customer_name.as_deref(), email));
    facts.extend(who.map(|who| ("Customer", who)));
    let Letter { subject, mut blocks } = notice(draft, &format!("{title}: {amount}"), facts);
    blocks.insert(0, Block::Words(sentence.to_owned()));
    if let (Some(id), Some(organization)) = (of.order_id, &draft.sender) {
        let url = format!("{}/dashboard/{}/orders/{id}", head.public_url, organization.slug);
        blocks.push(Block::Button { label: String::from("Look at the order"), url });
    }
    Letter { subject, blocks }
}

fn buyer(name: Option<&str>, email: &str) -> String {
    match name {
        Some(name) => format!("{name} ({email})"),
        None => email.to_owned(),
    }
}
