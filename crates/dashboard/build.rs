//! Lists the built web page's files so that the binary carries them: each with its type, a hash of its contents and the packed
//! forms that stand beside it. It builds and packs no page: `make web` does.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

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
    files.retain(|path| !path.extension().is_some_and(|ending| ending == "gz" || ending == "br"));
    files.sort();
    let mut table = String::from("&[\n");
    for (number, path) in files.iter().enumerate() {
        let name = path.strip_prefix(dist).expect("found under it").to_string_lossy().replace('\\', "/");
        let bytes = fs::read(path)?;
        let raw = out.join(format!("{number}.raw"));
        fs::write(&raw, &bytes)?;
        let packed = |ending: &str| -> io::Result<String> {
            let form = PathBuf::from(format!("{}.{ending}", path.display()));
            if !form.is_file() {
                return Ok("None".to_owned());
            }
            let kept = out.join(format!("{number}.{ending}"));
            fs::copy(&form, &kept)?;
            Ok(format!("Some(include_bytes!({kept:?}))"))
        };
        let (brotli, gzip) = (packed("br")?, packed("gz")?);
        let hash: String = Sha256::digest(&bytes).iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        writeln!(
            table,
            "    File {{ path: {name:?}, media_type: {:?}, hash: {hash:?}, bytes: include_bytes!({raw:?}), \
             brotli: {brotli}, gzip: {gzip} }},",
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
