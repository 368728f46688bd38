//! How long the longest consent strings take to read: what a stranger can make a collector do with 4 KiB.

use std::hint::black_box;
use std::time::Instant;

use model::Millis;
use model::policy::TcfPolicy;
use privacy::{gpp, tcf};

use crate::report::{Report, Row, short};

#[path = "../../crates/privacy/tests/bombs.rs"]
mod bombs;

const NOW: Millis = Millis(1_795_000_000_000);
const READINGS: u32 = 20_000;

/// Measures every reader on its longest work; never fails.
pub fn measure() -> anyhow::Result<Report> {
    let policy = TcfPolicy { vendor: Some(7), purposes_speak: true, ..TcfPolicy::default() };
    let (ranges, restrictions, header) =
        (bombs::tcf_ranges(NOW.0), bombs::tcf_restrictions(NOW.0), bombs::gpp_header());
    let tcf = |text: &str| {
        black_box(tcf::read(black_box(text), NOW, policy));
    };
    let gpp = |text: &str| {
        black_box(gpp::read(black_box(text), None, NOW, policy));
    };
    let rows = vec![
        row("reading a TCF string of 4 KiB full of vendor ranges", || tcf(&ranges)),
        row("the same full of restrictions", || tcf(&restrictions)),
        row("reading a GPP header of 4 KiB", || gpp(&header)),
    ];
    Ok(Report { rows, notes: Vec::new() })
}

fn row(what: &str, read: impl Fn()) -> Row {
    let started = Instant::now();
    (0..READINGS).for_each(|_| read());
    let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(READINGS);
    Row { what: what.to_owned(), ours: format!("{} µs", short(micros)), target: "20 µs".to_owned(), ..Row::default() }
}
