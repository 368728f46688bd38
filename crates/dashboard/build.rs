//! Lists the built web page's files so that the binary carries them: each with its type, a hash of its contents and, where
//! that is smaller, a gzipped copy. It builds no page: `make web` does.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let dist = Path::new("web/dist");
    println!("cargo::rerun-if-changed=web/dist");
    if !dist.join("index.html").is_file() {
        println!("cargo::error=the web page is not built: run `make web` (needs Node.js and npm), then build again");
        return Ok(());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo gives a build script its OUT_DIR"));
    let mut files = Vec::new();
    collect(dist, &mut files)?;
    files.sort();
    let mut table = String::from("&[\n");
    for (number, path) in files.iter().enumerate() {
        let name = path.strip_prefix(dist).expect("found under it").to_string_lossy().replace('\\', "/");
        let bytes = fs::read(path)?;
        let raw = out.join(format!("{number}.raw"));
        fs::write(&raw, &bytes)?;
        let packed = gzip(&bytes)?;
        let gzip = if packed.len() < bytes.len() {
            let gzip = out.join(format!("{number}.gz"));
            fs::write(&gzip, &packed)?;
            format!("Some(include_bytes!({gzip:?}))")
        } else {
            "None".to_owned()
        };
        let hash: String = Sha256::digest(&bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        writeln!(
            table,
            "    File {{ path: {name:?}, media_type: {:?}, hash: {hash:?}, bytes: include_bytes!({raw:?}), gzip: {gzip} }},",
            media_type(&name)
        )
        .expect("writing to a string does not fail");
    }
    table.push_str("]\n");
    fs::write(out.join("files.rs"), table)
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    io::Write::write_all(&mut encoder, bytes)?;
    encoder.finish()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
