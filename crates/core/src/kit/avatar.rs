//! How a person is shown who never gave us a picture.

use sha2::{Digest, Sha256};

use super::hex::push_hex;

/// The picture that belongs to an e-mail address, by the public service that the contract names.
pub fn gravatar_url(email: &str) -> String {
    const BEFORE: &str = "https://www.gravatar.com/avatar/";
    const AFTER: &str = "?d=blank";
    let hash = Sha256::digest(email.to_lowercase());
    let mut url = String::with_capacity(BEFORE.len() + 2 * hash.len() + AFTER.len());
    url.push_str(BEFORE);
    push_hex(&mut url, &hash);
    url.push_str(AFTER);
    url
}

/// What strangers may see of a name: its first character, or that of the e-mail address.
pub fn public_name(name: Option<&str>, email: &str) -> String {
    let first = |text: &str| text.chars().next();
    name.and_then(first).or_else(|| first(email)).map(String::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_that_of_the_address_in_lower_case() {
        let url = "https://www.gravatar.com/avatar/1db8391dcb7e098a489e472884c8bd73d0bad3c98ae3ee8e57c9108ac155b791?d=blank";
        assert_eq!(gravatar_url("nora.lind@fjordsoft.example"), url);
        assert_eq!(gravatar_url("Nora.Lind@Fjordsoft.example"), url);
    }

    #[test]
    fn a_public_name_is_one_character() {
        assert_eq!(public_name(Some("Élodie"), "x@example.com"), "É");
        assert_eq!(public_name(None, "x@example.com"), "x");
        assert_eq!(public_name(Some(""), "x@example.com"), "x");
    }
}
