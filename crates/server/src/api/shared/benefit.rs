//! Benefits as everybody may see them.

use merak_core::benefits::{self, BenefitType};
use merak_core::kit::Id;
use merak_store::Timestamp;

use crate::wire::answer;

answer! {
    /// What a purchase gives, without its settings.
    pub struct BenefitBase {
        /// When the benefit was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The benefit's id.
        pub id: Id<benefits::Benefit>,
        /// Its kind.
        pub r#type: BenefitType,
        /// What buyers read.
        pub description: String,
        /// Whether it can be put on products.
        pub selectable: bool,
        /// Whether it can be deleted.
        pub deletable: bool,
        /// Who gives it.
        pub organization_id: Id<merak_core::organizations::Organization>,
    }
}

impl From<benefits::Benefit> for BenefitBase {
    fn from(benefit: benefits::Benefit) -> Self {
        Self {
            created_at: benefit.created_at,
            modified_at: benefit.modified_at,
            id: benefit.id,
            r#type: benefit.r#type,
            description: benefit.description,
            selectable: benefit.selectable,
            deletable: benefit.deletable,
            organization_id: benefit.organization_id,
        }
    }
}
