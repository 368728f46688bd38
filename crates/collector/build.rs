//! Checks that the tracker was built, so that its absence is said in words and not as a failed `include_bytes!`. It runs
//! nothing itself: a Rust build must not call for npm behind anyone's back.

use std::path::Path;
use std::process::exit;

fn main() {
    for file in
        ["script.js", "script.js.gz", "script.js.br", "script.vitals.js", "script.vitals.js.gz", "script.vitals.js.br"]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tracker/dist").join(file);
        println!("cargo::rerun-if-changed={}", path.display());
        if !path.is_file() {
            println!("cargo::error=the tracker is not built ({file} is missing): run `make web` first");
            exit(1);
        }
    }
}
