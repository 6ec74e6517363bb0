//! Customer sessions: create.

use merak_core::access::{self, MERCHANTS};
use merak_core::customer_sessions;
use merak_core::kit::{Id, Refusal, Result, Scope, at};
use merak_core::{customers, organizations};
use merak_store::{Timestamp, Tx};

use super::shared::Customer;
use crate::wire::{Call, Created, Nothing, Operation, answer, request};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/v1/customer-sessions/", create)
            .named("customer-sessions:create", "Create Customer Session")
            .about(
                "Opens a session of an hour in the customer portal. Its token is shown only here; it goes into \
                 `Authorization: Bearer` of portal calls.",
            )
            .nav("Featured Endpoints > Customer-Sessions")
            .admits(MERCHANTS, &[Scope::CustomerSessionsWrite]),
    ]
}

request! {
    /// A session to open.
    pub struct CustomerSessionCreate {
        /// Whom it is for.
        pub customer_id: Id<customers::Customer>,
    }
}

answer! {
    /// A session that was opened.
    pub struct CustomerSession {
        /// When the session was made.
        pub created_at: Timestamp,
        /// Always null: sessions do not change.
        pub modified_at: Option<Timestamp>,
        /// The session's id.
        pub id: Id<customer_sessions::CustomerSession>,
        /// The token, shown only here.
        pub token: String,
        /// When the session ends.
        pub expires_at: Timestamp,
        /// Where the customer can look after their purchases, signed in.
        pub customer_portal_url: String,
        /// Whom the session is for.
        pub customer_id: Id<customers::Customer>,
        /// The customer.
        pub customer: Customer,
    }
}

fn create(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, CustomerSessionCreate>,
) -> Result<Created<CustomerSession>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let customer_id = call.body.customer_id;
    let customer = customers::find(tx, customer_id)?
        .filter(|customer| tenancy.contains(customer.organization_id))
        .ok_or_else(|| {
            let place = at("body").field("customer_id");
            Refusal::invalid(place.value_error("Customer does not exist.", customer_id.to_string()))
        })?;
    let organization = organizations::get(tx, &tenancy, customer.organization_id)?;
    let (session, token) = customer_sessions::create(tx, &call.house.secret, customer_id)?;
    let token = token.into_string();
    Ok(Created(CustomerSession {
        created_at: session.created_at,
        modified_at: None,
        id: session.id,
        customer_portal_url: format!(
            "{}/{}/portal?customer_session_token={token}",
            call.house.public_url, organization.slug
        ),
        token,
        expires_at: session.expires_at,
        customer_id,
        customer: customer.into(),
    }))
}
