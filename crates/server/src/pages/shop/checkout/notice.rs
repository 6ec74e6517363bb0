//! Pages for whoever followed a link that leads to no checkout.

use askama::Template;
use http::StatusCode;
use merak_core::kit::FieldProblem;

use super::super::{Frame, Framed, Shop, answer};
use crate::shell::Response;

#[derive(Template)]
#[template(path = "shop/checkout/notice.html")]
struct Page<'p> {
    frame: Frame<'p>,
    heading: &'p str,
    sentence: &'p str,
}

/// There is no such checkout, or its time was up.
pub fn gone(shop: &Shop) -> Response {
    let heading = "This checkout is no longer available";
    let sentence = "Nothing was ordered and you were not charged. Go back to the shop and start again.";
    let page = Page { frame: shop.frame(heading, None, None), heading, sentence };
    answer(StatusCode::NOT_FOUND, &page, &Framed::Never)
}

/// What is wrong with what a link was to sell, as the text of a page.
pub fn not_sold(problems: &[FieldProblem]) -> String {
    let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_ref()).collect();
    of_link("This cannot be bought right now", &said.join(" "))
}

/// There is no such link any more, or never was, as the text of a page.
pub fn leads_nowhere() -> String {
    of_link("There is nothing to buy here", "This link is incomplete, or its seller has withdrawn it.")
}

fn of_link(heading: &str, reason: &str) -> String {
    let sentence = format!(
        "{reason} Nothing was ordered and you were not charged. Please ask whoever gave you this link."
    );
    let shop = Shop::new();
    let page = Page { frame: shop.frame(heading, None, None), heading, sentence: &sentence };
    page.render().expect("a template that only reads its own fields renders into a String")
}
