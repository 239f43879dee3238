//! How a text of the screen is meant, and what the terminal makes of that.

use ratatui::style::{Color, Modifier, Style};

use crate::report::palette::{self, Colour, Effect, Palette};

/// How a text is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Dim,
    Bad,
    Warning,
    Good,
    Chosen,
}

impl Tone {
    /// Without colours the effects are left: what is chosen must be seen.
    pub(super) fn style(self, palette: &Palette, colour: bool) -> Style {
        let chosen = match self {
            Tone::Plain => return Style::new(),
            Tone::Strong => palette::Tone::Strong,
            Tone::Dim => palette::Tone::Dim,
            Tone::Bad => palette::Tone::Critical,
            Tone::Warning => palette::Tone::Warning,
            Tone::Good => palette::Tone::Ok,
            Tone::Chosen => palette::Tone::Chosen,
        };
        let palette = if colour { *palette } else { Palette::default() };
        let told = palette.style(chosen);
        let mut style = Style::new();
        for effect in told.effects() {
            style = style.add_modifier(modifier(effect));
        }
        if colour {
            style.fg = told.letters.map(tint);
            style.bg = told.ground.map(tint);
        }
        style
    }
}

fn modifier(effect: Effect) -> Modifier {
    match effect {
        Effect::Bold => Modifier::BOLD,
        Effect::Dim => Modifier::DIM,
        Effect::Italic => Modifier::ITALIC,
        Effect::Underline => Modifier::UNDERLINED,
        Effect::Reverse => Modifier::REVERSED,
    }
}

fn tint(colour: Colour) -> Color {
    match colour {
        Colour::Own(n) | Colour::Fixed(n) => Color::Indexed(n),
        Colour::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
    }
}
