//! An invoice as somebody reads it: its text is taken out of the PDF again. How it looks, `tests/pages/house.test.js`
//! finds out, which leaves a picture of a page in `target/screenshots`.

use merak_documents::{Fact, Invoice, Line, Party, Sum};

fn invoice(lines: usize) -> Invoice {
    let line = |at: usize| Line {
        description: format!("Nimbus Pro, seat {at}"),
        note: Some("7 Jan 2025 – 7 Feb 2025".into()),
        amount: "$19.00".into(),
    };
    let sum =
        |name: &str, amount: &str, is_strong| Sum { name: name.into(), amount: amount.into(), is_strong };
    Invoice {
        title: "Invoice".into(),
        facts: vec![
            Fact { name: "Invoice number".into(), value: "NIMBUS-000017".into() },
            Fact { name: "Date".into(), value: "7 January 2025".into() },
        ],
        seller: Party { name: "Nimbus Software".into(), lines: vec!["billing@nimbus.example".into()] },
        buyer: Party {
            name: "Zoë Łukasiewicz".into(),
            lines: vec!["ул. Ленина 4".into(), "10115 Berlin".into(), "Germany".into(), "DE136695976".into()],
        },
        lines: (1..=lines).map(line).collect(),
        sums: vec![
            sum("Subtotal", "$19.00", false),
            sum("VAT 19 % (DE)", "$3.61", false),
            sum("Total", "$22.61", true),
        ],
        notes: vec!["Paid on 7 January 2025 with Visa ending in 4242.".into()],
        foot: "Nimbus Software".into(),
    }
}

fn pages(invoice: &Invoice) -> Vec<String> {
    let bytes = invoice.to_pdf().unwrap();
    pdf_extract::extract_text_from_mem_by_pages(&bytes).unwrap()
}

#[test]
fn everything_on_it_can_be_read() {
    let pages = pages(&invoice(1));
    assert_eq!(pages.len(), 1);
    for words in [
        "Invoice",
        "NIMBUS-000017",
        "7 January 2025",
        "Nimbus Software",
        "billing@nimbus.example",
        "Zoë Łukasiewicz",
        "ул. Ленина 4",
        "10115 Berlin",
        "DE136695976",
        "Nimbus Pro, seat 1",
        "7 Jan 2025 – 7 Feb 2025",
        "$19.00",
        "VAT 19 % (DE)",
        "$3.61",
        "Total",
        "$22.61",
        "ending in 4242",
        "1 / 1",
    ] {
        assert!(pages[0].contains(words), "{words} is not in\n{}", pages[0]);
    }
}

#[test]
fn many_lines_go_on_over_further_sheets_and_none_is_lost() {
    let pages = pages(&invoice(90));
    assert!(pages.len() > 3, "{}", pages.len());
    let all = pages.concat();
    for at in 1..=90 {
        assert!(all.contains(&format!("seat {at}")), "{at}");
    }
    for (at, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("{} / {}", at + 1, pages.len())), "{page}");
        assert!(page.contains("Description") || at + 1 == pages.len(), "{page}");
    }
    assert!(pages.last().unwrap().contains("$22.61"));
}

#[test]
fn long_and_odd_texts_are_no_trouble() {
    let mut invoice = invoice(2);
    invoice.buyer.name = "W".repeat(400);
    invoice.lines[0].description = "word ".repeat(200);
    invoice.lines[1].description = "\u{202e}مرحبا 山田 \u{0} 💩".into();
    invoice.notes = vec!["ж".repeat(30_000)];
    invoice.sums.clear();
    let pages = pages(&invoice);
    assert_eq!(pages.concat().matches('ж').count(), 30_000);
}

#[test]
fn the_same_texts_give_the_same_bytes() {
    assert_eq!(invoice(3).to_pdf().unwrap(), invoice(3).to_pdf().unwrap());
}
