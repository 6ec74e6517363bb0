//! Sign-out, and asking for a link to sign in. What the link leads to stands with the pages, because a browser opens it.

use http::{HeaderValue, Method};
use merak_core::kit::{Email, Result};
use merak_core::{login_links, user_sessions};
use merak_store::Tx;

use crate::wire::{Accepted, Call, Nothing, Operation, SeeOther, Unit, request};

const NAV: &str = "Private > Sign-in";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/v1/auth/logout", Unit::Write(logout))
            .named("auth:logout", "Sign Out")
            .about("Ends the session of the browser that asks.")
            .nav(NAV)
            .hidden(),
        Operation::new(Method::POST, "/v1/auth/logout", Unit::Write(logout))
            .named("auth:logout_by_form", "Sign Out")
            .about("Ends the session of the browser that asks.")
            .nav(NAV)
            .hidden(),
        Operation::new(Method::POST, "/v1/magic_link/request", Unit::Write(request_link))
            .named("magic_link:request", "Request Sign-in Link")
            .about("Sends a person a sign-in link by mail. The answer does not tell whether there is such a person.")
            .nav(NAV)
            .scarce()
            .hidden(),
    ]
}

request! {
    /// Who wants to sign in.
    pub struct MagicLinkRequest {
        /// The person's address.
        pub email: Email,
    }
}

fn request_link(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, MagicLinkRequest>) -> Result<Accepted> {
    login_links::request(tx, &call.house.secret, &call.body.email)?;
    Ok(Accepted)
}

fn logout(tx: &mut Tx<'_>, call: &Call) -> Result<SeeOther> {
    if let Some(session) = &call.session {
        user_sessions::end(tx, session)?;
    }
    let location = HeaderValue::from_static("/");
    Ok(SeeOther { location, cookie: Some(call.house.origins.forget_cookie()) })
}
