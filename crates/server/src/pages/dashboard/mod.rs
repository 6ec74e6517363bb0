//! `/dashboard/{slug}`: what a seller does by hand. So far: looking at orders, giving money back, and ending what is not
//! paid.
//!
//! Members come in by the cookie of their session. Whoever has none, or is no member, learns nothing: not even whether there
//! is such an organization.

mod order;
mod orders;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use http::{HeaderMap, Method, StatusCode};
use merak_core::access::Tenancy;
use merak_core::kit::Refusal;
use merak_core::organizations::{self, Organization};
use merak_core::{access, user_sessions};

use super::shop::portal::desk::{refusal_of, see_other};
use super::shop::{Frame, Seller, Shop};
use crate::flows;
use crate::shell::Response;
use crate::state::House;
use crate::wire::cookie::Session;

/// How long a form may be, in bytes.
const LONGEST_FORM: usize = 16 * 1024;

/// What the pages need.
#[derive(Clone)]
struct Rooms {
    house: Arc<House>,
    shop: Arc<Shop>,
}

/// A member at work.
#[derive(Clone)]
struct Office {
    organization: Organization,
    tenancy: Tenancy,
    base: String,
}

/// The pages of sellers.
pub fn router(house: Arc<House>, shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/dashboard/{slug}/orders", get(orders::show))
        .route("/dashboard/{slug}/orders/{id}", get(order::show))
        .route("/dashboard/{slug}/orders/{id}/refund", post(order::refund))
        .route("/dashboard/{slug}/orders/{id}/end", post(order::end_subscription))
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .with_state(Rooms { house, shop })
}

impl Rooms {
    /// Lets a member in.
    async fn enter(&self, slug: &str, method: &Method, headers: &HeaderMap) -> Result<Office, Response> {
        let house = &self.house;
        let session = Session::read(method, headers, &house.secret, &house.origins);
        let Some(session) = session else { return Err(self.closed()) };
        let (hash, wanted) = (session.hash, slug.to_owned());
        let found = house
            .store
            .read(move |tx| {
                let actor = user_sessions::authenticate(tx, &hash)?.filter(|actor| !actor.is_blocked);
                let Some(actor) = actor else { return Ok(None) };
                let tenancy = access::tenancy(tx, &actor)?;
                let organization = organizations::find_by_slug(tx, &wanted)?;
                Ok::<_, Refusal>(organization.filter(|organization| tenancy.contains(organization.id)))
            })
            .await;
        let organization = match found {
            Ok(Some(organization)) => organization,
            Ok(None) => return Err(self.closed()),
            Err(refusal) => return Err(self.refused(None, &refusal.into())),
        };
        let base = format!("/dashboard/{}", organization.slug);
        if session.is_misused {
            let sentence = "Another website sent this form. Nothing was changed.";
            let heading = "That did not come from here";
            return Err(self.sentence(
                StatusCode::FORBIDDEN,
                (heading, sentence),
                Some(format!("{base}/orders")),
            ));
        }
        let tenancy = Tenancy::of(organization.id);
        Ok(Office { organization, tenancy, base })
    }

    fn frame(&self, title: &str, organization: &Organization) -> Frame<'_> {
        self.shop.frame(format!("{title} · {}", organization.name), Some(Seller::of(organization)), None)
    }

    /// That one has to be a member.
    fn closed(&self) -> Response {
        let sentence = "Sign in as a member of this organization. Whoever runs this server can make you a link for that.";
        self.sentence(StatusCode::NOT_FOUND, ("Nothing to see here", sentence), None)
    }

    /// Why something was not done, on a page of its own.
    fn refused(&self, office: Option<&Office>, error: &flows::Error) -> Response {
        let (status, sentence) = refusal_of(error);
        let way = office.map(|office| format!("{}/orders", office.base));
        self.sentence(status, ("That did not work", &sentence), way)
    }

    fn sentence(
        &self,
        status: StatusCode,
        (heading, sentence): (&str, &str),
        way: Option<String>,
    ) -> Response {
        let frame = self.shop.frame(heading, None, None);
        super::shop::portal::desk::sentence_page(
            frame,
            status,
            (heading, sentence),
            way.map(|way| (way, "To the orders")),
        )
    }
}

/// 303 to a page of the office.
fn go_on(office: &Office, path: &str) -> Response {
    see_other(&format!("{}{path}", office.base))
}
