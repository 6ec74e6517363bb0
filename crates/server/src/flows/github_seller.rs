//! Acts at GitHub as a seller who connected an account.

use merak_adapters::github::Github;
use merak_adapters::rest;
use merak_core::benefits::kinds::github_repository;
use merak_core::connections::{self, Platform, UserAccount};
use merak_core::kit::{Id, Refusal};
use merak_core::users::User;

use super::new_tokens;
use crate::state::House;

/// Why there is no token to act with.
#[derive(Debug)]
pub enum NoToken {
    /// The seller has not connected an account, or a long time ago under another secret.
    NotConnected,
    /// The connection ended.
    Ended(github_repository::Error),
    /// GitHub did not answer, or does not accept this installation.
    Outside(rest::Error),
    /// The store could not.
    Refused(Refusal),
}

/// The access token of a seller's account, renewed if it is over.
pub async fn token(house: &House, github: &Github, user_id: Id<User>) -> Result<String, NoToken> {
    let (account, tokens) = open(house, user_id).await?;
    if !tokens.is_expired {
        return Ok(tokens.access);
    }
    let Some(refresh) = tokens.refresh else {
        return Err(NoToken::Ended(github_repository::Error::Expired));
    };
    let renewed = match github.refresh_of_seller(&refresh).await {
        Ok(renewed) => renewed,
        Err(rest::Error::Refused { .. }) => {
            // Each refresh token is good for once: another request of the same seller may have been faster.
            let (_, latest) = open(house, user_id).await?;
            if !latest.is_expired {
                return Ok(latest.access);
            }
            return Err(NoToken::Ended(github_repository::Error::RefreshRefused));
        }
        // Not about the seller's connection. A wrong secret of ours, say, is not theirs to mend.
        Err(error) => return Err(NoToken::Outside(error)),
    };
    let (secret, tokens) = (house.secret.clone(), new_tokens(renewed.clone()));
    house
        .store
        .write(move |tx| connections::note_refresh_of_user(tx, &secret, &account, &tokens))
        .await
        .map_err(NoToken::Refused)?;
    Ok(renewed.access)
}

async fn open(house: &House, user_id: Id<User>) -> Result<(UserAccount, connections::Tokens), NoToken> {
    let secret = house.secret.clone();
    let opened = house
        .store
        .read(move |tx| {
            let Some(account) = connections::find_of_user(tx, user_id, Platform::Github)? else {
                return Ok(None);
            };
            let tokens = connections::open_tokens(&secret, &account, tx.now());
            Ok(tokens.map(|tokens| (account, tokens)))
        })
        .await
        .map_err(NoToken::Refused)?;
    opened.ok_or(NoToken::NotConnected)
}
