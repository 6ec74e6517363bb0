//! Answers follow the slug of their field: a job gives those that are stored already the new one.
//!
//! What is sold meanwhile copies answers from a checkout to a subscription and on to orders. The job goes the same way, so
//! it overtakes them all. Several changes in a row are made one after the other, in their order.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp, Tx, row};
use uuid::Uuid;

use super::rules::{self, Answers};
use super::{CustomField, FieldSlug};
use crate::jobs::{self, Job};
use crate::kit::{Id, Result, text_enum};
use crate::organizations::Organization;

/// How many rows the job looks at in one unit of work.
const BATCH: i64 = 200;

text_enum! {
    /// Where answers are stored, in the order in which the job goes.
    pub enum AnswersIn {
        /// In checkouts.
        Checkouts = "checkouts",
        /// In subscriptions.
        Subscriptions = "subscriptions",
        /// In orders.
        Orders = "orders",
    }
}

row! {
    /// A changed slug that stored answers do not all have yet.
    #[derive(Clone, Debug)]
    struct Rename in "custom_field_renames" {
        id: Id<Rename>,
        organization_id: Id<Organization>,
        custom_field_id: Id<CustomField>,
        from_slug: FieldSlug,
        to_slug: FieldSlug,
        place: AnswersIn,
        after_created_at: Option<Timestamp>,
        after_id: Option<Uuid>,
        created_at: Timestamp,
    }
}

/// The statements about answers in one place.
struct Statements {
    any: &'static str,
    first: &'static str,
    next: &'static str,
    update: &'static str,
}

macro_rules! statements {
    ($table:literal) => {
        Statements {
            any: concat!("SELECT id FROM ", $table, " WHERE organization_id = $1 LIMIT 1"),
            first: concat!(
                "SELECT id, created_at, custom_field_data FROM ",
                $table,
                " WHERE organization_id = $1 ORDER BY created_at, id LIMIT $2"
            ),
            next: concat!(
                "SELECT id, created_at, custom_field_data FROM ",
                $table,
                " WHERE organization_id = $1 AND (created_at, id) > ($3, $4) ORDER BY created_at, id LIMIT $2"
            ),
            update: concat!("UPDATE ", $table, " SET custom_field_data = $2 WHERE id = $1"),
        }
    };
}

impl AnswersIn {
    const fn statements(self) -> Statements {
        match self {
            Self::Checkouts => statements!("checkouts"),
            Self::Subscriptions => statements!("subscriptions"),
            Self::Orders => statements!("orders"),
        }
    }

    const fn next(self) -> Option<Self> {
        match self {
            Self::Checkouts => Some(Self::Subscriptions),
            Self::Subscriptions => Some(Self::Orders),
            Self::Orders => None,
        }
    }
}

/// Lets the stored answers to a field, whose slug is changing to this one, follow.
pub(super) fn begin(tx: &mut Tx<'_>, field: &CustomField, to: &FieldSlug) -> Result<()> {
    if field.slug == *to || !has_sold(tx, field.organization_id)? {
        return Ok(());
    }
    let rename = Rename {
        id: Id::new(tx),
        organization_id: field.organization_id,
        custom_field_id: field.id,
        from_slug: field.slug.clone(),
        to_slug: to.clone(),
        place: AnswersIn::Checkouts,
        after_created_at: None,
        after_id: None,
        created_at: tx.now(),
    };
    tx.insert(&rename)?;
    jobs::enqueue(tx, &Job::MoveAnswers { organization_id: field.organization_id })
}

/// Whether stored answers to another field may still have this slug. No field may take it until then: its own answers
/// would be taken for the other's.
pub(super) fn is_being_left(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    slug: &FieldSlug,
    by: Option<Id<CustomField>>,
) -> Result<bool> {
    const SQL: &str =
        "SELECT custom_field_id FROM custom_field_renames WHERE organization_id = $1 AND from_slug = $2";
    let fields = tx.all::<Id<CustomField>>(SQL, &[&organization_id, slug])?;
    Ok(fields.into_iter().any(|field| Some(field) != by))
}

fn has_sold(tx: &mut ReadTx<'_>, id: Id<Organization>) -> Result<bool> {
    for place in AnswersIn::ALL {
        if tx.find::<Uuid>(place.statements().any, &[&id])?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Gives the next stored answers of an organization the slugs that their fields have now. Returns whether any may be
/// left.
pub fn move_batch(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<bool> {
    const OLDEST: &str = concatcp!(
        "SELECT ",
        Rename::COLUMNS,
        " FROM custom_field_renames WHERE organization_id = $1 ORDER BY id LIMIT 1"
    );
    let Some(rename) = tx.find::<Rename>(OLDEST, &[&organization_id])? else { return Ok(false) };
    let statements = rename.place.statements();
    let batch: Vec<(Uuid, Timestamp, Json)> = match (rename.after_created_at, rename.after_id) {
        (Some(created_at), Some(id)) => {
            tx.all(statements.next, &[&organization_id, &BATCH, &created_at, &id])?
        }
        _ => tx.all(statements.first, &[&organization_id, &BATCH])?,
    };
    for (id, _, data) in &batch {
        let answers: Answers = data.parse()?;
        if answers.contains_key(rename.from_slug.as_str()) {
            let renamed = rules::renamed(answers, &rename.from_slug, &rename.to_slug);
            tx.changed_one(statements.update, &[id, &Json::new(&renamed)?])?;
        }
    }
    let is_last = batch.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
    let (place, after) = match batch.last() {
        Some((id, created_at, _)) if !is_last => (Some(rename.place), Some((*created_at, *id))),
        _ => (rename.place.next(), None),
    };
    match place {
        Some(place) => tx.changed_one(
            "UPDATE custom_field_renames SET place = $2, after_created_at = $3, after_id = $4 WHERE id = $1",
            &[&rename.id, &place, &after.map(|(created_at, _)| created_at), &after.map(|(_, id)| id)],
        )?,
        None => tx.changed_one("DELETE FROM custom_field_renames WHERE id = $1", &[&rename.id])?,
    }
    Ok(true)
}
