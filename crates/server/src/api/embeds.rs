//! Cards of products, to be shown on other people's pages.

use http::HeaderValue;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use merak_core::access::SubjectKind;
use merak_core::kit::{Id, Kind, Refusal, Result};
use merak_core::organizations::{self, Organization};
use merak_core::products::{self, Price, Product, PublicProduct};
use merak_store::ReadTx;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::shared::file::ProductMediaFileRead;
use super::shared::{BenefitBase, ById, ProductPrice};
use crate::wire::{Answer, Call, Components, Described, Operation, Reply, answer, request};

const ANYBODY: &[SubjectKind] = &[SubjectKind::Anonymous, SubjectKind::Organization, SubjectKind::User];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/embed/product/{id}", product)
            .named("embeds:get_product", "Get Product Card")
            .about("Shows what a product's card on another page needs. Who has it already is told so.")
            .nav("Private > Embeds")
            .admits(ANYBODY, &[])
            .refuses(&[Kind::NotFound])
            .signed()
            .hidden(),
    ]
}

request! {
    /// Which price the card shows.
    pub struct CardQuery {
        /// One of the product's current prices; another one means the first.
        pub price_id: Option<Id<Price>>,
    }
}

answer! {
    /// A product's card.
    pub struct ProductEmbed {
        /// The product's id.
        pub id: Id<Product>,
        /// What it is called.
        pub name: String,
        /// What buyers read about it.
        pub description: Option<String>,
        /// Whether all its current prices are recurring.
        pub is_recurring: bool,
        /// Who sells it.
        pub organization_id: Id<Organization>,
        /// How much it costs.
        pub price: ProductPrice,
        /// Its first picture.
        pub cover: Option<ProductMediaFileRead>,
        /// What comes with it, in the seller's order.
        pub benefits: Vec<BenefitBase>,
        /// Another text as soon as anything of the card is another.
        pub etag: String,
    }
}

/// A card, or that the caller has it already.
struct Card {
    embed: ProductEmbed,
    is_known: bool,
}

impl Answer for Card {
    const STATUS: u16 = 200;

    fn body_schema(components: &mut Components) -> Option<Value> {
        Some(ProductEmbed::schema(components))
    }

    fn reply(&self) -> std::result::Result<Reply, serde_json::Error> {
        let mut reply = if self.is_known {
            Reply::new(304, Vec::new())
        } else {
            Reply::new(Self::STATUS, serde_json::to_vec(&self.embed)?)
        };
        let quoted = HeaderValue::try_from(format!("\"{}\"", self.embed.etag));
        reply.headers.extend(quoted.ok().map(|etag| (ETAG, etag)));
        reply.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-cache")));
        Ok(reply)
    }
}

fn product(tx: &mut ReadTx<'_>, call: &Call<ById, CardQuery>) -> Result<Card> {
    let found = products::find(tx, call.path.id.cast())?.filter(|product| !product.is_archived);
    let product = found.ok_or_else(Refusal::not_found)?;
    let seller = organizations::find(tx, product.organization_id)?;
    if seller.is_none_or(|seller| seller.blocked_at.is_some()) {
        return Err(Refusal::not_found());
    }
    let public = products::public(tx, vec![product])?.pop().ok_or_else(Refusal::not_found)?;
    let PublicProduct { product, prices, benefits, medias } = public;
    let named = prices.iter().find(|price| Some(price.id) == call.query.price_id).or(prices.first());
    let mut embed = ProductEmbed {
        id: product.id,
        name: product.name,
        description: product.description,
        is_recurring: product.is_recurring,
        organization_id: product.organization_id,
        price: named.cloned().ok_or_else(Refusal::not_found)?.into(),
        cover: medias.first().map(|media| ProductMediaFileRead::new(media, &call.house)),
        benefits: benefits.into_iter().map(Into::into).collect(),
        etag: String::new(),
    };
    let text = merak_store::Json::new(&embed)?;
    let digest = Sha256::digest(text.as_str());
    embed.etag = digest.iter().fold(String::new(), |etag, byte| format!("{etag}{byte:02x}"));
    let header = call.signed.as_ref().and_then(|signed| signed.headers.get(IF_NONE_MATCH)?.to_str().ok());
    let known = header
        .unwrap_or_default()
        .split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'));
    let is_known = known.into_iter().any(|tag| tag == embed.etag);
    Ok(Card { embed, is_known })
}
