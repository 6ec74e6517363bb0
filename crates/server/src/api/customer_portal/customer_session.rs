//! Signing in to the portal by a code that comes by mail.

use merak_core::customer_session_codes as codes;
use merak_core::kit::{Email, Id, Kind, Result};
use merak_core::organizations::Organization;
use merak_store::Tx;

use crate::wire::{Accepted, Call, Json, Nothing, Operation, Unit, answer, request};

const NAV: &str = "Private > Customer Portal";

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
            Unit::Write(authenticate),
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

fn authenticate(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, CustomerSessionCodeAuthenticate>,
) -> Result<Json<CustomerSessionCodeAuthenticated>> {
    let token = codes::redeem(tx, &call.house.secret, &call.body.code)?;
    Ok(Json(CustomerSessionCodeAuthenticated { token: token.into_string() }))
}
