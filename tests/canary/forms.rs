//! The forms in which a secret could rest, as needles; and the search for them.
//!
//! A form has to be long enough not to turn up by chance: every needle is 8 random bytes or 16 hexadecimal digits at least, so that
//! 200,000 of them in a gigabyte of noise would be met by chance once in 100,000 runs. The four bytes of an IPv4 address are
//! shorter, so they are counted instead: by chance one of 200 addresses is met now and then, were they kept many would be.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// What a digest could have been salted or keyed with.
pub struct Salt {
    name: &'static str,
    bytes: Vec<u8>,
}

impl Salt {
    pub fn new(name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name, bytes: bytes.into() }
    }
}

/// Something that must not be found.
pub struct Secret {
    pub name: &'static str,
    pub text: String,
}

/// Every form of every secret.
pub struct Needles {
    needles: Vec<(String, Vec<u8>)>,
    search: AhoCorasick,
    /// Four-byte forms of IPv4 addresses, each with its address and form.
    short: Vec<(usize, &'static str)>,
    short_search: AhoCorasick,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Scan {
    pub bytes: u64,
    pub found: Vec<String>,
}

impl Needles {
    pub fn make(secrets: &[Secret], addresses: &[IpAddr], salts: &[Salt]) -> Self {
        let mut needles = Vec::new();
        for Secret { name, text } in secrets {
            spelled(name, text, &mut needles);
            digested(name, text.as_bytes(), salts, &mut needles);
        }
        let (mut short, mut short_needles) = (Vec::new(), Vec::new());
        let agent = secrets.iter().find(|secret| secret.name == "user agent").unwrap();
        for (number, address) in addresses.iter().enumerate() {
            let text = address.to_string();
            spelled("address", &text, &mut needles);
            let bytes = match address {
                IpAddr::V4(v4) => {
                    needles.push(("address as IPv4 in IPv6".to_owned(), v4.to_ipv6_mapped().octets().to_vec()));
                    let (big, little) = (v4.octets(), v4.to_bits().to_le_bytes());
                    for decimal in [v4.to_bits(), v4.to_bits().swap_bytes()] {
                        short.push((number, "decimal"));
                        short_needles.push(decimal.to_string().into_bytes());
                    }
                    for (form, bytes) in [
                        ("4 bytes", big.to_vec()),
                        ("4 bytes reversed", little.to_vec()),
                        ("hex", hex(&big).into_bytes()),
                    ] {
                        short.push((number, form));
                        short_needles.push(bytes);
                    }
                    big.to_vec()
                }
                IpAddr::V6(v6) => {
                    let octets = v6.octets();
                    let full = v6.segments().map(|part| format!("{part:04x}")).join(":");
                    for (form, bytes) in [
                        ("16 bytes", octets.to_vec()),
                        ("16 bytes reversed", octets.iter().rev().copied().collect()),
                        (
                            "16 bytes, halves reversed",
                            octets.chunks(8).flat_map(|half| half.iter().rev().copied()).collect(),
                        ),
                        ("in full", full.clone().into_bytes()),
                        ("in full, capitals", full.to_uppercase().into_bytes()),
                        ("hex", hex(&octets).into_bytes()),
                        ("HEX", hex(&octets).to_uppercase().into_bytes()),
                        ("decimal", v6.to_bits().to_string().into_bytes()),
                    ] {
                        needles.push((format!("address, {form}"), bytes));
                    }
                    octets.to_vec()
                }
            };
            // Digests of a part of them: every address went the same way.
            if number % 5 == 0 {
                let together = [format!("{text}{}", agent.text), format!("{}{text}", agent.text)];
                for whole in [bytes, text.into_bytes()].into_iter().chain(together.map(String::into_bytes)) {
                    digested("address", &whole, salts, &mut needles);
                }
            }
        }
        let search = AhoCorasick::new(needles.iter().map(|(_, bytes)| bytes)).unwrap();
        let short_search = AhoCorasick::new(&short_needles).unwrap();
        Self { needles, search, short, short_search }
    }

    pub fn len(&self) -> usize {
        self.needles.len() + self.short.len()
    }

    /// Every needle is found where it is; and in files as deep as they may lie.
    pub fn check_themselves(&self) {
        for (form, needle) in &self.needles {
            assert!(needle.len() >= 8, "{form} is too short to tell from chance");
            let planted = [b"\0before ", needle.as_slice(), b" after\xff"].concat();
            assert!(self.search.is_match(&planted), "{form} is not found");
        }
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(self.scan(directory.path()).found, Vec::<String>::new());
        let deep = directory.path().join("a/b/c");
        fs::create_dir_all(&deep).unwrap();
        let forms: BTreeSet<&str> = self.needles.iter().map(|(form, _)| form.as_str()).collect();
        for (number, form) in forms.iter().enumerate() {
            let (_, needle) = self.needles.iter().find(|(name, _)| name == form).unwrap();
            fs::write(deep.join(number.to_string()), [b"...", needle.as_slice(), b"..."].concat()).unwrap();
        }
        // One may hold another: a name stands in its address.
        let found = self.scan(directory.path()).found;
        let files: BTreeSet<&str> =
            found.iter().filter_map(|found| found.rsplit_once('/').map(|(_, file)| file)).collect();
        assert_eq!(files.len(), forms.len(), "a planted file was not found");
        fs::remove_dir_all(&deep).unwrap();
        let rows = (0..200_u8).flat_map(|last| [203, 0, 113, last]).collect::<Vec<u8>>();
        fs::write(directory.path().join("rows"), rows).unwrap();
        let found = self.scan(directory.path()).found;
        assert!(found.iter().any(|found| found.contains("4 bytes")), "addresses as numbers are not found: {found:?}");
    }

    /// Searches every file below a directory. A file that goes away meanwhile was searched by none.
    pub fn scan(&self, directory: &Path) -> Scan {
        let mut scan = Scan::default();
        let mut met: Vec<(usize, &'static str)> = Vec::new();
        self.scan_into(directory, &mut scan, &mut met);
        let forms: BTreeSet<&str> = met.iter().map(|(_, form)| *form).collect();
        for form in forms {
            let addresses: BTreeSet<usize> = met.iter().filter(|one| one.1 == form).map(|one| one.0).collect();
            if addresses.len() > met_by_chance(scan.bytes, 200) {
                scan.found.push(format!("{} addresses as {form}", addresses.len()));
            }
        }
        scan
    }

    fn scan_into(&self, path: &Path, scan: &mut Scan, met: &mut Vec<(usize, &'static str)>) {
        let gone = |error: &std::io::Error| error.kind() == ErrorKind::NotFound;
        let Ok(kind) = fs::symlink_metadata(path).map(|known| known.file_type()) else { return };
        if kind.is_dir() {
            let entries = match fs::read_dir(path) {
                Err(error) if gone(&error) => return,
                entries => entries.unwrap(),
            };
            return entries.for_each(|entry| self.scan_into(&entry.unwrap().path(), scan, met));
        }
        if !kind.is_file() {
            return;
        }
        let bytes = match fs::read(path) {
            Err(error) if gone(&error) => return,
            bytes => bytes.unwrap(),
        };
        scan.bytes += bytes.len() as u64;
        // A name is written, too.
        let name = path.file_name().unwrap().as_encoded_bytes();
        for (place, text) in [("in", bytes.as_slice()), ("in the name of", name)] {
            let found: BTreeSet<usize> = self.search.find_iter(text).map(|found| found.pattern().as_usize()).collect();
            for needle in found {
                scan.found.push(format!("{} {place} {}", self.needles[needle].0, path.display()));
            }
        }
        met.extend(self.short_search.find_iter(&bytes).map(|found| self.short[found.pattern().as_usize()]));
    }
}

/// How many of so many four-byte needles noise of this length holds at most, but once in a million runs: the expectation, six
/// of its deviations, and a few.
fn met_by_chance(bytes: u64, needles: u64) -> usize {
    let expected = bytes as f64 * needles as f64 / f64::from(u32::MAX);
    (expected + 6.0 * expected.sqrt()) as usize + 4
}

/// As text is written down by people and programs.
fn spelled(name: &str, text: &str, needles: &mut Vec<(String, Vec<u8>)>) {
    let percent = |all: bool, capitals: bool| -> String {
        text.bytes()
            .map(|byte| match byte {
                byte if !all && byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
                byte if capitals => format!("%{byte:02X}"),
                byte => format!("%{byte:02x}"),
            })
            .collect()
    };
    let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let mut forms: Vec<(&str, Vec<u8>)> = vec![
        ("plain", text.into()),
        ("small", text.to_lowercase().into()),
        ("capitals", text.to_uppercase().into()),
        ("reversed", text.bytes().rev().collect()),
        ("percent-encoded", percent(false, true).into()),
        ("percent-encoded, small", percent(false, false).into()),
        ("all percent-encoded", percent(true, true).into()),
        ("all percent-encoded, small", percent(true, false).into()),
        ("hex", hex(text.as_bytes()).into()),
        ("HEX", hex(text.as_bytes()).to_uppercase().into()),
        ("UTF-16 LE", wide(u16::to_le_bytes)),
        ("UTF-16 BE", wide(u16::to_be_bytes)),
    ];
    forms.extend(in_base64(text.as_bytes(), usize::MAX).map(|bytes| ("base64", bytes)));
    needles.extend(forms.into_iter().map(|(form, bytes)| (format!("{name}, {form}"), bytes)));
}

/// Wherever it stands in what was encoded: without the characters that depend on its neighbours.
fn in_base64(bytes: &[u8], length_max: usize) -> impl Iterator<Item = Vec<u8>> {
    (0..3).flat_map(move |before| {
        let shifted = [vec![0; before], bytes.to_vec()].concat();
        let first: usize = [0, 2, 3][before];
        let kept = shifted.len() * 8 / 6;
        [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)]
            .map(|text| text.as_bytes()[first..kept.min(first.saturating_add(length_max))].to_vec())
    })
}

/// As digests that hide nothing from whoever has the salt, and can try every address.
fn digested(name: &str, whole: &[u8], salts: &[Salt], needles: &mut Vec<(String, Vec<u8>)>) {
    let mut digests: Vec<(String, Vec<u8>)> = vec![
        ("MD5".to_owned(), md5::Md5::digest(whole).to_vec()),
        ("SHA-1".to_owned(), Sha1::digest(whole).to_vec()),
        ("SHA-256".to_owned(), Sha256::digest(whole).to_vec()),
    ];
    for Salt { name: salt, bytes } in salts {
        let keyed = Hmac::<Sha256>::new_from_slice(bytes).unwrap().chain_update(whole);
        digests.push((format!("SHA-256 behind {salt}"), Sha256::digest([bytes, whole].concat()).to_vec()));
        digests.push((format!("SHA-256 before {salt}"), Sha256::digest([whole, bytes].concat()).to_vec()));
        digests.push((format!("HMAC under {salt}"), keyed.finalize().into_bytes().to_vec()));
    }
    for (digest, bytes) in digests {
        // Its first half stands for any longer part of it, as keys of 64 bits are cut.
        let head: [u8; 8] = bytes[..8].try_into().unwrap();
        let mut forms: Vec<(&str, Vec<u8>)> = vec![
            ("raw", head.to_vec()),
            ("raw, reversed", head.iter().rev().copied().collect()),
            ("hex", hex(&head).into()),
            ("HEX", hex(&head).to_uppercase().into()),
            ("decimal", u64::from_be_bytes(head).to_string().into()),
            ("decimal, reversed", u64::from_le_bytes(head).to_string().into()),
        ];
        forms.extend(in_base64(&bytes, 16).take(2).map(|bytes| ("base64", bytes)));
        needles.extend(
            forms
                .into_iter()
                // One number in ten thousand is too short to tell from chance.
                .filter(|(_, bytes)| bytes.len() == 8 || bytes.len() >= 16)
                .map(|(form, bytes)| (format!("{name}, {digest}, {form}"), bytes)),
        );
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
