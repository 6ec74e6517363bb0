//! Sheets of A4 paper, filled from top to bottom.

use std::sync::LazyLock;

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use rustybuzz::{Face, UnicodeBuffer};

use crate::Error;

/// In points, of which 72 are an inch.
pub const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;
/// What stays empty on every side.
pub const MARGIN: f32 = 56.0;
/// Where the text begins at the right edge.
pub const RIGHT: f32 = WIDTH - MARGIN;
/// What is below this belongs to the foot.
const BOTTOM: f32 = HEIGHT - 84.0;
/// From one line of text to the next, in sizes of the font.
const LEADING: f32 = 1.45;

/// How a text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// The size of the font, in points.
    pub size: f32,
    /// Whether it is bold.
    pub is_bold: bool,
    /// Whether it is less important than the rest.
    pub is_faint: bool,
}

impl Style {
    /// Ordinary text.
    pub const TEXT: Self = Self { size: 9.5, is_bold: false, is_faint: false };
    /// What is said beside it.
    pub const NOTE: Self = Self { size: 8.5, is_bold: false, is_faint: true };
    /// What stands out.
    pub const STRONG: Self = Self { size: 9.5, is_bold: true, is_faint: false };
    /// The name of the document.
    pub const TITLE: Self = Self { size: 22.0, is_bold: true, is_faint: false };

    /// How much room a line of it takes from top to bottom.
    pub fn line_height(self) -> f32 {
        self.size * LEADING
    }
}

/// On which side of a place a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// It begins there.
    Left,
    /// It ends there.
    Right,
}

enum Mark {
    Text { x: f32, baseline: f32, style: Style, text: String },
    Rule { y: f32, from: f32, to: f32, is_strong: bool },
}

/// The sheets of one document. `y` goes down from the top edge of the sheet that is being filled.
pub struct Sheets {
    full: Vec<Vec<Mark>>,
    current: Vec<Mark>,
    /// Where the next thing goes.
    pub y: f32,
}

impl Sheets {
    pub fn new() -> Self {
        Self { full: Vec::new(), current: Vec::new(), y: MARGIN }
    }

    /// Sees to it that so much room is left on the sheet; else a new one is begun. Says whether it was.
    pub fn need(&mut self, room: f32) -> bool {
        let is_full = self.y + room > BOTTOM;
        if is_full {
            self.full.push(std::mem::take(&mut self.current));
            self.y = MARGIN;
        }
        is_full
    }

    /// Writes one line with its top at `y`; does not go on.
    pub fn write(&mut self, x: f32, y: f32, side: Side, style: Style, text: &str) {
        let x = if side == Side::Right { x - width(text, style) } else { x };
        let baseline = y + style.size;
        self.current.push(Mark::Text { x, baseline, style, text: text.to_owned() });
    }

    /// Writes a text with its top at `y`, broken into lines of at most so much width, and says where it ends. The text
    /// must fit on the sheet.
    pub fn write_block(&mut self, x: f32, y: f32, room: f32, style: Style, text: &str) -> f32 {
        let mut y = y;
        for line in broken(text, style, room) {
            self.write(x, y, Side::Left, style, &line);
            y += style.line_height();
        }
        y
    }

    /// Writes a text at the current place, broken into lines of at most so much width, and goes on below it, on further
    /// sheets if need be.
    pub fn flow(&mut self, x: f32, room: f32, style: Style, text: &str) {
        for line in broken(text, style, room) {
            self.need(style.line_height());
            self.write(x, self.y, Side::Left, style, &line);
            self.y += style.line_height();
        }
    }

    /// Draws a line across at the current place.
    pub fn rule(&mut self, from: f32, to: f32, is_strong: bool) {
        self.current.push(Mark::Rule { y: self.y, from, to, is_strong });
    }

    /// Draws everything, with `foot` and the number of the sheet at the bottom of each.
    pub fn finish(mut self, title: &str, foot: &str) -> Result<Vec<u8>, Error> {
        self.full.push(self.current);
        let count = self.full.len();
        let mut document = Document::new();
        for (at, marks) in self.full.iter().enumerate() {
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| Error("no page".into()))?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            for mark in marks {
                draw(&mut surface, mark);
            }
            let baseline = HEIGHT - 48.0;
            let number = format!("{} / {count}", at + 1);
            let x = RIGHT - width(&number, Style::NOTE);
            draw(&mut surface, &Mark::Text { x, baseline, style: Style::NOTE, text: number });
            let foot =
                broken(foot, Style::NOTE, RIGHT - MARGIN - 60.0).into_iter().next().unwrap_or_default();
            draw(&mut surface, &Mark::Text { x: MARGIN, baseline, style: Style::NOTE, text: foot });
            surface.finish();
            page.finish();
        }
        document.set_metadata(Metadata::new().title(title.to_owned()).language(String::from("en")));
        document.finish().map_err(|error| Error(format!("{error:?}")))
    }
}

fn draw(surface: &mut Surface<'_>, mark: &Mark) {
    match mark {
        Mark::Text { x, baseline, style, text } => {
            let color =
                if style.is_faint { rgb::Color::new(95, 99, 108) } else { rgb::Color::new(22, 24, 29) };
            surface.set_fill(Some(filled(color)));
            let at = Point::from_xy(*x, *baseline);
            surface.draw_text(
                at,
                typeface(*style).font.clone(),
                style.size,
                text,
                false,
                TextDirection::Auto,
            );
        }
        Mark::Rule { y, from, to, is_strong } => {
            let (thickness, color) = if *is_strong {
                (1.0, rgb::Color::new(22, 24, 29))
            } else {
                (0.6, rgb::Color::new(214, 217, 223))
            };
            let mut path = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(*from, *y, to - from, thickness) {
                path.push_rect(rect);
            }
            if let Some(path) = path.finish() {
                surface.set_fill(Some(filled(color)));
                surface.draw_path(&path);
            }
        }
    }
}

fn filled(color: rgb::Color) -> Fill {
    Fill { paint: color.into(), opacity: NormalizedF32::ONE, rule: FillRule::default() }
}

struct Typeface {
    font: Font,
    face: Face<'static>,
}

static REGULAR: LazyLock<Typeface> = LazyLock::new(|| Typeface::new(dejavu::sans::regular()));
static BOLD: LazyLock<Typeface> = LazyLock::new(|| Typeface::new(dejavu::sans::bold()));

impl Typeface {
    fn new(bytes: &'static [u8]) -> Self {
        let font = Font::new(bytes.into(), 0).expect("the built-in font is one");
        Self { font, face: Face::from_slice(bytes, 0).expect("the built-in font is one") }
    }
}

fn typeface(style: Style) -> &'static Typeface {
    if style.is_bold { &BOLD } else { &REGULAR }
}

/// How wide a text is in one line.
pub fn width(text: &str, style: Style) -> f32 {
    let face = &typeface(style).face;
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    let shaped = rustybuzz::shape(face, &[], buffer);
    let units: i64 = shaped.glyph_positions().iter().map(|glyph| i64::from(glyph.x_advance)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a line has not so many units")]
    let width = units as f32 * style.size / f32::from(i16::try_from(face.units_per_em()).unwrap_or(i16::MAX));
    width
}

/// The lines of a text, none wider than the room. A word that is wider itself is broken anywhere.
fn broken(text: &str, style: Style, room: f32) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if width(&longer, style) <= room {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            let mut so_far = 0.0;
            for letter in word.chars() {
                let wide = width(letter.encode_utf8(&mut [0; 4]), style);
                if so_far + wide > room && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                    so_far = 0.0;
                }
                line.push(letter);
                so_far += wide;
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_between_words_and_long_words_anywhere() {
        assert_eq!(broken("one two", Style::TEXT, 500.0), ["one two"]);
        assert_eq!(broken("one\ntwo", Style::TEXT, 500.0), ["one", "two"]);
        let room = width("aaaaaaaaaa", Style::TEXT);
        let lines = broken("aaa bbb aaaaaaaaaaaaaaaaaaaaaaaa", Style::TEXT, room);
        assert!(lines.len() >= 4, "{lines:?}");
        assert!(lines.iter().all(|line| width(line, Style::TEXT) <= room), "{lines:?}");
        assert_eq!(lines.concat().replace(' ', ""), "aaabbbaaaaaaaaaaaaaaaaaaaaaaaa");
    }

    #[test]
    fn a_bold_text_is_wider() {
        assert!(width("Total", Style::STRONG) > width("Total", Style::TEXT));
        assert!(width("", Style::TEXT).abs() < f32::EPSILON);
    }
}
