//! The customers of a seeded shop, computed from their number, so that it is known how many match a query.

const FIRST: [&str; 20] = [
    "Nora", "Anna", "Joe", "Lukas", "Emma", "Olga", "Peter", "Maria", "Ivan", "Chen", "Yuki", "Fatima",
    "Omar", "Lena", "Tom", "Sara", "Paul", "Inés", "Mark", "Julia",
];

const LAST: [&str; 20] = [
    "Lindqvist",
    "Smith",
    "Müller",
    "Garcia",
    "Rossi",
    "Tanaka",
    "Kowalski",
    "Novak",
    "Jensen",
    "Dubois",
    "Silva",
    "Petrov",
    "Kim",
    "Nguyen",
    "Haddad",
    "Brown",
    "Olsen",
    "Fischer",
    "Moreau",
    "Costa",
];

fn choice(list: &[&'static str; 20], number: u64) -> &'static str {
    list[usize::try_from(number % 20).unwrap_or_default()]
}

/// The address of a customer.
pub fn email(number: u64) -> String {
    let domain = if number.is_multiple_of(3) { "mail.example.org" } else { "example.com" };
    format!("{}.{number:07}@{domain}", choice(&LAST, number / 20).to_lowercase().replace('ü', "ue"))
}

/// What a customer is called; a tenth say nothing, and one in a hundred thousand has a rare name.
pub fn name(number: u64) -> Option<String> {
    match number {
        _ if number % 100_000 == 77 => Some(String::from("Zebulon Quixotic")),
        _ if number % 10 == 3 => None,
        _ => Some(format!("{} {}", choice(&FIRST, number), choice(&LAST, number / 20))),
    }
}

/// How many of so many customers contain a text, in any letter case.
pub fn matching(customers: u64, query: &str) -> u64 {
    let query = query.to_lowercase();
    let matches = |number: &u64| {
        email(*number).contains(&query)
            || name(*number).is_some_and(|name| name.to_lowercase().contains(&query))
    };
    u64::try_from((0..customers).filter(matches).count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{email, matching, name};

    #[test]
    fn people_are_known_by_their_number() {
        assert_eq!(
            (email(40), name(40)),
            (String::from("mueller.0000040@example.com"), Some(String::from("Nora Müller")))
        );
        assert_eq!(name(3), None);
        assert_eq!(matching(1000, "0000040"), 1);
        assert_eq!(matching(1000, "EXAMPLE.ORG"), 334);
        assert_eq!(matching(1000, "quixotic"), 1);
        assert_eq!(matching(1000, "example.net"), 0);
    }
}
