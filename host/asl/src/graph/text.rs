//! Text in a drawing: how wide it is, how it is cut to fit, and what may not stand in it.

/// Widths of the printable ASCII characters from space on, in thousandths of the font's size: a
/// usual sans serif's. The viewer's own font is not known, so every use adds a margin.
#[rustfmt::skip]
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// A typeface and its size in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Font {
    size: f64,
    /// How much wider than the table: a margin for fonts that are, and for weight.
    stretch: f64,
    monospace: bool,
}

impl Font {
    pub(super) const NAME: Self = Self { size: 14.0, stretch: 1.18, monospace: false };
    pub(super) const CAPTION: Self = Self { size: 11.5, stretch: 1.1, monospace: false };
    pub(super) const LABEL: Self = Self { size: 11.0, stretch: 1.0, monospace: true };

    /// How wide the text is.
    pub(super) fn width(self, text: &str) -> f64 {
        text.chars().map(|character| self.advance(character)).sum()
    }

    fn advance(self, character: char) -> f64 {
        // Hangul, CJK, emoji and what lies between are a full square.
        let em = match character {
            '\u{1100}'.. if !('\u{1e00}'..='\u{2e7f}').contains(&character) => 1.0,
            _ if self.monospace => 0.605,
            ' '..='~' => f64::from(WIDTHS[character as usize - 32]) / 1000.0,
            _ => 0.65,
        };
        em * self.size * self.stretch
    }

    /// The text, or as much of its beginning as fits, with an ellipsis.
    pub(super) fn fit(self, text: &str, width: f64) -> String {
        let (mut used, mut kept) = (0.0, 0);
        for (start, character) in text.char_indices() {
            used += self.advance(character);
            if used > width {
                return format!("{}…", text[..kept].trim_end());
            }
            if used + self.advance('…') <= width {
                kept = start + character.len_utf8();
            }
        }
        text.to_owned()
    }
}

/// The text without characters that are not allowed in XML, that break a line, or that turn the
/// direction of what follows them: names come from anywhere. Control characters become their
/// pictures.
pub(super) fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\0'..='\x1f' => char::from_u32(0x2400 + character as u32).unwrap_or('\u{fffd}'),
            '\x7f' => '\u{2421}',
            '\u{80}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff0}'..='\u{ffff}' => '\u{fffd}',
            _ => character,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_its_width_at_a_character() {
        for (text, width, expected) in [
            ("short", 200.0, "short"),
            ("a rather long name of a state", 100.0, "a rather lon…"),
            ("支払い確認を送信する", 80.0, "支払い確…"),
            ("", 10.0, ""),
            ("x", 1.0, "…"),
        ] {
            let cut = Font::NAME.fit(text, width);
            assert_eq!(cut, expected);
            assert!(Font::NAME.width(&cut) <= width.max(20.0), "{cut}");
        }
    }

    #[test]
    fn what_would_break_a_drawing_is_replaced() {
        assert_eq!(clean("a\nb\0c\u{202e}d\u{7f}é"), "a␊b␀c\u{fffd}d␡é");
    }
}
