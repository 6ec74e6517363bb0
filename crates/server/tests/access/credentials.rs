//! Tokens that must not do.

use merak_core::access::{self, Wanted};
use merak_core::customer_sessions;

use crate::support::{Client, Shop, everything};

/// A namespace for what follows.
pub struct Credentials;

impl Credentials {
    /// Callers whose token is unknown, ended or revoked, or belongs to somebody who was deleted.
    pub async fn no_good(shop: &Shop) -> Vec<(&'static str, Client)> {
        let none = &shop.anonymous;
        vec![
            ("an unknown token", none.bearer("nope")),
            ("an empty token", none.with("authorization", "Bearer ")),
            ("a token of other letters than ASCII", none.with("authorization", "Bearer p\u{e4}ss")),
            ("an expired personal token", ended(shop, Some(-1)).await),
            ("a token that ends now", ended(shop, Some(0)).await),
            ("a revoked personal token", revoked(shop).await),
            ("a token of a deleted user", of_deleted_user(shop).await),
            ("an expired token of an organization", of_organization(shop, -31, false).await),
            ("a revoked token of an organization", of_organization(shop, 3600, true).await),
            ("a token of a deleted organization", of_deleted_organization(shop).await),
            ("an expired session", expired_session(shop).await),
            ("a session of a deleted customer", of_deleted_customer(shop).await),
        ]
    }
}

async fn ended(shop: &Shop, expires_in: Option<i64>) -> Client {
    let (secret, id) = (shop.secret.clone(), shop.member.id);
    let wanted = Wanted { scopes: everything(), expires_in, comment: "test" };
    let made = shop.write(move |tx| access::create_personal_access_token(tx, &secret, id, &wanted)).await;
    shop.anonymous.bearer(made.unwrap().token.as_str())
}

async fn revoked(shop: &Shop) -> Client {
    let (secret, id) = (shop.secret.clone(), shop.member.id);
    let wanted = Wanted { scopes: everything(), expires_in: None, comment: "test" };
    let made = shop.write(move |tx| {
        let made = access::create_personal_access_token(tx, &secret, id, &wanted)?;
        access::revoke_token(tx, made.id.uuid())?;
        Ok(made)
    });
    shop.anonymous.bearer(made.await.unwrap().token.as_str())
}

async fn of_deleted_user(shop: &Shop) -> Client {
    let user = shop.user("gone@example.com").await;
    let client = shop.user_client(user.id, everything()).await;
    let now = merak_store::Source::now(&*shop.source);
    shop.sql("UPDATE users SET deleted_at = $2 WHERE id = $1", vec![Box::new(user.id), Box::new(now)]).await;
    client
}

async fn of_organization(shop: &Shop, expires_in: i64, is_revoked: bool) -> Client {
    let (secret, id) = (shop.secret.clone(), shop.organization.id);
    let wanted = Wanted { scopes: everything(), expires_in: Some(expires_in), comment: "test" };
    let made = shop.write(move |tx| {
        let made = access::create_organization_token(tx, &secret, id, &wanted)?;
        if is_revoked {
            access::revoke_token(tx, made.id.uuid())?;
        }
        Ok(made)
    });
    shop.anonymous.bearer(made.await.unwrap().token.as_str())
}

async fn of_deleted_organization(shop: &Shop) -> Client {
    let id = shop.tenant().await.organization.id;
    let client = shop.organization_client(id, everything()).await;
    let now = merak_store::Source::now(&*shop.source);
    shop.sql("UPDATE organizations SET deleted_at = $2 WHERE id = $1", vec![Box::new(id), Box::new(now)])
        .await;
    client
}

async fn expired_session(shop: &Shop) -> Client {
    let customer = shop.customer().await;
    let secret = shop.secret.clone();
    let (session, token) =
        shop.write(move |tx| customer_sessions::create(tx, &secret, customer.id)).await.unwrap();
    let now = merak_store::Source::now(&*shop.source);
    shop.sql(
        "UPDATE customer_sessions SET expires_at = $2 WHERE id = $1",
        vec![Box::new(session.id), Box::new(now)],
    )
    .await;
    shop.anonymous.bearer(token.as_str())
}

async fn of_deleted_customer(shop: &Shop) -> Client {
    let customer = shop.customer().await;
    let client = shop.buyer(customer.id).await;
    let now = merak_store::Source::now(&*shop.source);
    // The command ends sessions too; here the customer alone is gone.
    shop.sql(
        "UPDATE customers SET deleted_at = $2 WHERE id = $1",
        vec![Box::new(customer.id), Box::new(now)],
    )
    .await;
    client
}
