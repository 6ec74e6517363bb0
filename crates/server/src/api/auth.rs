//! Sign-out. How people sign in stands with the pages, because a link is opened by a browser.

use http::{HeaderValue, Method};
use merak_core::kit::Result;
use merak_core::user_sessions;
use merak_store::Tx;

use crate::wire::{Call, Operation, SeeOther, Unit};

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
    ]
}

fn logout(tx: &mut Tx<'_>, call: &Call) -> Result<SeeOther> {
    if let Some(session) = &call.session {
        user_sessions::end(tx, session)?;
    }
    let location = HeaderValue::from_static("/");
    Ok(SeeOther { location, cookie: Some(call.house.origins.forget_cookie()) })
}
