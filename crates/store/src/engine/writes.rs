//! Sees to it that the engine fails where a write of its fails.
//!
//! The library passes over errors of write(2): where ClickHouse throws, chDB was made to go on (`WriteBufferFromFileDescriptor`, all versions
//! until 26.7 at least). A full or broken disk then leaves files that are empty or cut, and the engine acknowledges the insert, or removes what it has
//! merged. A ClickHouse server does not do that.
//!
//! So the library's calls are led through [`write`] here, by way of the table that the loader keeps of a library's imports: at the first write to a
//! file that fails the process ends, as by `kill -9`. What such an end leaves is known and mended at the next start: nothing half-written ever had
//! its final name, and what was not acknowledged is sent again. That one is started at once by whoever looks after it
//! ([`super::child`]) and answers also where there is no room; it ends again when it is to keep something. docs/decisions/0028-the-engine-ends-where-it-cannot-write.md argues it.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Endianness, Object, ObjectSymbol, ReadCache, RelocationTarget};
use rustix::fs::FileType;
use rustix::mm::{MprotectFlags, mprotect};

use super::EngineError;

/// write(2).
pub(super) type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;

/// The file in which the engine notes its process and when it started, at each start anew. Nobody reads it, and it shall not keep an engine on a
/// full disk from answering.
const NOTE: &str = "status";

/// The C library's, which the engine's calls go on to.
static ORIGINAL: OnceLock<Write> = OnceLock::new();

/// A library as it lies in memory.
pub(super) struct Loaded<'p> {
    /// Its file.
    pub(super) path: &'p Path,
    /// A function that it exports.
    pub(super) name: &'static str,
    /// Where that function is.
    pub(super) address: usize,
}

/// Leads the library's calls of write(2) through this file.
///
/// # Errors
/// The file is none that the loader can have read, or what the table holds is not `original`.
///
/// # Safety
/// `library` is loaded with all its imports resolved, is never unloaded, and nothing runs in it yet; `original` is write(2).
pub(super) unsafe fn watch(library: &Loaded<'_>, original: Write) -> Result<(), EngineError> {
    let failed = |detail: String| EngineError::Library { path: library.path.to_owned(), detail };
    let slots = Slots::of(library).map_err(failed)?;
    let original = *ORIGINAL.get_or_init(|| original);
    for slot in &slots.found {
        let address = slots.base.wrapping_add(slot.at);
        let page = address & !(rustix::param::page_size() - 1);
        // The loader makes part of the table unwritable when it has filled it.
        let protect = |flags| {
            // SAFETY: one whole page of the library's table, which holds nothing that is executed; it stays readable.
            unsafe { mprotect(page as *mut c_void, rustix::param::page_size(), flags) }
                .map_err(|error| failed(format!("its imports cannot be changed: {error}")))
        };
        if slot.sealed {
            protect(MprotectFlags::READ | MprotectFlags::WRITE)?;
        }
        // SAFETY: inside the loaded library, as its file says, aligned as every entry of the table, and only accessed as a whole.
        let entry = unsafe { AtomicUsize::from_ptr(address as *mut usize) };
        let held =
            entry.compare_exchange(original as usize, write as Write as usize, Ordering::SeqCst, Ordering::SeqCst);
        if slot.sealed {
            protect(MprotectFlags::READ)?;
        }
        // Already led here: the library was opened a second time.
        if held.is_err_and(|held| held != write as Write as usize) {
            return Err(failed("the loader has not put write(2) where its file says".to_owned()));
        }
    }
    Ok(())
}

/// An entry of the table of imports.
struct Slot {
    /// Bytes from the library's beginning.
    at: usize,
    /// Made unwritable by the loader.
    sealed: bool,
}

/// Where a library holds the address of write(2).
struct Slots {
    /// Where the library begins.
    base: usize,
    found: Vec<Slot>,
}

impl Slots {
    fn of(library: &Loaded<'_>) -> Result<Self, String> {
        let file = File::open(library.path).map_err(|error| error.to_string())?;
        let cache = ReadCache::new(file);
        let elf = ElfFile64::<Endianness, _>::parse(&cache).map_err(|error| error.to_string())?;
        let endian = elf.endian();
        let symbol = |name: &str| elf.dynamic_symbols().find(|symbol| symbol.name() == Ok(name));
        let small = |value: u64| usize::try_from(value).map_err(|error| error.to_string());
        let known = symbol(library.name).ok_or("it has not the functions of the engine")?;
        let base = library.address.wrapping_sub(small(known.address())?);
        let wanted = symbol("write").filter(|symbol| symbol.is_undefined()).ok_or("it imports no write(2)")?.index();
        let mut found = Vec::new();
        for (at, relocation) in elf.dynamic_relocations().into_iter().flatten() {
            if relocation.target() == RelocationTarget::Symbol(wanted) && relocation.addend() == 0 {
                let is_sealed = elf.elf_program_headers().iter().any(|header| {
                    let (start, size) = (header.p_vaddr(endian), header.p_memsz(endian));
                    header.p_type(endian) == object::elf::PT_GNU_RELRO && (start..start + size).contains(&at)
                });
                found.push(Slot { at: small(at)?, sealed: is_sealed });
            }
        }
        if found.is_empty() { Err("it imports no write(2)".to_owned()) } else { Ok(Self { base, found }) }
    }
}

/// Called by the engine in the place of write(2).
unsafe extern "C" fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize {
    let Some(original) = ORIGINAL.get() else { std::process::abort() };
    // SAFETY: the caller's own call.
    let written = unsafe { original(descriptor, bytes, count) };
    if written < 0 || (written == 0 && count > 0) {
        let error = std::io::Error::last_os_error();
        // SAFETY: the caller has just written to it, or tried to; it is not closed here.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        if error.kind() != std::io::ErrorKind::Interrupted
            && let Some(file) = file_of_counts(descriptor)
        {
            end(&file, &error);
        }
    }
    written
}

/// The file, if it is one, and not where messages go to. Pipes and sockets say by errors what is no fault.
fn file_of_counts(descriptor: BorrowedFd<'_>) -> Option<PathBuf> {
    let stat = rustix::fs::fstat(descriptor).ok()?;
    if descriptor.as_raw_fd() <= 2 || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let file = std::fs::read_link(format!("/proc/self/fd/{}", descriptor.as_raw_fd())).unwrap_or_default();
    Some(file).filter(|file| !file.ends_with(NOTE))
}

fn end(file: &Path, error: &std::io::Error) -> ! {
    tracing::error!(file = %file.display(), %error, "the engine cannot write and ends, so that nothing half-written counts");
    // Without handlers and destructors, which would wait for the engine's threads or write more.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}
