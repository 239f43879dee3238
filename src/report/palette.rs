//! How words look on a terminal: a style for each way in which a text can be meant, which the user may choose.

use crate::error::{ErrorKind, Result};

/// How a text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// What fails.
    Critical,
    /// What may be wrong.
    Warning,
    /// What is fine.
    Ok,
    /// Context that the eye may skip.
    Dim,
    /// The line that is the answer.
    Strong,
    /// The row that the keys move.
    Chosen,
}

/// The tones by the names that users give them.
pub const TONES: [(&str, Tone); 6] = [
    ("critical", Tone::Critical),
    ("warning", Tone::Warning),
    ("ok", Tone::Ok),
    ("dim", Tone::Dim),
    ("strong", Tone::Strong),
    ("chosen", Tone::Chosen),
];

/// A colour of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One of the terminal's own sixteen: 0 black, 1 red, 2 green, 3 yellow, 4 blue, 5 magenta, 6 cyan, 7 white; 8 more is
    /// brighter.
    Own(u8),
    /// One of 256.
    Fixed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// What letters can be besides coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Bold.
    Bold,
    /// Dimmed.
    Dim,
    /// Slanted.
    Italic,
    /// Underlined.
    Underline,
    /// Letters and ground exchanged.
    Reverse,
}

/// Effects by name, with their number among the terminal's codes.
const EFFECTS: [(&str, Effect, u8); 5] = [
    ("bold", Effect::Bold, 1),
    ("dim", Effect::Dim, 2),
    ("italic", Effect::Italic, 3),
    ("underline", Effect::Underline, 4),
    ("reverse", Effect::Reverse, 7),
];

const COLOURS: [&str; 8] = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/// The look of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colour of the letters; none is the terminal's.
    pub letters: Option<Colour>,
    /// Colour of the ground; none is the terminal's.
    pub ground: Option<Colour>,
    effects: u8,
}

impl Style {
    const fn plain(letters: Option<Colour>, effect: Option<Effect>) -> Style {
        let effects = match effect {
            Some(effect) => 1 << effect as u8,
            None => 0,
        };
        Style { letters, ground: None, effects }
    }

    /// Reads a style: `bold red`, `#ff8800`, `208`, `bright-blue on black`, `reverse`, `none`.
    fn parse(text: &str) -> Option<Style> {
        let mut style = Style::default();
        let mut words = text.split_whitespace().peekable();
        words.peek()?;
        while let Some(word) = words.next() {
            if word == "none" {
                continue;
            }
            if word == "on" {
                style.ground = Some(Colour::parse(words.next()?)?);
            } else if let Some((_, effect, _)) = EFFECTS.iter().find(|(name, ..)| *name == word) {
                style.effects |= 1 << *effect as u8;
            } else {
                style.letters = Some(Colour::parse(word)?);
            }
        }
        Some(style)
    }

    /// The effects it has.
    pub fn effects(self) -> impl Iterator<Item = Effect> {
        EFFECTS.iter().map(|(_, effect, _)| *effect).filter(move |effect| self.has(*effect))
    }

    fn has(self, effect: Effect) -> bool {
        self.effects & (1 << effect as u8) != 0
    }

    /// The numbers between `ESC [` and `m`; empty when it is like any other text.
    pub fn codes(self) -> String {
        let effects = EFFECTS.iter().filter(|(_, effect, _)| self.has(*effect)).map(|(.., n)| n.to_string());
        let letters = self.letters.map(|colour| colour.codes(30));
        let ground = self.ground.map(|colour| colour.codes(40));
        effects.chain(letters).chain(ground).collect::<Vec<_>>().join(";")
    }
}

impl Colour {
    fn parse(word: &str) -> Option<Colour> {
        if let Some(digits) = word.strip_prefix('#') {
            let all = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6)?;
            let [_, red, green, blue] = all.to_be_bytes();
            return Some(Colour::Rgb(red, green, blue));
        }
        if let Ok(number) = word.parse() {
            return Some(Colour::Fixed(number));
        }
        let (name, more) = word.strip_prefix("bright-").map_or((word, 0), |name| (name, 8));
        let at = COLOURS.iter().position(|known| *known == name)?;
        Some(Colour::Own(at as u8 + more))
    }

    /// `base`: 30 for letters, 40 for the ground.
    fn codes(self, base: u8) -> String {
        match self {
            Colour::Own(n @ 0..8) => (base + n).to_string(),
            Colour::Own(n) => (base + 60 + (n & 7)).to_string(),
            Colour::Fixed(n) => format!("{};5;{n}", base + 8),
            Colour::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
        }
    }
}

/// The style of each tone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette([Style; TONES.len()]);

impl Default for Palette {
    fn default() -> Self {
        Palette([
            Style::plain(Some(Colour::Own(1)), Some(Effect::Bold)),
            Style::plain(Some(Colour::Own(3)), None),
            Style::plain(Some(Colour::Own(2)), None),
            Style::plain(None, Some(Effect::Dim)),
            Style::plain(None, Some(Effect::Bold)),
            Style::plain(None, Some(Effect::Reverse)),
        ])
    }
}

impl Palette {
    /// Takes the user's wishes over the present styles: `critical=bold magenta,dim=8`.
    ///
    /// # Errors
    /// When a name or a style is none; the message says what there is.
    pub fn with(mut self, wishes: &str) -> Result<Palette> {
        for wish in wishes.split(',').map(str::trim).filter(|wish| !wish.is_empty()) {
            let (name, style) = wish.split_once('=').unwrap_or((wish, ""));
            let tone = TONES.iter().find(|(known, _)| *known == name.trim()).map(|(_, tone)| *tone);
            let (Some(tone), Some(style)) = (tone, Style::parse(style)) else {
                let names = TONES.map(|(name, _)| name).join(", ");
                let message = both!(
                    "{wish:?} is no style: NAME=STYLE is expected, with one of {names}, and a style such as 'bold red', \
                     'bright-blue', 208, '#ff8800', 'white on red' or none",
                    "{wish:?} 不是样式：应为 名称=样式，名称为 {names} 之一，样式如 'bold red'、'bright-blue'、208、'#ff8800'、\
                     'white on red' 或 none"
                )
                .meant(name.trim(), TONES.iter().filter(|_| tone.is_none()).map(|(known, _)| *known));
                return Err(ErrorKind::Option { message }.into());
            };
            self.0[tone as usize] = style;
        }
        Ok(self)
    }

    /// The style of a tone.
    pub fn style(&self, tone: Tone) -> Style {
        self.0[tone as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(wish: &str) -> String {
        let palette = Palette::default().with(&format!("critical={wish}")).expect("a style");
        palette.style(Tone::Critical).codes()
    }

    #[test]
    fn styles_become_the_codes_of_terminals() {
        for (wish, expected) in [
            ("red", "31"),
            ("bold red", "1;31"),
            ("bright-blue on black", "94;40"),
            ("208", "38;5;208"),
            ("#ff8800 on #000001", "38;2;255;136;0;48;2;0;0;1"),
            ("underline reverse", "4;7"),
            ("none", ""),
        ] {
            assert_eq!(codes(wish), expected, "{wish}");
        }
        let all = TONES.map(|(_, tone)| Palette::default().style(tone).codes());
        assert_eq!(all, ["1;31", "33", "32", "2", "1", "7"]);
    }

    #[test]
    fn tones_are_in_the_order_of_their_numbers() {
        assert!(TONES.iter().enumerate().all(|(at, (_, tone))| *tone as usize == at));
    }

    #[test]
    fn what_is_no_style_is_refused() {
        for wish in
            ["critical", "critical=", "critical=pink", "critical=#ff", "critical=300", "bad=red", "ok=red on"]
        {
            assert!(Palette::default().with(wish).is_err(), "{wish}");
        }
        assert_eq!(Palette::default().with("").expect("no wish"), Palette::default());
        assert_eq!(Palette::default().with("ok=green, dim = dim").expect("styles"), Palette::default());
    }
}
