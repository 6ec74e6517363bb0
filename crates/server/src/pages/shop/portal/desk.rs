//! Who is in the portal: the cookie, and the doors for those who have none.
//!
//! The cookie holds the token of a customer session and is for the portal of one organization. What a form does counts as the
//! customer's only if the browser says that one of our own pages sent it, as everywhere (`wire::cookie`).

use std::sync::Arc;

use askama::Template;
use http::header::{LOCATION, REFERRER_POLICY};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use merak_core::access::{Actor, Subject};
use merak_core::checkouts::Checkout;
use merak_core::customer_sessions::{Live, Vouch};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Id, Refusal, ScopeSet};
use merak_core::organizations::{self, Organization};
use merak_core::{clock, customer_sessions};
use merak_store::Timestamp;
use url::form_urlencoded;

use super::super::{Frame, Framed, Processor, Seller, Shop, answer_with};
use crate::error::status_and_name;
use crate::flows;
use crate::shell::{Response, Try, Visitor};
use crate::state::House;
use crate::wire::cookie::Session;

/// What pages of the portal need.
#[derive(Clone)]
pub struct Rooms {
    pub house: Arc<House>,
    pub shop: Arc<Shop>,
}

/// A request as far as it says who asks.
pub struct Caller<'c> {
    pub slug: &'c str,
    pub method: &'c Method,
    pub headers: &'c HeaderMap,
}

/// A customer at the desk of an organization.
#[derive(Clone)]
pub struct Desk {
    pub organization: Organization,
    pub customer: Customer,
    /// The checkout that has made the customer, if nothing else is known of them.
    pub newcomer_of: Option<Id<Checkout>>,
    /// Whether it is an owner's session; see [`merak_core::customer_sessions`].
    pub is_owner_known: bool,
    /// Where its portal is: `/nimbus/portal`.
    pub base: String,
    /// What the time is by the organization's clock.
    pub now: Timestamp,
}

impl Desk {
    /// The customer as a caller.
    pub fn actor(&self) -> Actor {
        Actor { vouched_by: self.vouch(), ..Actor::new(Subject::Customer(self.customer.id), ScopeSet::EMPTY) }
    }

    /// Who vouches that it is the customer. Pages do not tell links from one another, and any may have been passed on: what the
    /// token of the seller's program is good for, it is by the API.
    pub const fn vouch(&self) -> Vouch {
        if self.is_owner_known { Vouch::Customer } else { Vouch::Nobody }
    }

    /// What the line at the top says of the customer.
    pub fn who(&self) -> String {
        self.customer.email.to_string()
    }
}

#[derive(Template)]
#[template(path = "shop/portal/sentence.html")]
struct SentencePage<'p> {
    frame: Frame<'p>,
    heading: &'p str,
    sentence: &'p str,
    way: Option<(String, &'p str)>,
}

/// Where the portal of an organization is.
pub fn base_of(organization: &Organization) -> String {
    format!("/{}/portal", organization.slug)
}

impl Rooms {
    /// The organization with this slug, or the page that says that there is none.
    pub async fn organization(&self, slug: &str) -> Result<Organization, Response> {
        let slug = slug.to_owned();
        let found = self.house.store.read(move |tx| organizations::find_by_slug(tx, &slug)).await;
        match found {
            Ok(Some(organization)) => Ok(organization),
            Ok(None) => Err(self.nothing(None)),
            Err(refusal) => Err(self.refused(None, &refusal.into())),
        }
    }

    /// As [`enter`](Self::enter), for a form that pays: it spends from the budget of confirmations.
    pub async fn enter_to_pay(&self, caller: Caller<'_>, visitor: &Visitor) -> Result<Desk, Response> {
        let desk = self.enter(caller).await?;
        match visitor.spend_try(Try::Confirmation) {
            Ok(()) => Ok(desk),
            Err(seconds) => Err(too_many(self, &desk.organization, seconds)),
        }
    }

    /// Lets a customer in who has a good cookie. Anybody else is shown where to sign in.
    pub async fn enter(&self, caller: Caller<'_>) -> Result<Desk, Response> {
        let organization = self.organization(caller.slug).await?;
        let base = base_of(&organization);
        let house = &self.house;
        let session = Session::read_of_customer(caller.method, caller.headers, &house.secret, &house.origins);
        let Some(session) = session else { return Err(see_other(&format!("{base}/request"))) };
        let (hash, id) = (session.hash, organization.id);
        let found = house
            .store
            .read(move |tx| {
                let session = customer_sessions::find(tx, &hash)?;
                let session = session.filter(|session| session.customer.organization_id == id);
                let newcomer_of = match &session {
                    Some(session) => customers::newcomer_of(tx, session.customer.id)?,
                    None => None,
                };
                Ok::<_, Refusal>((session, newcomer_of, clock::now(tx, id)?))
            })
            .await;
        let (live, newcomer_of, now) = match found {
            Ok((Some(Live { bound_to: Some(_), .. }), ..)) => return Err(self.bound(&organization)),
            Ok((Some(live), newcomer_of, now)) => (live, newcomer_of, now),
            Ok((None, ..)) => {
                let mut response = see_other(&format!("{base}/request"));
                append(&mut response, house.origins.sign_out((&base, id)));
                return Err(response);
            }
            Err(refusal) => return Err(self.refused(Some(&organization), &refusal.into())),
        };
        if session.is_misused {
            return Err(self.foreign_page(&organization));
        }
        let Live { customer, is_owner_known, .. } = live;
        Ok(Desk { organization, customer, newcomer_of, is_owner_known, base, now })
    }

    /// The frame of a page of an organization.
    pub fn frame(&self, title: &str, organization: &Organization) -> Frame<'_> {
        let title = format!("{title} · {}", organization.name);
        self.shop.frame(title, Some(Seller::of(organization)), None)
    }

    /// That a page of another site sent the form.
    pub fn foreign_page(&self, organization: &Organization) -> Response {
        let sentence =
            "Another website sent this form. Nothing was changed. Please use the forms of this portal.";
        let way = Some((base_of(organization), "To the portal"));
        self.sentence(
            StatusCode::FORBIDDEN,
            Some(organization),
            ("That did not come from here", sentence),
            way,
        )
    }

    /// That whoever asks has only confirmed a checkout, and must show first who they are.
    pub fn bound(&self, organization: &Organization) -> Response {
        let sentence = "Anybody can type an address. To see all that was bought with yours, please sign in by a code that \
                        we send to it by mail.";
        let way = Some((format!("{}/request", base_of(organization)), "Sign in"));
        self.sentence(
            StatusCode::FORBIDDEN,
            Some(organization),
            ("Please show that it is you", sentence),
            way,
        )
    }

    /// That there is no such page.
    pub fn nothing(&self, organization: Option<&Organization>) -> Response {
        let sentence = "There is nothing at this address. The link may be incomplete.";
        let way = organization.map(|organization| (base_of(organization), "To the portal"));
        self.sentence(StatusCode::NOT_FOUND, organization, ("Page not found", sentence), way)
    }

    /// Why something was not done, on a page of its own.
    pub fn refused(&self, organization: Option<&Organization>, error: &flows::Error) -> Response {
        let refused = refusal_of(error);
        if refused.0 == StatusCode::NOT_FOUND {
            return self.nothing(organization);
        }
        let way = organization.map(|organization| (base_of(organization), "To the portal"));
        self.sentence(refused.0, organization, ("That did not work", &refused.1), way)
    }

    /// A page of one sentence.
    pub fn sentence(
        &self,
        status: StatusCode,
        organization: Option<&Organization>,
        (heading, sentence): (&str, &str),
        way: Option<(String, &str)>,
    ) -> Response {
        let frame = match organization {
            Some(organization) => self.frame(heading, organization),
            None => self.shop.frame(heading, None, None),
        };
        sentence_page(frame, status, (heading, sentence), way)
    }
}

/// A page of one sentence.
pub fn sentence_page(
    frame: Frame<'_>,
    status: StatusCode,
    (heading, sentence): (&str, &str),
    way: Option<(String, &str)>,
) -> Response {
    reply(status, &SentencePage { frame, heading, sentence, way })
}

/// A page whose address holds no secret. Browsers tell its forms' origin only to us, and so it can be told from others.
pub fn reply(status: StatusCode, page: &impl Template) -> Response {
    reply_with(status, page, Processor::Own)
}

/// The same for a page with the form of a processor.
pub fn reply_with(status: StatusCode, page: &impl Template, processor: Processor) -> Response {
    let mut response = answer_with(status, page, &Framed::Never, processor);
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Why something was not done: the status, and a sentence for people. What is nobody's business is logged.
pub fn refusal_of(error: &flows::Error) -> (StatusCode, String) {
    match error {
        flows::Error::Refused(refusal) => {
            if let Some(kind) = refusal.kind() {
                let status = StatusCode::from_u16(status_and_name(kind).0).unwrap_or(StatusCode::BAD_REQUEST);
                (status, refusal.sentences())
            } else {
                tracing::error!(%error, "a page could not be made");
                (StatusCode::SERVICE_UNAVAILABLE, String::from("Please try again in a moment."))
            }
        }
        flows::Error::Outside(_) | flows::Error::NotConnected(_) => {
            tracing::warn!(%error, "a service outside did not do its part");
            let sentence =
                "The payment service cannot be reached at the moment. Please look again in a few minutes.";
            (StatusCode::BAD_GATEWAY, String::from(sentence))
        }
    }
}

/// 303 to a path of this server.
pub fn see_other(path: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    // A path that is no header value cannot have come from us.
    headers.insert(LOCATION, HeaderValue::try_from(path).unwrap_or(HeaderValue::from_static("/")));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Adds headers to an answer, beside those of the same name.
pub fn append(response: &mut Response, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) {
    for (name, value) in headers {
        response.headers_mut().append(name, value);
    }
}

/// Too many forms were sent.
pub fn too_many(rooms: &Rooms, organization: &Organization, seconds: u64) -> Response {
    let minutes = seconds.div_ceil(60).max(1);
    let sentence = format!("That was tried too often. Please try again in {minutes} min.");
    let way = Some((format!("{}/request", base_of(organization)), "Back"));
    let heading = "Please wait a little";
    let status = StatusCode::TOO_MANY_REQUESTS;
    let mut response = rooms.sentence(status, Some(organization), (heading, &sentence), way);
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The text of a field of a form or a query; empty if it is missing.
pub fn field(form: &[u8], name: &str) -> String {
    let found = form_urlencoded::parse(form).find(|(found, _)| found == name);
    found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
