//! The keys, customers and ids of a seeded shop, computed from their number, so that the generator needs no list of them.

/// Spreads a number over 64 bits (the finalizer of `SplitMix64`).
fn spread(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// A small generator of numbers for choosing keys; speed matters, secrecy does not.
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same row of numbers.
    pub fn new(seed: u64) -> Self {
        Self(spread(seed))
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        spread(self.0) % limit
    }
}

/// What stands before every key's random part.
const PREFIX: &str = "BENCH-";

/// The length of a key: prefix and a hyphenated UUID.
pub const KEY_BYTES: usize = PREFIX.len() + 36;

/// The text of the key with this number.
pub fn key(number: u64) -> [u8; KEY_BYTES] {
    let mut text = [0; KEY_BYTES];
    text[..PREFIX.len()].copy_from_slice(PREFIX.as_bytes());
    let random = [spread(number ^ 0x6B65_7900_0000_0000), spread(number ^ 0x6B65_7A00_0000_0000)];
    hyphenate(&mut text[PREFIX.len()..], version(random, 4), b"0123456789ABCDEF");
    text
}

/// A version 7 id: ascending with the number, one millisecond apart, as ids made over time are.
pub fn id(kind: Kind, number: u64) -> String {
    let random = spread(number ^ kind.salt());
    let millis = START_MS + number;
    let halves = [(millis << 16) | (random & 0x0FFF), spread(random)];
    let mut text = [0; 36];
    hyphenate(&mut text, version(halves, 7), b"0123456789abcdef");
    text.iter().map(|&byte| char::from(byte)).collect()
}

/// When the seeded shop made its first key: 2025-01-07T10:00:00Z.
pub const START_MS: u64 = 1_736_244_000_000;

/// What an id is of.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A customer.
    Customer,
    /// A grant of the benefit.
    Grant,
    /// A license key.
    LicenseKey,
    /// The order a grant belongs to.
    Order,
    /// A product.
    Product,
    /// A price of a product.
    Price,
    /// A discount.
    Discount,
    /// A custom field.
    CustomField,
    /// A file.
    File,
    /// A checkout link.
    CheckoutLink,
    /// A benefit.
    Benefit,
    /// A subscription.
    Subscription,
    /// A saved means of payment.
    Method,
}

impl Kind {
    /// Keeps the random parts of the kinds apart.
    const fn salt(self) -> u64 {
        match self {
            Self::Customer => 0x6375_0000_0000_0000,
            Self::Grant => 0x6772_0000_0000_0000,
            Self::LicenseKey => 0x6C6B_0000_0000_0000,
            Self::Order => 0x6F72_0000_0000_0000,
            Self::Product => 0x7072_0000_0000_0000,
            Self::Price => 0x7063_0000_0000_0000,
            Self::Discount => 0x6469_0000_0000_0000,
            Self::CustomField => 0x6366_0000_0000_0000,
            Self::File => 0x6669_0000_0000_0000,
            Self::CheckoutLink => 0x636C_0000_0000_0000,
            Self::Benefit => 0x6265_0000_0000_0000,
            Self::Subscription => 0x7375_0000_0000_0000,
            Self::Method => 0x6D65_0000_0000_0000,
        }
    }
}

/// Sets the version and the variant of a UUID.
fn version([high, low]: [u64; 2], version: u64) -> [u64; 2] {
    [(high & !0xF000) | (version << 12), (low & !(0b11 << 62)) | (0b10 << 62)]
}

/// Writes 36 bytes: hexadecimal digits and four hyphens.
fn hyphenate(text: &mut [u8], [high, low]: [u64; 2], digits: &[u8; 16]) {
    let mut position = 0;
    for half in [high, low] {
        for byte in half.to_be_bytes() {
            if matches!(position, 8 | 13 | 18 | 23) {
                text[position] = b'-';
                position += 1;
            }
            text[position] = digits[usize::from(byte >> 4)];
            text[position + 1] = digits[usize::from(byte & 0xF)];
            position += 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, id, key};

    #[test]
    fn a_key_is_a_prefix_and_a_version_4_uuid() {
        let text = String::from_utf8(key(7).to_vec()).unwrap();
        let uuid = text.strip_prefix("BENCH-").unwrap();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!("89AB".contains(&uuid[19..20]));
        assert_ne!(key(7), key(8));
    }

    #[test]
    fn ids_ascend() {
        assert!(id(Kind::LicenseKey, 1) < id(Kind::LicenseKey, 2));
        assert_eq!(&id(Kind::Customer, 0)[14..15], "7");
        assert_eq!(&id(Kind::Customer, 0)[..13], "01944034-f500");
    }
}
