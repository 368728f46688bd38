//! The engine's C interface behind safe types: with `writes` the only unsafe code of this crate, and nothing but that.
//!
//! It decides nothing. The invariant: every handle the library hands out is owned by exactly one value here, is used by
//! one thread at a time (`&mut`), and is given back exactly once, in `Drop`. The library itself is never unloaded: its
//! threads run code in it until the process ends.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::Path;
use std::ptr;

use libloading::os::unix;

use super::EngineError;
use super::writes::{self, Loaded, Write};

/// What the library calls a connection: a pointer it owns to a pointer it owns.
type RawConnection = *mut c_void;
type RawResult = *mut c_void;
type RawInsert = *mut c_void;
type Text = *const c_char;

/// The functions used, looked up once. The signatures are those of the library's `chdb.h` of the pinned version.
#[derive(Debug)]
struct Functions {
    connect: unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut RawConnection,
    close: unsafe extern "C" fn(*mut RawConnection),
    query: unsafe extern "C" fn(
        RawConnection,
        Text,
        usize,
        Text,
        usize,
        *const Text,
        *const usize,
        *const Text,
        *const usize,
        usize,
    ) -> RawResult,
    stream: unsafe extern "C" fn(
        RawConnection,
        Text,
        usize,
        Text,
        usize,
        *const Text,
        *const usize,
        *const Text,
        *const usize,
        usize,
    ) -> RawResult,
    fetch: unsafe extern "C" fn(RawConnection, RawResult) -> RawResult,
    cancel: unsafe extern "C" fn(RawConnection, RawResult),
    destroy: unsafe extern "C" fn(RawResult),
    insert: unsafe extern "C" fn(
        RawConnection,
        Text,
        usize,
        Text,
        usize,
        *const Text,
        *const usize,
        *const Text,
        *const usize,
        usize,
    ) -> RawInsert,
    insert_append: unsafe extern "C" fn(RawInsert, *const c_void, usize) -> c_int,
    insert_done: unsafe extern "C" fn(RawInsert) -> RawResult,
    insert_error: unsafe extern "C" fn(RawInsert) -> Text,
    insert_destroy: unsafe extern "C" fn(RawInsert),
    buffer: unsafe extern "C" fn(RawResult) -> *mut c_char,
    length: unsafe extern "C" fn(RawResult) -> usize,
    error: unsafe extern "C" fn(RawResult) -> Text,
    rows: unsafe extern "C" fn(RawResult) -> u64,
    storage_rows: unsafe extern "C" fn(RawResult) -> u64,
    storage_bytes: unsafe extern "C" fn(RawResult) -> u64,
    rows_written: unsafe extern "C" fn(RawResult) -> u64,
    bytes_written: unsafe extern "C" fn(RawResult) -> u64,
    elapsed: unsafe extern "C" fn(RawResult) -> f64,
    set_signal_handlers: unsafe extern "C" fn(c_int),
    shutdown: unsafe extern "C" fn() -> c_int,
}

/// The opened library. Copies share it; it stays loaded as long as the process lives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Library(&'static Functions);

/// A named parameter of a query: `{name:Type}` and its value.
pub(super) type Parameter = (String, String);

impl Library {
    /// Opens `libchdb.so` and forbids it to take over the process's signal handlers.
    pub(super) fn open(path: &Path) -> Result<Self, EngineError> {
        let failed =
            |error: libloading::Error| EngineError::Library { path: path.to_owned(), detail: error.to_string() };
        // SAFETY: loading runs the library's initialisers. The file is the pinned engine, whose checksum is verified when
        // it is fetched; it is made to be loaded like this, and is never unloaded (leaked below).
        let library = unsafe { unix::Library::open(Some(path), unix::RTLD_NOW | unix::RTLD_LOCAL) }.map_err(failed)?;
        let library: &'static unix::Library = Box::leak(Box::new(library));
        // SAFETY (all look-ups below): each name is paired with the signature that `chdb.h` declares for it.
        let functions = unsafe {
            Functions {
                connect: *library.get(c"chdb_connect").map_err(failed)?,
                close: *library.get(c"chdb_close_conn").map_err(failed)?,
                query: *library.get(c"chdb_query_with_params_n").map_err(failed)?,
                stream: *library.get(c"chdb_stream_query_with_params_n").map_err(failed)?,
                fetch: *library.get(c"chdb_stream_fetch_result").map_err(failed)?,
                cancel: *library.get(c"chdb_stream_cancel_query").map_err(failed)?,
                destroy: *library.get(c"chdb_destroy_query_result").map_err(failed)?,
                insert: *library.get(c"chdb_stream_insert_with_params_n").map_err(failed)?,
                insert_append: *library.get(c"chdb_stream_append").map_err(failed)?,
                insert_done: *library.get(c"chdb_stream_done").map_err(failed)?,
                insert_error: *library.get(c"chdb_stream_insert_error").map_err(failed)?,
                insert_destroy: *library.get(c"chdb_destroy_insert_stream").map_err(failed)?,
                buffer: *library.get(c"chdb_result_buffer").map_err(failed)?,
                length: *library.get(c"chdb_result_length").map_err(failed)?,
                error: *library.get(c"chdb_result_error").map_err(failed)?,
                rows: *library.get(c"chdb_result_rows_read").map_err(failed)?,
                storage_rows: *library.get(c"chdb_result_storage_rows_read").map_err(failed)?,
                storage_bytes: *library.get(c"chdb_result_storage_bytes_read").map_err(failed)?,
                rows_written: *library.get(c"chdb_result_rows_written").map_err(failed)?,
                bytes_written: *library.get(c"chdb_result_bytes_written").map_err(failed)?,
                elapsed: *library.get(c"chdb_result_elapsed").map_err(failed)?,
                set_signal_handlers: *library.get(c"chdb_set_signal_handlers_enabled").map_err(failed)?,
                shutdown: *library.get(c"chdb_shutdown").map_err(failed)?,
            }
        };
        let functions: &'static Functions = Box::leak(Box::new(functions));
        let loaded = Loaded { path, name: "chdb_connect", address: functions.connect as usize };
        // SAFETY: write(2) has this signature. The library is loaded with its imports resolved, stays so, and has no
        // connection yet, without which it runs nothing.
        unsafe {
            let write = unix::Library::this().get::<Write>(c"write").map_err(failed)?;
            writes::watch(&loaded, *write)?;
        }
        // SAFETY: takes a plain number, and is called before the first connection, as its documentation asks.
        unsafe { (functions.set_signal_handlers)(0) };
        Ok(Self(functions))
    }

    /// Opens a connection. The first one starts the engine on the path it names; later ones join it.
    ///
    /// `None` when the library refuses; it does not say why.
    pub(super) fn connect(self, arguments: &[String]) -> Option<Connection> {
        let arguments: Vec<CString> =
            arguments.iter().map(|text| CString::new(text.as_str())).collect::<Result<_, _>>().ok()?;
        let mut pointers: Vec<*mut c_char> = arguments.iter().map(|text| text.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        pointers.push(ptr::null_mut());
        // SAFETY: `count` NUL-terminated strings, followed by a null like any `argv`; they outlive the call, and the
        // library parses them without writing to them or keeping them.
        let raw = unsafe { (self.0.connect)(count, pointers.as_mut_ptr()) };
        let raw = ptr::NonNull::new(raw)?;
        Some(Connection { library: self, raw })
    }

    /// Closes the engine for this process and stops its threads. Call it when every connection is closed; `false` when some thread
    /// was not reached, which ends with the process.
    pub(super) fn shutdown(self) -> bool {
        // SAFETY: takes nothing and may be called from any thread at any time; it refuses while connections are open.
        unsafe { (self.0.shutdown)() == 0 }
    }
}

/// A session with the engine: one statement at a time.
#[derive(Debug)]
pub(super) struct Connection {
    library: Library,
    raw: ptr::NonNull<RawConnection>,
}

// SAFETY: the library lets any thread use a connection as long as one does at a time; every use takes `&mut self`.
unsafe impl Send for Connection {}

impl Connection {
    /// Runs a statement and holds its whole answer.
    pub(super) fn query(&mut self, sql: &[u8], format: &str, parameters: &[Parameter]) -> Answer {
        let named = Named::new(parameters);
        let f = self.library.0;
        // SAFETY: an open connection; every pointer comes with the length of what it points to, and all of it outlives the
        // call. The result is ours to destroy (`Answer`).
        let raw = unsafe {
            (f.query)(
                self.raw.read(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                named.names.as_ptr(),
                named.name_lengths.as_ptr(),
                named.values.as_ptr(),
                named.value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        Answer { library: self.library, raw }
    }

    /// Starts a statement whose answer is fetched block by block. An answer with an error means that it did not start.
    pub(super) fn stream(&mut self, sql: &[u8], format: &str, parameters: &[Parameter]) -> Result<Stream<'_>, Answer> {
        let named = Named::new(parameters);
        let f = self.library.0;
        // SAFETY: as in `query`; the handle is ours to cancel and destroy (`Stream`), and borrows the connection.
        let raw = unsafe {
            (f.stream)(
                self.raw.read(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                named.names.as_ptr(),
                named.name_lengths.as_ptr(),
                named.values.as_ptr(),
                named.value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        let started = Answer { library: self.library, raw };
        if started.error().is_some() {
            return Err(started);
        }
        Ok(Stream { connection: self, started, finished: false })
    }

    /// Starts an insert whose data is appended piece by piece.
    pub(super) fn insert(&mut self, sql: &[u8], format: &str, parameters: &[Parameter]) -> Result<Insert<'_>, String> {
        let named = Named::new(parameters);
        let f = self.library.0;
        // SAFETY: as in `query`; the handle is never null by its documentation and is ours to destroy (`Insert`).
        let raw = unsafe {
            (f.insert)(
                self.raw.read(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                named.names.as_ptr(),
                named.name_lengths.as_ptr(),
                named.values.as_ptr(),
                named.value_lengths.as_ptr(),
                parameters.len(),
            )
        };
        let insert = Insert { library: self.library, raw, connection: PhantomData };
        match insert.error() {
            Some(error) => Err(error),
            None => Ok(insert),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `connect`, closed here only; results and streams borrow it or are independent of it.
        unsafe { (self.library.0.close)(self.raw.as_ptr()) };
    }
}

/// Parameters as the arrays the library reads.
struct Named {
    names: Vec<Text>,
    name_lengths: Vec<usize>,
    values: Vec<Text>,
    value_lengths: Vec<usize>,
}

impl Named {
    fn new(parameters: &[Parameter]) -> Self {
        Self {
            names: parameters.iter().map(|(name, _)| name.as_ptr().cast()).collect(),
            name_lengths: parameters.iter().map(|(name, _)| name.len()).collect(),
            values: parameters.iter().map(|(_, value)| value.as_ptr().cast()).collect(),
            value_lengths: parameters.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}

/// An answer, or one block of a streamed one.
#[derive(Debug)]
pub(super) struct Answer {
    library: Library,
    raw: RawResult,
}

/// What a statement read and wrote.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    pub(super) result_rows: u64,
    pub(super) result_bytes: u64,
    pub(super) read_rows: u64,
    pub(super) read_bytes: u64,
    pub(super) written_rows: u64,
    pub(super) written_bytes: u64,
    pub(super) elapsed_seconds: f64,
}

impl Progress {
    /// Adds the next block's; what was read and written is a running total of the statement already.
    pub(super) fn add(&mut self, block: Self) {
        self.result_rows += block.result_rows;
        self.result_bytes += block.result_bytes;
        self.read_rows = self.read_rows.max(block.read_rows);
        self.read_bytes = self.read_bytes.max(block.read_bytes);
        self.written_rows = self.written_rows.max(block.written_rows);
        self.written_bytes = self.written_bytes.max(block.written_bytes);
        self.elapsed_seconds = self.elapsed_seconds.max(block.elapsed_seconds);
    }
}

impl Answer {
    /// The library's words when the statement failed.
    pub(super) fn error(&self) -> Option<String> {
        // SAFETY: a result we own, or null, which the library's accessors accept; the text lives as long as the result.
        unsafe { text((self.library.0.error)(self.raw)) }
    }

    /// The formatted rows.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: as in `error`.
        let (start, length) = unsafe { ((self.library.0.buffer)(self.raw), (self.library.0.length)(self.raw)) };
        if start.is_null() || length == 0 {
            return &[];
        }
        // SAFETY: the library owns `length` initialised bytes at `start` until the result is destroyed, and `&self` keeps
        // it from being destroyed.
        unsafe { std::slice::from_raw_parts(start.cast_const().cast(), length) }
    }

    /// What was read and written.
    pub(super) fn progress(&self) -> Progress {
        let f = self.library.0;
        // SAFETY: as in `error`; these return plain numbers.
        unsafe {
            Progress {
                result_rows: (f.rows)(self.raw),
                result_bytes: u64::try_from((f.length)(self.raw)).unwrap_or(u64::MAX),
                read_rows: (f.storage_rows)(self.raw),
                read_bytes: (f.storage_bytes)(self.raw),
                written_rows: (f.rows_written)(self.raw),
                written_bytes: (f.bytes_written)(self.raw),
                elapsed_seconds: (f.elapsed)(self.raw),
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: ours, and destroyed here only.
            unsafe { (self.library.0.destroy)(self.raw) };
        }
    }
}

/// A statement whose answer is being fetched.
#[derive(Debug)]
pub(super) struct Stream<'c> {
    connection: &'c mut Connection,
    started: Answer,
    finished: bool,
}

impl Stream<'_> {
    /// The next block; one without bytes is the end, one with an error too.
    pub(super) fn fetch(&mut self) -> Answer {
        let f = self.connection.library.0;
        // SAFETY: the connection is open and borrowed by us alone, the handle is not destroyed before `self` is.
        let raw = unsafe { (f.fetch)(self.connection.raw.read(), self.started.raw) };
        let block = Answer { library: self.connection.library, raw };
        self.finished = block.bytes().is_empty();
        block
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let f = self.connection.library.0;
            // SAFETY: as in `fetch`; the handle itself is destroyed afterwards, by `started`.
            unsafe { (f.cancel)(self.connection.raw.read(), self.started.raw) };
        }
    }
}

/// An insert that is being fed. Dropped before [`Insert::finish`] it is cancelled.
#[derive(Debug)]
pub(super) struct Insert<'c> {
    library: Library,
    raw: RawInsert,
    connection: PhantomData<&'c mut Connection>,
}

impl Insert<'_> {
    /// Appends data; blocks while the engine is behind. `false` when the insert has failed: `finish` says why.
    pub(super) fn append(&mut self, data: &[u8]) -> bool {
        // SAFETY: a handle we own; the bytes are copied before the call returns.
        unsafe { (self.library.0.insert_append)(self.raw, data.as_ptr().cast(), data.len()) == 0 }
    }

    /// Ends the data and commits.
    pub(super) fn finish(self) -> Answer {
        // SAFETY: a handle we own, finalised once because `self` is consumed; it is destroyed by `Drop`.
        let raw = unsafe { (self.library.0.insert_done)(self.raw) };
        Answer { library: self.library, raw }
    }

    fn error(&self) -> Option<String> {
        // SAFETY: a handle we own; the text lives as long as the handle.
        unsafe { text((self.library.0.insert_error)(self.raw)) }
    }
}

impl Drop for Insert<'_> {
    fn drop(&mut self) {
        // SAFETY: ours, and destroyed here only; it cancels first what was not finalised.
        unsafe { (self.library.0.insert_destroy)(self.raw) };
    }
}

/// Copies a C string, if there is one.
///
/// # Safety
/// `text` is null or points to a NUL-terminated string that lives through the call.
unsafe fn text(text: Text) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}
