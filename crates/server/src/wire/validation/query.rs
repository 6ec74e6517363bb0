//! The query string as an object.

use std::borrow::Cow;

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::shape::Shape;

/// Reads a query string into an object for [`Shape::check_parameters`].
///
/// A member that takes a list collects all its values; of any other the last value wins.
/// Parameters that the shape does not know are ignored. A parameter without a value has the empty
/// text as its value, which is not the same as being absent. Bytes that are not UTF-8 are replaced.
pub fn query_object(query: &str, shape: &Shape) -> Value {
    let mut object = Map::new();
    for (name, text) in form_urlencoded::parse(query.as_bytes()) {
        let Some(takes_list) = shape.takes_list(&name) else { continue };
        let value = Value::String(Cow::into_owned(text));
        match object.get_mut(&*name) {
            Some(Value::Array(values)) => values.push(value),
            Some(earlier) => *earlier = value,
            None if takes_list => {
                object.insert(name.into_owned(), Value::Array(vec![value]));
            }
            None => {
                object.insert(name.into_owned(), value);
            }
        }
    }
    Value::Object(object)
}
