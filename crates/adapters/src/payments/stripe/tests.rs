//! Tests of what is said to Stripe and of what it answers.
