//! No tax, for who is not obliged to any or sees to it elsewhere.

use crate::taxes::{Tax, TaxEngine, TaxProblem, TaxQuestion};

/// Says that there is no tax.
#[derive(Clone, Copy, Debug)]
pub struct None;

impl TaxEngine for None {
    fn compute(&self, question: &TaxQuestion<'_>) -> Result<Tax, TaxProblem> {
        Ok(Tax::zero(question.country))
    }
}
