//! What tests of every crate share: a fresh database each, on either engine.

mod database;
mod hold;

#[doc(hidden)]
pub use database::run;
pub use database::{TestDatabase, database, migrated};
pub use hold::{Hold, hold};

/// Makes two tests of each function, one for each engine: `name::sqlite` and `name::postgres`.
///
/// The function takes the [`TestDatabase`] that was made for it, and may be `async`. A first line
/// `setup = function;` hands it what `function(engine)` returns instead.
///
/// ```ignore
/// both_engines! {
///     async fn a_unit_that_refuses_leaves_no_trace(database: TestDatabase) {
///         let store = database.open();
///     }
/// }
/// ```
#[macro_export]
macro_rules! both_engines {
    (setup = $setup:path; $($rest:tt)*) => {
        $crate::both_engines!(@tests $setup; $($rest)*);
    };
    (@tests $setup:path; ) => {};
    (@tests $setup:path; $(#[$meta:meta])* async fn $name:ident($argument:ident : $type:ty) $body:block $($rest:tt)*) => {
        $(#[$meta])*
        fn $name(engine: $crate::Engine) {
            let $argument: $type = $setup(engine);
            $crate::run(async move $body);
        }
        $crate::both_engines!(@pair $name);
        $crate::both_engines!(@tests $setup; $($rest)*);
    };
    (@tests $setup:path; $(#[$meta:meta])* fn $name:ident($argument:ident : $type:ty) $body:block $($rest:tt)*) => {
        $(#[$meta])*
        fn $name(engine: $crate::Engine) {
            let $argument: $type = $setup(engine);
            $body
        }
        $crate::both_engines!(@pair $name);
        $crate::both_engines!(@tests $setup; $($rest)*);
    };
    (@pair $name:ident) => {
        mod $name {
            #[test]
            fn sqlite() {
                super::$name($crate::Engine::Sqlite);
            }

            #[test]
            fn postgres() {
                super::$name($crate::Engine::Postgres);
            }
        }
    };
    ($($rest:tt)*) => {
        $crate::both_engines!(@tests $crate::database; $($rest)*);
    };
}

pub use merak_store::Engine;
