//! Brings another service into line with a grant: takes back what the grant gave and no longer gives, then gives what
//! it entitles to. Each step is written down by a unit of its own before the next begins.

use merak_adapters::discord::{self, Discord, Joined, RolePlace};
use merak_adapters::github::{Collaborator, Github, RepositoryPlace};
use merak_adapters::rest;
use merak_core::benefits::grants::BenefitGrant;
use merak_core::benefits::grants::accesses::{self, Access, Gift};
use merak_core::connections::{self, CustomerAccount, Platform};
use merak_core::jobs::{self, Claimed, Outcome, Reason};
use merak_core::kit::Id;

use super::{Error, new_tokens};
use crate::state::House;

const NOT_INSTALLED: &str = "The app is not installed on the repository.";
const OTHER_OWNER: &str = "The repository has another owner now, or its owner another name: name it in the benefit as it is called today.";

/// What came of asking a service.
enum Asked {
    /// It did so.
    Done,
    /// It will not until the customer does something about it, for this reason.
    Waits(&'static str),
    /// It will not until the seller does something about it, for this reason.
    Refused(Reason),
}

pub(super) async fn run(house: &House, claimed: &Claimed, id: Id<BenefitGrant>) -> Result<(), Error> {
    let errand = house.store.write(move |tx| accesses::plan(tx, id)).await?;
    // What cannot be taken back must not keep a buyer from what was bought; it is tried again with the job.
    let mut stuck = None;
    let mut outcome = Outcome::Done;
    for access in errand.withdraw {
        match withdraw(house, &access).await {
            Ok(()) => house.store.write(move |tx| accesses::withdrawn(tx, &access)).await?,
            Err(Failed::Outside(error)) if error.is_retriable() => {
                return postpone(house, claimed, access.platform, &error).await;
            }
            Err(Failed::Outside(error)) => stuck = Some((access.platform, error)),
            Err(Failed::Inside(error)) => return Err(error),
        }
    }
    if let Some(Gift { access, account }) = errand.give {
        match give(house, &access, account).await {
            Ok(Asked::Done) => house.store.write(move |tx| accesses::given(tx, &access)).await?,
            Ok(Asked::Waits(reason)) => {
                tracing::info!(grant = %id, platform = %access.platform, reason, "a grant waits");
                house.store.write(move |tx| accesses::refused(tx, &access)).await?;
            }
            Ok(Asked::Refused(reason)) => {
                tracing::warn!(grant = %id, platform = %access.platform, reason.noted, "a grant was refused");
                house.store.write(move |tx| accesses::refused(tx, &access)).await?;
                outcome = Outcome::Refused(reason);
            }
            Err(Failed::Outside(error)) => return postpone(house, claimed, access.platform, &error).await,
            Err(Failed::Inside(error)) => return Err(error),
        }
    }
    if let Some((platform, error)) = stuck {
        let Outcome::Refused(reason) = outcome else {
            return postpone(house, claimed, platform, &error).await;
        };
        // To give it would be refused again with every attempt to take the other back.
        outcome = Outcome::Refused(reason.and(&reason_of(&error)));
    }
    let claimed = claimed.clone();
    Ok(house.store.write(move |tx| jobs::settle(tx, &claimed, &outcome)).await?)
}

/// Why a service did not do what it was asked for.
enum Failed {
    Outside(rest::Error),
    Inside(Error),
}

impl From<rest::Error> for Failed {
    fn from(error: rest::Error) -> Self {
        Self::Outside(error)
    }
}

impl From<merak_core::kit::Refusal> for Failed {
    fn from(refusal: merak_core::kit::Refusal) -> Self {
        Self::Inside(refusal.into())
    }
}

/// Leaves the service alone for as long as it asks, or for longer each time.
async fn postpone(
    house: &House,
    claimed: &Claimed,
    platform: Platform,
    error: &rest::Error,
) -> Result<(), Error> {
    let reason = reason_of(error);
    let outcome = match error {
        rest::Error::RateLimited { after, .. } => {
            Outcome::Postponed(reason, i64::try_from(after.as_secs()).unwrap_or(i64::MAX))
        }
        _ => Outcome::FailedOutside(reason, platform.pause_after(claimed.failure())),
    };
    tracing::warn!(kind = claimed.job.kind(), %error, "job postponed");
    let claimed = claimed.clone();
    Ok(house.store.write(move |tx| jobs::settle(tx, &claimed, &outcome)).await?)
}

fn reason_of(error: &rest::Error) -> Reason {
    Reason::from(error.to_string()).told(error.told())
}

async fn withdraw(house: &House, access: &Access) -> Result<(), Failed> {
    match access.platform {
        Platform::Discord => match discord_of(house)?.remove_role(&role(access)).await {
            // Who left the server, and what is no longer there, has nothing to lose.
            Err(error) if discord::is_gone(&error) => Ok(()),
            other => Ok(other?),
        },
        Platform::Github => withdraw_repository(github_of(house)?, access).await,
    }
}

async fn withdraw_repository(github: &Github, access: &Access) -> Result<(), Failed> {
    let place = repository(access);
    let Some(cover) = github.installation_of(&place).await? else {
        // The repository is gone, or its owner took it away from the app: nobody here can do anything about it.
        return Ok(());
    };
    let token = github.token_for(&cover, &place).await?;
    if let Some(invitation) = github.invitation_of(&token, &place, &access.account_id).await? {
        return Ok(github.delete_invitation(&token, &place, invitation.id).await?);
    }
    match github.name_of(&token, &access.account_id).await? {
        Some(username) => Ok(github.remove_collaborator(&token, &place, &username).await?),
        None => Ok(()),
    }
}

async fn give(house: &House, access: &Access, account: CustomerAccount) -> Result<Asked, Failed> {
    let result = match access.platform {
        Platform::Discord => give_role(house, access, account).await,
        Platform::Github => give_repository(github_of(house)?, access).await,
    };
    match result {
        Err(Failed::Outside(error)) if discord::is_of_account(&error) => {
            Ok(Asked::Waits("the account has to be connected again"))
        }
        // The same call would be refused again.
        Err(Failed::Outside(error @ rest::Error::Refused { .. })) => Ok(Asked::Refused(reason_of(&error))),
        other => other,
    }
}

async fn give_role(house: &House, access: &Access, account: CustomerAccount) -> Result<Asked, Failed> {
    let discord = discord_of(house)?;
    let Some(token) = usable_token(house, discord, account).await? else {
        return Ok(Asked::Waits("the account has to be connected again"));
    };
    if discord.add_member(&role(access), &token).await? == Joined::Before {
        discord.add_role(&role(access)).await?;
    }
    Ok(Asked::Done)
}

/// The access token of a connected account, renewed if it is over; none if that cannot be.
async fn usable_token(
    house: &House,
    discord: &Discord,
    account: CustomerAccount,
) -> Result<Option<String>, Failed> {
    let (secret, sealed) = (house.secret.clone(), account.clone());
    let opened = house.store.read(move |tx| {
        Ok::<_, merak_core::kit::Refusal>(connections::open_tokens(&secret, &sealed, tx.now()))
    });
    let Some(tokens) = opened.await? else { return Ok(None) };
    if !tokens.is_expired {
        return Ok(Some(tokens.access));
    }
    let Some(refresh) = tokens.refresh else { return Ok(None) };
    let renewed = match discord.refresh(&refresh).await {
        Ok(renewed) => renewed,
        // Only this is about the account. A wrong secret of ours, say, is not the customer's to mend.
        Err(rest::Error::Refused { status: 400, .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (secret, tokens) = (house.secret.clone(), new_tokens(renewed.clone()));
    house
        .store
        .write(move |tx| connections::note_refresh_of_customer(tx, &secret, &account, &tokens))
        .await?;
    Ok(Some(renewed.access))
}

async fn give_repository(github: &Github, access: &Access) -> Result<Asked, Failed> {
    let place = repository(access);
    let Some(cover) = github.installation_of(&place).await? else {
        return Ok(Asked::Refused(Reason::from(NOT_INSTALLED).told(NOT_INSTALLED)));
    };
    // Under another name it is the same repository, but another owner never said that it may be sold here.
    if !cover.installation.account.login.eq_ignore_ascii_case(place.owner) {
        return Ok(Asked::Refused(Reason::from(OTHER_OWNER).told(OTHER_OWNER)));
    }
    let token = github.token_for(&cover, &place).await?;
    let Some(username) = github.name_of(&token, &access.account_id).await? else {
        return Ok(Asked::Waits("the account is no more"));
    };
    let permission = access.permission.as_deref().unwrap_or_default();
    if let Some(invitation) = github.invitation_of(&token, &place, &access.account_id).await? {
        if invitation.permission == permission {
            return Ok(Asked::Done);
        }
        // GitHub does not change what an invitation is for.
        github.delete_invitation(&token, &place, invitation.id).await?;
    }
    github.add_collaborator(&token, &place, &Collaborator { username: &username, permission }).await?;
    Ok(Asked::Done)
}

fn role(access: &Access) -> RolePlace<'_> {
    RolePlace { guild_id: &access.container, role_id: &access.target, account_id: &access.account_id }
}

fn repository(access: &Access) -> RepositoryPlace<'_> {
    RepositoryPlace { owner: &access.container, name: &access.target }
}

fn discord_of(house: &House) -> Result<&Discord, Failed> {
    house.adapters.discord.as_ref().ok_or_else(|| Failed::Inside(Error::NotConnected("Discord")))
}

fn github_of(house: &House) -> Result<&Github, Failed> {
    house.adapters.github.as_ref().ok_or_else(|| Failed::Inside(Error::NotConnected("GitHub")))
}
