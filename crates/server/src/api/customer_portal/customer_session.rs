//! Signing in to the portal by a code that comes by mail.

use merak_core::customer_session_codes::{self as codes, Redeemed};
use merak_core::kit::{Email, Id, Kind, Refusal, Result};
use merak_core::organizations::Organization;
use merak_store::Tx;

use crate::error::Failure;
use crate::wire::{Accepted, Call, Finishing, Flow, Json, Nothing, Operation, Unit, answer, request};

const NAV: &str = "Private > Customer Portal";

/// When to come back after too many wrong codes, in seconds.
const PAUSE: u64 = 60;

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            http::Method::POST,
            "/v1/customer-portal/customer-session/request",
            Unit::Write(request),
        )
        .named("customer_portal:customer_session:request", "Request Sign-in Code")
        .about("Sends a customer a code by mail. The answer does not tell whether there is such a customer.")
        .nav(NAV)
        .scarce()
        .hidden(),
        Operation::new(
            http::Method::POST,
            "/v1/customer-portal/customer-session/authenticate",
            Unit::flow(authenticate),
        )
        .named("customer_portal:customer_session:authenticate", "Sign In by Code")
        .about("Opens a session of the customer who got this code by mail. A code works once.")
        .nav(NAV)
        .refuses(&[Kind::SessionCodeInvalid])
        .scarce()
        .hidden(),
    ]
}

request! {
    /// Who wants to sign in where.
    pub struct CustomerSessionCodeRequest {
        /// The customer's address.
        pub email: Email,
        /// Whose customer they are.
        pub organization_id: Id<Organization>,
    }

    /// A code that came by mail.
    pub struct CustomerSessionCodeAuthenticate {
        /// The code, in capitals or small letters.
        pub code: String,
    }
}

answer! {
    /// A session that was opened.
    pub struct CustomerSessionCodeAuthenticated {
        /// The token, shown only here.
        pub token: String,
    }
}

fn request(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, CustomerSessionCodeRequest>) -> Result<Accepted> {
    codes::request(tx, &call.house.secret, call.body.organization_id, &call.body.email)?;
    Ok(Accepted)
}

/// In two steps, because a wrong code is written down.
async fn authenticate(
    flow: Flow<Nothing, Nothing, CustomerSessionCodeAuthenticate>,
) -> Finishing<Json<CustomerSessionCodeAuthenticated>> {
    let redeemed =
        flow.write(|tx, call| codes::redeem_alone(tx, &call.house.secret, &call.body.code)).await?;
    let token = match redeemed {
        Redeemed::In(token) => token.into_string(),
        Redeemed::Wrong => return Err(Refusal::from(codes::Error::Invalid).into()),
        Redeemed::TooMany => return Err(Failure::TooManyRequests(PAUSE)),
    };
    flow.finish(move |_, _| Ok(Json(CustomerSessionCodeAuthenticated { token: token.clone() }))).await
}
