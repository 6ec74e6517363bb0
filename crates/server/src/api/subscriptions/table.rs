//! The table of subscribers, as CSV after RFC 4180.

use merak_core::kit::Cents;
use merak_core::subscriptions::Subscriber;
use merak_store::Timestamp;

/// The first line.
pub const HEADER: &str = "Email,Created At,Active,Product,Price,Currency,Interval\r\n";

/// Adds the line of a subscriber.
pub fn push(table: &mut String, subscriber: &Subscriber) {
    let currency = subscriber.currency.map_or("", |currency| currency.as_str());
    let cells = [
        subscriber.email.as_str(),
        &instant(subscriber.created_at),
        if subscriber.is_active { "true" } else { "false" },
        &subscriber.product,
        &subscriber.amount.map_or_else(String::new, price),
        currency,
        subscriber.interval.as_str(),
    ];
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            table.push(',');
        }
        push_cell(table, cell);
    }
    table.push_str("\r\n");
}

/// Buyers choose their addresses. A spreadsheet runs what begins like a formula; behind an apostrophe it is a text.
fn push_cell(table: &mut String, cell: &str) {
    let harmless;
    let cell = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        harmless = format!("'{cell}");
        &harmless
    } else {
        cell
    };
    if !cell.contains([',', '"', '\r', '\n']) {
        table.push_str(cell);
        return;
    }
    table.push('"');
    table.push_str(&cell.replace('"', "\"\""));
    table.push('"');
}

/// As clients know it: with the offset in numbers.
fn instant(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix('Z').map_or_else(|| text.clone(), |at| format!("{at}+00:00"))
}

/// In the large unit, with at least one place after the point.
fn price(amount: Cents) -> String {
    let (whole, rest) = (amount.get() / 100, (amount.get() % 100).abs());
    if rest % 10 == 0 { format!("{whole}.{}", rest / 10) } else { format!("{whole}.{rest:02}") }
}

#[cfg(test)]
mod tests {
    use merak_core::kit::Currency;
    use merak_core::products::RecurringInterval;

    use super::*;

    fn line(email: &str, product: &str, amount: Option<i64>) -> String {
        let mut table = String::new();
        push(
            &mut table,
            &Subscriber {
                email: email.to_owned(),
                created_at: Timestamp::from_seconds(1_736_244_000),
                is_active: true,
                product: product.to_owned(),
                amount: amount.map(Cents::new),
                currency: amount.map(|_| Currency::Usd),
                interval: RecurringInterval::Month,
            },
        );
        table
    }

    #[test]
    fn a_price_is_in_the_large_unit_with_a_place_after_the_point() {
        for (cents, text) in
            [(1000, "10.0"), (999, "9.99"), (1050, "10.5"), (1005, "10.05"), (0, "0.0"), (50, "0.5")]
        {
            assert_eq!(price(Cents::new(cents)), text);
        }
    }

    #[test]
    fn what_would_break_the_line_is_quoted() {
        assert_eq!(
            line("ada@example.com", "Pro, \"yearly\"", Some(1000)),
            "ada@example.com,2025-01-07T10:00:00.000000+00:00,true,\"Pro, \"\"yearly\"\"\",10.0,usd,month\r\n"
        );
        assert_eq!(
            line("=cmd()@evil.test", "-1+1,\r", None),
            "'=cmd()@evil.test,2025-01-07T10:00:00.000000+00:00,true,\"'-1+1,\r\",,,month\r\n"
        );
        assert_eq!(
            line("a@b.c", "Free", None),
            "a@b.c,2025-01-07T10:00:00.000000+00:00,true,Free,,,month\r\n"
        );
    }
}
