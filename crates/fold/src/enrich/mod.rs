//! What a hit says about its visitor beyond the words in it: agent, place, source. Tables in, names out; nothing here counts
//! or remembers anybody.

pub mod agent;
pub mod geo;
pub mod robots;
pub mod source;

/// Class of a browser window's width in CSS pixels, as Plausible drew the lines.
#[must_use]
pub const fn screen_class(width: u16) -> &'static str {
    match width {
        0..576 => "Mobile",
        576..992 => "Tablet",
        992..1440 => "Laptop",
        1440.. => "Desktop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screens_are_classed_at_their_lines() {
        let widths = [0, 575, 576, 991, 992, 1439, 1440, u16::MAX];
        let classes = ["Mobile", "Mobile", "Tablet", "Tablet", "Laptop", "Laptop", "Desktop", "Desktop"];
        assert_eq!(widths.map(screen_class), classes);
    }
}
