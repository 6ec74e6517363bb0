//! The invoice.

use crate::Error;
use crate::sheet::{MARGIN, RIGHT, Sheets, Side, Style};

/// Who sells or buys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party {
    /// The name.
    pub name: String,
    /// The address and whatever else is known, line by line.
    pub lines: Vec<String>,
}

/// Something that is known of the invoice: what, and the words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is: `Invoice number`.
    pub name: String,
    /// The words: `2025-000017`.
    pub value: String,
}

/// One line of what was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub description: String,
    /// For which time, if for any.
    pub note: Option<String>,
    /// What it costs, with its currency.
    pub amount: String,
}

/// One line of the sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// What it is: `Subtotal`.
    pub name: String,
    /// How much, with its currency.
    pub amount: String,
    /// Whether it is what counts.
    pub is_strong: bool,
}

/// Everything that stands on an invoice, in the order in which it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// What it is called: `Invoice`.
    pub title: String,
    /// Number, dates and the like.
    pub facts: Vec<Fact>,
    /// Who sells.
    pub seller: Party,
    /// Who buys.
    pub buyer: Party,
    /// What was sold.
    pub lines: Vec<Line>,
    /// What it comes to.
    pub sums: Vec<Sum>,
    /// What else must be said: reverse charge, how it was paid.
    pub notes: Vec<String>,
    /// What stands at the bottom of each sheet.
    pub foot: String,
}

/// Where the column of sums begins.
const SUMS: f32 = 330.0;
/// How wide the column of descriptions is.
const DESCRIPTIONS: f32 = 360.0;
const GAP: f32 = 26.0;

impl Invoice {
    /// The invoice as a PDF. Whatever is long goes on over further lines and sheets; nothing is cut off but the foot.
    pub fn to_pdf(&self) -> Result<Vec<u8>, Error> {
        let mut sheets = Sheets::new();
        self.head(&mut sheets);
        self.table(&mut sheets);
        self.sums(&mut sheets);
        for note in &self.notes {
            sheets.flow(MARGIN, RIGHT - MARGIN, Style::NOTE, note);
            sheets.y += 4.0;
        }
        let number = self.facts.first().map(|fact| fact.value.as_str()).unwrap_or_default();
        sheets.finish(&format!("{} {number}", self.title), &self.foot)
    }

    fn head(&self, sheets: &mut Sheets) {
        sheets.write(MARGIN, sheets.y, Side::Left, Style::TITLE, &self.title);
        sheets.write(RIGHT, sheets.y + 10.0, Side::Right, Style::STRONG, &self.seller.name);
        sheets.y += 2.0 * Style::TITLE.size;
        for fact in &self.facts {
            sheets.write(MARGIN, sheets.y, Side::Left, Style::NOTE, &fact.name);
            sheets.write(MARGIN + 110.0, sheets.y, Side::Left, Style::TEXT, &fact.value);
            sheets.y += Style::TEXT.line_height();
        }
        sheets.y += GAP;
        let half = (RIGHT - MARGIN) / 2.0;
        let from = party(sheets, MARGIN, half - 16.0, "From", &self.seller);
        let to = party(sheets, MARGIN + half, half, "Billed to", &self.buyer);
        sheets.y = from.max(to) + GAP;
    }

    fn table(&self, sheets: &mut Sheets) {
        table_head(sheets);
        for line in &self.lines {
            if sheets.need(4.0 * Style::TEXT.line_height()) {
                table_head(sheets);
            }
            sheets.write(RIGHT, sheets.y, Side::Right, Style::TEXT, &line.amount);
            sheets.flow(MARGIN, DESCRIPTIONS, Style::TEXT, &line.description);
            if let Some(note) = &line.note {
                sheets.flow(MARGIN, DESCRIPTIONS, Style::NOTE, note);
            }
            sheets.y += 5.0;
            sheets.rule(MARGIN, RIGHT, false);
            sheets.y += 8.0;
        }
    }

    fn sums(&self, sheets: &mut Sheets) {
        // Sums are not parted, nor is the first note from them.
        let rows = u8::try_from(self.sums.len()).unwrap_or(u8::MAX);
        sheets.need(f32::from(rows) * 18.0 + 72.0);
        sheets.y += 6.0;
        for sum in &self.sums {
            let style = if sum.is_strong { Style::STRONG } else { Style::TEXT };
            if sum.is_strong {
                sheets.rule(SUMS, RIGHT, true);
                sheets.y += 7.0;
            }
            sheets.write(SUMS, sheets.y, Side::Left, style, &sum.name);
            sheets.write(RIGHT, sheets.y, Side::Right, style, &sum.amount);
            sheets.y += style.line_height() + 3.0;
        }
        sheets.y += GAP;
    }
}

fn party(sheets: &mut Sheets, x: f32, room: f32, role: &str, party: &Party) -> f32 {
    let mut y = sheets.y;
    sheets.write(x, y, Side::Left, Style::NOTE, role);
    y += Style::TEXT.line_height() + 2.0;
    y = sheets.write_block(x, y, room, Style::STRONG, &party.name);
    for line in &party.lines {
        y = sheets.write_block(x, y, room, Style::TEXT, line);
    }
    y
}

fn table_head(sheets: &mut Sheets) {
    sheets.write(MARGIN, sheets.y, Side::Left, Style::NOTE, "Description");
    sheets.write(RIGHT, sheets.y, Side::Right, Style::NOTE, "Amount");
    sheets.y += Style::NOTE.line_height() + 2.0;
    sheets.rule(MARGIN, RIGHT, true);
    sheets.y += 10.0;
}
