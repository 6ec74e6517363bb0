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
    let heading = "This checkout is not open any more";
    let sentence =
        "Nothing was ordered and nothing is to be paid. Go back to where you came from and begin again.";
    let page = Page { frame: shop.frame(heading, None, None), heading, sentence };
    answer(StatusCode::NOT_FOUND, &page, &Framed::Never)
}

/// What is wrong with what a link was to sell, as the text of a page.
pub fn not_sold(problems: &[FieldProblem]) -> String {
    let heading = "This cannot be bought at the moment";
    let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_ref()).collect();
    let sentence = format!(
        "{} Nothing was ordered and nothing is to be paid. Please ask whoever gave you this link.",
        said.join(" ")
    );
    let shop = Shop::new();
    let page = Page { frame: shop.frame(heading, None, None), heading, sentence: &sentence };
    page.render().expect("a template that only reads its own fields renders into a String")
}
