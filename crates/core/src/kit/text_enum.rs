//! Closed sets of words: one macro gives an enum its spelling on the wire and in the store.

/// A word that is not in the set it was read for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {set}")]
pub struct UnknownText {
    /// The name of the enum.
    pub set: &'static str,
    /// What was read.
    pub text: String,
}

/// Declares an enum whose variants are words.
///
/// ```text
/// text_enum! {
///     /// What a shop says about a license key.
///     #[derive(Default)]
///     pub enum Status {
///         /// It validates.
///         #[default]
///         Granted = "granted",
///     }
/// }
/// ```
///
/// The enum is `Copy`, compares and sorts in the order of its declaration, and has `ALL`, `TEXTS`,
/// `as_str()`, `Display`, `FromStr`, serde as text, and a text column in the store. Only derives that are
/// not in this list may be added.
macro_rules! text_enum {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name {
            $( $(#[$variant_meta])* $variant ),+
        }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The spelling of every value, in the same order.
            pub const TEXTS: &'static [&'static str] = &[$( $text ),+];

            /// The spelling on the wire and in the store.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $text ),+
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::kit::UnknownText;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                match text {
                    $( $text => Ok(Self::$variant), )+
                    _ => Err($crate::kit::UnknownText { set: stringify!($name), text: text.to_owned() }),
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let text = ::std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(::serde::de::Error::custom)
            }
        }

        impl ::merak_store::Param for $name {
            fn value(&self) -> ::merak_store::Value<'_> {
                ::merak_store::Value::Text(::std::borrow::Cow::Borrowed(self.as_str()))
            }
        }

        impl ::merak_store::Column for $name {
            fn read(cell: ::merak_store::Cell<'_>) -> ::merak_store::Result<Self> {
                cell.text()?.parse().map_err($crate::kit::text_enum::undecodable)
            }
        }
    };
}
pub(crate) use text_enum;

/// The store's error for a stored value that this program does not understand.
pub(crate) fn undecodable(why: impl std::fmt::Display) -> merak_store::Error {
    merak_store::Error::Decode(why.to_string())
}

#[cfg(test)]
mod tests {
    text_enum! {
        /// A test set.
        #[derive(Default)]
        enum Colour {
            /// Red.
            Red = "red",
            /// The default.
            #[default]
            SkyBlue = "sky_blue",
        }
    }

    #[test]
    fn each_word_is_read_back_as_its_value() {
        assert_eq!(Colour::ALL, [Colour::Red, Colour::SkyBlue]);
        assert_eq!(Colour::TEXTS, ["red", "sky_blue"]);
        for colour in Colour::ALL {
            assert_eq!(colour.as_str().parse::<Colour>().unwrap(), *colour);
            let json = serde_json::to_string(colour).unwrap();
            assert_eq!(json, format!("\"{colour}\""));
            assert_eq!(serde_json::from_str::<Colour>(&json).unwrap(), *colour);
        }
        assert_eq!(Colour::default(), Colour::SkyBlue);
        assert!(Colour::Red < Colour::SkyBlue);
    }

    #[test]
    fn a_word_outside_the_set_names_the_set() {
        let error = "Red".parse::<Colour>().unwrap_err();
        assert_eq!(error.to_string(), "\"Red\" is not a Colour");
        assert!(serde_json::from_str::<Colour>("\"\"").is_err());
        assert!(serde_json::from_str::<Colour>("1").is_err());
    }
}
