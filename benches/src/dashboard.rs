//! Compressed bytes that a visitor's browser and an analyst's browser load, from what the builds left.

use std::path::Path;

use anyhow::Context;

use crate::report::{Report, Row, fraction, short};

const TRACKER: &str = "crates/collector/tracker/dist/script.js.gz";
const WEB: &str = "crates/dashboard/web/dist";
/// Plausible's older script, gzip, as its own repository had it.
const PLAUSIBLE_SCRIPT_BYTES: f64 = 763.0;

/// Measures both; to be run in the repository's root after `make build`.
pub fn measure() -> anyhow::Result<Report> {
    let tracker =
        std::fs::metadata(TRACKER).with_context(|| format!("{TRACKER} is not there: make build"))?.len() as f64;
    let (first_load, files) = first_load_bytes(Path::new(WEB))?;
    let rows = vec![
        Row {
            what: "tracker, gzip".to_owned(),
            ours: format!("{} B", short(tracker)),
            peer: format!("{} B (Plausible's older script, published)", short(PLAUSIBLE_SCRIPT_BYTES)),
            ratio: fraction(tracker, PLAUSIBLE_SCRIPT_BYTES),
            target: "1,000 B; 600 B".to_owned(),
        },
        Row {
            what: format!("dashboard first load, brotli, {files} files"),
            ours: format!("{:.1} kB", first_load / 1_000.0),
            target: "120 kB; 60 kB".to_owned(),
            ..Row::default()
        },
    ];
    Ok(Report { rows, notes: Vec::new() })
}

/// Bytes of the page and of every file of ours that it names, each packed as the server sends it to a browser, and how many files.
fn first_load_bytes(directory: &Path) -> anyhow::Result<(f64, usize)> {
    let page = std::fs::read_to_string(directory.join("index.html")).context("no web page: make build")?;
    let named = page.split(['"', '\'']).filter_map(|text| text.strip_prefix('/').or(text.strip_prefix("./")));
    let mut files: Vec<&str> = named.filter(|path| directory.join(path).is_file()).collect();
    files.sort_unstable();
    files.dedup();
    files.push("index.html");
    let packed = |file: &&str| {
        let form = std::fs::metadata(directory.join(format!("{file}.br")));
        form.or_else(|_| std::fs::metadata(directory.join(file))).map(|file| file.len())
    };
    let bytes = files.iter().map(packed).sum::<std::io::Result<u64>>()?;
    Ok((bytes as f64, files.len()))
}
