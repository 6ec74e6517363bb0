//! `/checkout/{client_secret}/confirmation`: what came of a checkout.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use http::{HeaderMap, Method, StatusCode, Uri};
use merak_adapters::payments::sandbox::AUTHENTICATE;
use merak_core::access::{self, Actor, Subject};
use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::{self, GrantSort, ListGrantsOfBuyer};
use merak_core::benefits::kinds::license_keys::key_of;
use merak_core::billing::payments;
use merak_core::checkouts::{self, Checkout, CheckoutStatus, PublicCheckout};
use merak_core::downloadables::{self, ListDownloadablesOfBuyer};
use merak_core::files::rules::size_readable;
use merak_core::kit::{Id, InstanceSecret, Page as Piece, Refusal, Result, Sort};
use merak_core::license_keys;
use merak_store::ReadTx;
use serde_json::Value;
use url::{Origin, Url, form_urlencoded};

use super::super::{Frame, Framed, Processor, Seller, answer_with, stripe};
use super::around::{Around, see_other};
use super::known::Browser;
use super::{CHECKOUT, Rooms, confirmation_path, origin};
use crate::flows::pay_in_portal::{self, Approval};
use crate::shell::Response;
use crate::state::House;
use crate::wire::cookie::customer_token;

/// How many keys and files are shown; the portal has all.
const SHOWN: u32 = 20;

/// How often the page comes back by itself, without a script, for keys that are not there yet.
const MOST_TRIES: u32 = 10;

/// The page.
#[derive(Template)]
#[template(path = "shop/checkout/confirmation.html")]
struct Page<'p> {
    frame: Frame<'p>,
    stage: Stage,
    product: String,
    email: String,
    bought: Bought,
    /// The buyer's portal.
    portal: String,
    /// Whether the link to the portal signs in.
    is_signed_in: bool,
    /// Where the page comes back to by itself.
    again: String,
    /// Where it lies without the token.
    events: String,
    /// Where the buyer goes then, for the page around this one.
    success_url: String,
    embed_origin: Option<String>,
    is_embedded: bool,
}

/// How far it has come.
enum Stage {
    /// The payment is on its way.
    Waiting,
    /// The sandbox's bank wants to hear from the buyer, on this page.
    Bank(String),
    /// The buyer's bank wants to hear from them, by the processor's script.
    Stripe { publishable_key: String, client_secret: String },
    /// It is bought.
    Bought,
    /// It is bought, and the seller has a page for that: the address, and whose it is.
    Leaving { url: String, host: String },
    /// The payment failed for good.
    Failed,
}

/// What the buyer has now.
#[derive(Default)]
struct Bought {
    /// What comes with it.
    benefits: Vec<String>,
    keys: Vec<String>,
    downloads: Vec<Download>,
    /// Whether something is still being made.
    is_pending: bool,
    /// Whether the token was one of the buyer's.
    is_own: bool,
    /// Whether it opens the whole portal.
    is_signed_in: bool,
}

struct Download {
    name: String,
    size: String,
    url: String,
}

/// The page, or the way to the form if it is still open.
pub async fn show(
    State(rooms): State<Rooms>,
    Path(client_secret): Path<String>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let mut around = Around::of_query(uri.query().unwrap_or_default());
    if around.customer_session_token.is_none() {
        around.customer_session_token = customer_token(&headers).map(str::to_owned);
    }
    let (house, secret, token) =
        (Arc::clone(&rooms.house), client_secret.clone(), around.customer_session_token.clone());
    let found = rooms.house.store.read(move |tx| {
        let checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let public = checkouts::public(tx, checkout)?;
        let bought = bought(tx, &house, &public, token.as_deref())?;
        Ok::<_, Refusal>((public, bought))
    });
    let (public, bought) = match found.await {
        Ok(found) => found,
        Err(refusal) => return rooms.refused(refusal),
    };
    let checkout = &public.complete.checkout;
    if checkout.require_open().is_ok() {
        return see_other(&format!("{CHECKOUT}{client_secret}{}", around.query()));
    }
    // The token may be lost, or its hour over. Who has signed in is asked by their bank all the same.
    let browser = Browser { method: &method, headers: &headers, around: &around };
    let is_owner = match rooms.known(browser, &public).await {
        Ok(known) => known.and_then(|known| known.owner()).is_some_and(|id| public.customer_id == Some(id)),
        Err(refusal) => return rooms.refused(refusal),
    };
    let stage = stage(&rooms, checkout, &around, bought.is_own || is_owner).await;
    page(&rooms, &public, bought, &around, stage)
}

fn page(rooms: &Rooms, public: &PublicCheckout, bought: Bought, around: &Around, stage: Stage) -> Response {
    let checkout = &public.complete.checkout;
    let seller = Seller::of(&public.organization);
    let title = match &stage {
        Stage::Waiting | Stage::Bank(_) | Stage::Stripe { .. } => "Processing your payment",
        Stage::Bought | Stage::Leaving { .. } => "Thank you",
        Stage::Failed => "The payment failed",
    };
    let title = format!("{title} · {}", seller.name);
    let framed = Framed::by_origin(checkout.embed_origin.as_deref());
    let is_stripe = matches!(stage, Stage::Stripe { .. });
    // Who is not known yet signs in by mail, which their address is typed in for.
    let portal = format!("/{}/portal", public.organization.slug);
    let token = around.customer_session_token.as_deref().filter(|_| bought.is_signed_in);
    let email = checkout.customer_email.as_ref().map(ToString::to_string).unwrap_or_default();
    let portal = match token {
        None if bought.is_own => format!("{portal}/request?{}", pair("email", &email)),
        token => with_token(&portal, token),
    };
    let internal = rooms.house.confirmation_url(&checkout.client_secret);
    let page = Page {
        frame: rooms.shop.frame(title, Some(seller), around.theme.as_deref()),
        product: public.complete.product.public.product.name.clone(),
        email,
        portal,
        is_signed_in: token.is_some(),
        again: again(checkout, around, &stage, bought.is_pending),
        events: format!("/v1/checkouts/custom/client/{}/stream", checkout.client_secret),
        success_url: with_token(
            &checkouts::success_url(checkout).unwrap_or(internal),
            around.customer_session_token.as_deref().filter(|_| is_for_embedder(checkout)),
        ),
        embed_origin: origin(&framed),
        is_embedded: around.is_embedded,
        bought,
        stage,
    };
    let processor = if is_stripe { Processor::Stripe } else { Processor::Own };
    answer_with(StatusCode::OK, &page, &framed, processor)
}

/// Where the page comes back to by itself, if that is of use.
fn again(checkout: &Checkout, around: &Around, stage: &Stage, is_pending: bool) -> String {
    let tries = match stage {
        Stage::Waiting => 0,
        Stage::Bought if is_pending && around.tries < MOST_TRIES => around.tries + 1,
        Stage::Bought | Stage::Bank(_) | Stage::Stripe { .. } | Stage::Leaving { .. } | Stage::Failed => {
            return String::new();
        }
    };
    confirmation_path(&checkout.client_secret, &Around { tries, ..around.clone() })
}

async fn stage(rooms: &Rooms, checkout: &Checkout, around: &Around, is_own: bool) -> Stage {
    match checkout.status {
        CheckoutStatus::Succeeded => leaving(checkout, around).unwrap_or(Stage::Bought),
        CheckoutStatus::Failed => Stage::Failed,
        CheckoutStatus::Open | CheckoutStatus::Confirmed | CheckoutStatus::Expired => {
            action(rooms, checkout, is_own).await.unwrap_or(Stage::Waiting)
        }
    }
}

/// The seller's own page, if there is one.
fn leaving(checkout: &Checkout, around: &Around) -> Option<Stage> {
    let url = checkouts::success_url(checkout)?;
    let host = Url::parse(&url).ok()?.host_str()?.to_owned();
    let token = around.customer_session_token.as_deref().filter(|_| is_for_sellers_page(checkout));
    Some(Stage::Leaving { url: with_token(&url, token), host })
}

/// Whether the page where the buyer goes then may act for them: it does if the seller has named it. Anybody can begin a
/// checkout by the operation of before, and say where it leads.
fn is_for_sellers_page(checkout: &Checkout) -> bool {
    !checkout.is_legacy
}

/// Whether the page around this one may act for the buyer: the seller has named it, or it is at the origin where the
/// seller wants the buyer to go then. Any page can show a checkout link in a frame.
fn is_for_embedder(checkout: &Checkout) -> bool {
    let origin = |url: &str| Url::parse(url).ok().map(|url| url.origin()).filter(Origin::is_tuple);
    let goes_to = checkout.success_url.as_ref().and_then(|url| origin(url.as_str()));
    let is_there = goes_to.is_some() && goes_to == checkout.embed_origin.as_deref().and_then(origin);
    is_for_sellers_page(checkout) && (checkout.is_embedder_known || is_there)
}

/// What the buyer's bank wants, if it wants something. About a card that was saved before it asks its owner alone.
async fn action(rooms: &Rooms, checkout: &Checkout, is_own: bool) -> Option<Stage> {
    let metadata: Value = checkout.payment_processor_metadata.parse().ok()?;
    if metadata.get("intent_status")? != "requires_action" {
        return None;
    }
    let Some(client_secret) = metadata.get("intent_client_secret")?.as_str().map(str::to_owned) else {
        return if is_own { asks_owner(rooms, checkout.id).await } else { None };
    };
    let processor = &rooms.house.adapters.payments;
    let Some(sandbox) = Arc::clone(processor).as_sandbox() else {
        let publishable_key = stripe::publishable_key(&**processor)?;
        return Some(Stage::Stripe { publishable_key, client_secret });
    };
    // Who has answered already is not asked again, even if the answer has not arrived here yet.
    let asked = sandbox.find_action(&client_secret).await.ok().flatten()?;
    asked.is_open.then(|| Stage::Bank(format!("{AUTHENTICATE}{client_secret}")))
}

/// What the bank of a saved card wants of its owner.
async fn asks_owner(rooms: &Rooms, id: Id<Checkout>) -> Option<Stage> {
    let last = rooms.house.store.read(move |tx| payments::last_of_checkout(tx, id)).await.ok()??;
    match pay_in_portal::approval(&rooms.house, &last).await.ok()?? {
        Approval::Here(path) => Some(Stage::Bank(path)),
        Approval::Stripe { publishable_key, client_secret, .. } => {
            Some(Stage::Stripe { publishable_key, client_secret })
        }
    }
}

/// What the buyer has, as far as the token shows that it is they who ask.
fn bought(
    tx: &mut ReadTx<'_>,
    house: &House,
    public: &PublicCheckout,
    token: Option<&str>,
) -> Result<Bought> {
    let checkout = &public.complete.checkout;
    let benefits = &public.complete.product.public.benefits;
    let mut bought = Bought {
        benefits: benefits.iter().map(|benefit| benefit.description.clone()).collect(),
        ..Bought::default()
    };
    let Some(actor) = buyer(tx, &house.secret, public, token)? else { return Ok(bought) };
    bought.is_own = true;
    bought.is_signed_in = matches!(actor.subject, Subject::Customer(_));
    if checkout.status != CheckoutStatus::Succeeded {
        return Ok(bought);
    }
    let of = |wanted: BenefitType| {
        let ids = benefits.iter().filter(move |benefit| benefit.r#type == wanted).map(|benefit| benefit.id);
        ids.collect::<Vec<_>>()
    };
    let organization_ids = vec![checkout.organization_id];
    let keyed = of(BenefitType::LicenseKeys).len();
    if keyed > 0 {
        let wanted = ListGrantsOfBuyer {
            types: vec![BenefitType::LicenseKeys],
            benefit_ids: Vec::new(),
            organization_ids: organization_ids.clone(),
            checkout_ids: vec![checkout.id.uuid()],
            order_ids: Vec::new(),
            subscription_ids: Vec::new(),
            sorting: vec![Sort { by: GrantSort::GrantedAt, descending: false }],
            page: Piece::new(1, SHOWN),
        };
        let grants = grants::list_of_buyer(tx, &actor, &wanted)?.items;
        let ids: Vec<_> =
            grants.iter().filter_map(|(grant, ..)| key_of(grant).transpose()).collect::<Result<_>>()?;
        let mut texts = license_keys::texts_of(tx, &ids)?;
        bought.keys = ids.iter().filter_map(|id| texts.remove(id)).collect();
        bought.is_pending = bought.keys.len() < keyed.min(SHOWN as usize);
    }
    let benefit_ids = of(BenefitType::Downloadables);
    if !benefit_ids.is_empty() {
        let page = Piece::new(1, SHOWN);
        let wanted = ListDownloadablesOfBuyer { organization_ids, benefit_ids, page };
        let ends = tx.now().add_seconds(downloadables::token::LIFETIME);
        let files = downloadables::list_of_buyer(tx, &actor, &wanted)?.items;
        let files = files.into_iter().map(|(downloadable, file)| {
            let token = downloadables::token::sign(&house.secret, downloadable.id, ends);
            let url = format!("{}/v1/customer-portal/downloadables/{token}", house.public_url);
            Download { name: file.name, size: size_readable(file.size).replace(".0 B", " B"), url }
        });
        bought.downloads = files.collect();
        bought.is_pending |= bought.downloads.is_empty();
    }
    Ok(bought)
}

/// The customer of the checkout, or who has confirmed it, if the token is one of theirs.
fn buyer(
    tx: &mut ReadTx<'_>,
    secret: &InstanceSecret,
    public: &PublicCheckout,
    token: Option<&str>,
) -> Result<Option<Actor>> {
    let (Some(token), Some(customer_id)) = (token, public.customer_id) else { return Ok(None) };
    let checkout = &public.complete.checkout;
    let actor = access::authenticate(tx, &secret.hash(token), true)?;
    let own = [Subject::Customer(customer_id), Subject::Purchase { customer_id, checkout_id: checkout.id }];
    Ok(actor.filter(|actor| own.contains(&actor.subject)))
}

/// The address with the buyer's token in its query, before whatever stands behind a `#`.
fn with_token(url: &str, token: Option<&str>) -> String {
    let Some(token) = token else { return url.to_owned() };
    let pair = pair("customer_session_token", token);
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, rest)| (url, Some(rest)));
    let mark = if url.contains('?') { '&' } else { '?' };
    match fragment {
        Some(fragment) => format!("{url}{mark}{pair}#{fragment}"),
        None => format!("{url}{mark}{pair}"),
    }
}

/// A name and its value as a query has them.
fn pair(name: &str, value: &str) -> String {
    form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_into_the_query() {
        for (url, with) in [
            ("https://x.test/ok", "https://x.test/ok?customer_session_token=t%26"),
            ("https://x.test/ok?a=1", "https://x.test/ok?a=1&customer_session_token=t%26"),
            ("https://x.test/#/done?a", "https://x.test/?customer_session_token=t%26#/done?a"),
        ] {
            assert_eq!(with_token(url, Some("t&")), with);
            assert_eq!(with_token(url, None), url);
        }
    }
}
