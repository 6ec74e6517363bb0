//! Making the sales of the demo shop, as a buyer's browser, the sandbox and a month would.

use std::time::Duration;

use merak_adapters::payments::sandbox::{self, TOKEN_PREFIX};
use merak_core::checkouts::confirm::Confirm;
use merak_core::checkouts::{ClientUpdate, Means};
use merak_core::clock::advance;
use merak_core::demo;
use merak_core::kit::Id;
use merak_core::organizations::Organization;
use merak_store::Tx;

use super::advance_clock::{self, Courier};
use super::{Error, confirm_checkout};
use crate::state::House;

/// How often it is looked whether the clock has arrived, or the worker has given what was sold, and for how many times.
/// What is not done by then is done behind the open doors.
const LOOK: (Duration, u32) = (Duration::from_millis(20), 500);

/// Makes the sales that were not made yet, if the sandbox plays payments. A sale that is refused is left out: somebody
/// may have changed the shop since it was filled.
pub async fn run(house: &House, id: Id<Organization>) -> Result<(), Error> {
    let processor = house.adapters.payments.name();
    if processor != sandbox::NAME {
        return Ok(());
    }
    let rules = house.billing.clone();
    let begin =
        move |tx: &mut Tx<'_>| demo::begin_sales(tx, id, &Means { taxes: &rules.taxes, geography: None });
    let mut made = 0;
    for sale in house.store.write(begin).await? {
        let confirm = Confirm { token: Some(format!("{TOKEN_PREFIX}{}", sale.card)), ..Confirm::default() };
        match confirm_checkout::run(house, &sale.client_secret, ClientUpdate::default(), confirm).await {
            Ok(()) => made += 1,
            Err(error) => tracing::warn!(%error, "a sale of the demo shop was not made"),
        }
    }
    // A start that was broken off after the sales is made up for: their month is still to go by.
    let clock = house.store.read(move |tx| advance::find(tx, id)).await?;
    if made == 0 && clock.is_some() {
        return Ok(());
    }
    // What was sold is given before the month goes by, so that nothing looks as if it was given a month late.
    until_given(house).await?;
    if let Some(target) = house.store.write(move |tx| demo::end_sales(tx, id)).await? {
        house.store.write(move |tx| advance::advance(tx, id, target, processor)).await?;
        for _ in 0..LOOK.1 {
            advance_clock::go(house, id, Courier::Elsewhere).await?;
            let clock = house.store.read(move |tx| advance::find(tx, id)).await?;
            if clock.is_none_or(|clock| clock.target_at.is_none()) {
                break;
            }
            tokio::time::sleep(LOOK.0).await;
        }
    }
    until_given(house).await
}

/// Waits until the worker has given and taken back what there is.
async fn until_given(house: &House) -> Result<(), Error> {
    for _ in 0..LOOK.1 {
        if !house.store.read(demo::are_grants_due).await? {
            break;
        }
        tokio::time::sleep(LOOK.0).await;
    }
    Ok(())
}
