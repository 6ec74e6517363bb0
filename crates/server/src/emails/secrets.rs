//! What the mails say that let their reader in.

use merak_core::emails::{Draft, SecretEmail};
use merak_store::Timestamp;

use super::words::minutes;
use super::{Block, Letter, Letterhead};

pub(super) fn secret_letter(head: &Letterhead, draft: &Draft, email: &SecretEmail, now: Timestamp) -> Letter {
    let left = minutes(now, email.expires_at());
    match email {
        SecretEmail::SignInCode { code, .. } => {
            let (name, slug) = match &draft.sender {
                Some(organization) => (organization.name.as_str(), organization.slug.as_str()),
                None => (head.from.name.as_str(), ""),
            };
            let blocks = vec![
                Block::Words(format!("Sign in to your purchases at {name} with this code:")),
                Block::Code(code.clone()),
                Block::Button {
                    label: String::from("Enter the code"),
                    url: format!("{}/{slug}/portal/authenticate", head.public_url),
                },
                quiet(&format!("The code works once, for {left}.")),
            ];
            // No code in the subject: it is shown on locked screens.
            Letter { subject: format!("Your sign-in code for {name}"), blocks }
        }
        SecretEmail::SignInLink { token, .. } => {
            let name = &head.from.name;
            let blocks = vec![
                Block::Words(format!("This link signs you in to {name}:")),
                Block::Button {
                    label: String::from("Sign in"),
                    url: format!("{}{}?token={token}", head.public_url, crate::pages::LOGIN_BY_MAIL),
                },
                quiet(&format!("The link works once, for {left}.")),
            ];
            Letter { subject: format!("Sign in to {name}"), blocks }
        }
    }
}

fn quiet(sentence: &str) -> Block {
    Block::Quiet(format!("{sentence} If you did not ask for it, you need not do anything."))
}
