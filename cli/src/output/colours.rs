//! Colours, where they are wanted.

use owo_colors::{AnsiColors, OwoColorize as _, Style};

/// Colours of services: no red, which means trouble, and nothing that a light or a dark background swallows.
const OF_SERVICES: [AnsiColors; 10] = [
    AnsiColors::Cyan,
    AnsiColors::Yellow,
    AnsiColors::Green,
    AnsiColors::Magenta,
    AnsiColors::Blue,
    AnsiColors::BrightCyan,
    AnsiColors::BrightYellow,
    AnsiColors::BrightGreen,
    AnsiColors::BrightMagenta,
    AnsiColors::BrightBlue,
];

/// Whether there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colours {
    /// They are wanted, and somebody sees them.
    pub on: bool,
}

impl Colours {
    /// Something is as it should be.
    pub fn good(self, text: &str) -> String {
        self.paint(text, Style::new().green())
    }

    /// Something is wrong.
    pub fn bad(self, text: &str) -> String {
        self.paint(text, Style::new().red())
    }

    /// Something is under way.
    pub fn waiting(self, text: &str) -> String {
        self.paint(text, Style::new().yellow())
    }

    /// A heading.
    pub fn bold(self, text: &str) -> String {
        self.paint(text, Style::new().bold())
    }

    /// Something beside the point.
    pub fn faint(self, text: &str) -> String {
        self.paint(text, Style::new().dimmed())
    }

    /// What belongs to a service, in the service's colour: the same one every day and on every machine.
    pub fn of_service(self, service: &str, text: &str) -> String {
        let hash =
            service.bytes().fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
        self.paint(text, Style::new().color(OF_SERVICES[hash % OF_SERVICES.len()]))
    }

    fn paint(self, text: &str, style: Style) -> String {
        if self.on { text.style(style).to_string() } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_keeps_its_colour() {
        let colours = Colours { on: true };
        assert_eq!(colours.of_service("www", "a"), colours.of_service("www", "a"));
        assert_ne!(colours.of_service("www", "a"), colours.of_service("api", "a"));
    }

    #[test]
    fn without_colours_the_text_is_left_alone() {
        assert_eq!(Colours { on: false }.bad("no"), "no");
        assert_eq!(Colours { on: true }.bad("no"), "\u{1b}[31mno\u{1b}[0m");
    }
}
