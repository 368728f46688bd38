//! One request on one worker thread: read as much of the body as tells what it is, open a connection, set what the request
//! sets, run the statement, answer.
//!
//! The invariant: a request's settings live in its own connection and die with it (or are put back, in a session), so
//! nothing leaks into another request.

use std::io::Read;

use super::answer::{BrokenOff, Reply};
use super::body;
use super::exception::{Exception, Own};
use super::ffi::{Answer, Connection, Progress, Stream};
use super::formats;
use super::host::Host;
use super::request::Request;
use super::statement::{self, Statement};

/// Longest statement that is not data behind an insert's head, in bytes. ClickHouse parses 256 KiB unless told otherwise;
/// inserts whose data only the engine can find (`FORMAT x SETTINGS …`) need more.
const STATEMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes read at once from a body.
const PIECE_BYTES: usize = 256 * 1024;

/// How much of a refused body is still read, so that a client that writes first and reads later gets the error.
const DRAINED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Largest answer in a format that cannot be streamed, in bytes.
const WHOLE_ANSWER_BYTES_MAX: &str = "268435456";

/// Why a request ended early.
enum Stop {
    Failed(Exception),
    Gone,
}

impl From<Exception> for Stop {
    fn from(error: Exception) -> Self {
        Self::Failed(error)
    }
}

impl From<BrokenOff> for Stop {
    fn from(_: BrokenOff) -> Self {
        Self::Gone
    }
}

/// Runs a request to its end.
pub(super) fn serve(host: &Host, mut request: Request, pipe: body::Pipe, mut reply: Reply) {
    let mut body = body::unpacked(pipe, &request);
    let done = run(host, &mut request, &mut body, &mut reply);
    // An answer that cannot be delivered has nobody to be told.
    let _ = match done {
        Ok(()) => reply.finish(),
        Err(Stop::Gone) => Ok(()),
        Err(Stop::Failed(error)) => {
            let _ = std::io::copy(&mut body.take(DRAINED_BYTES_MAX), &mut std::io::sink());
            reply.fail(&error)
        }
    };
}

fn run(host: &Host, request: &mut Request, body: &mut dyn Read, reply: &mut Reply) -> Result<(), Stop> {
    if let Some(boundary) = request.boundary.take() {
        let mut form = Vec::new();
        let limit = STATEMENT_BYTES_MAX as u64 + 1;
        body.take(limit).read_to_end(&mut form).map_err(|error| body::broken(&error))?;
        if form.len() > STATEMENT_BYTES_MAX {
            return Err(too_large().into());
        }
        body::read_form(request, &boundary, &form)?;
    }
    let (text, statement) = read_statement(std::mem::take(&mut request.query), body)?;
    if request.read_only && !statement::only_reads(&text) {
        let said = "Cannot execute query in readonly mode: requests that change something are sent by POST";
        return Err(Exception::own(Own::ReadOnly, said).into());
    }
    match statement {
        Statement::Empty => {
            let said = "Empty query";
            Err(Exception::own(Own::Syntax, said).into())
        }
        Statement::Several => {
            let said = "Syntax error: Multi-statements are not allowed";
            Err(Exception::own(Own::Syntax, said).into())
        }
        Statement::Incomplete => Err(too_large().into()),
        Statement::Insert { head_end, format, data } => with_connection(host, request, |connection| {
            let (head, rest) = (text.get(..head_end).unwrap_or_default(), text.get(data..).unwrap_or_default());
            insert(connection, request, Head { sql: head, format: &format }, rest.chain(body), reply)
        }),
        Statement::Plain { end, format, rows } => with_connection(host, request, |connection| {
            let sql = text.get(..end).unwrap_or_default();
            let format = format.as_deref().or(request.default_format.as_deref()).unwrap_or("TabSeparated");
            select(connection, request, Wanted { sql, format, rows }, reply)
        }),
    }
}

/// Reads until the text tells what it is: all of it, or an insert's head and the first of its data.
fn read_statement(mut text: Vec<u8>, body: &mut dyn Read) -> Result<(Vec<u8>, Statement), Exception> {
    let mut piece = vec![0_u8; PIECE_BYTES];
    let mut first = true;
    loop {
        let count = body.read(&mut piece).map_err(|error| body::broken(&error))?;
        let read = piece.get(..count).unwrap_or_default();
        if first && !read.is_empty() && !text.is_empty() {
            // ClickHouse joins the `query` parameter and the body like this.
            text.push(b'\n');
        }
        first = false;
        text.extend_from_slice(read);
        let found = statement::look(&text, read.is_empty());
        if found != Statement::Incomplete || text.len() > STATEMENT_BYTES_MAX {
            return Ok((text, found));
        }
    }
}

fn too_large() -> Exception {
    Exception::own(Own::TooLarge, &format!("The statement is longer than {STATEMENT_BYTES_MAX} bytes"))
}

/// Runs `work` on the request's own connection, or on its session's.
fn with_connection(
    host: &Host,
    request: &Request,
    work: impl FnOnce(&mut Connection) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let Some(wish) = &request.session else {
        let mut connection = host.connect()?;
        prepare(&mut connection, request)?;
        return work(&mut connection);
    };
    let mut connection = host.sessions.take(wish, || host.connect())?;
    let before = current(&mut connection, request);
    let done = before.and_then(|before| {
        let done = prepare(&mut connection, request).map_err(Stop::from).and_then(|()| work(&mut connection));
        set(&mut connection, &before)?;
        done
    });
    host.sessions.give_back(wish, connection);
    done
}

/// Selects the database and sets the request's settings.
fn prepare(connection: &mut Connection, request: &Request) -> Result<(), Exception> {
    if let Some(database) = &request.database {
        execute(connection, &format!("USE `{}`", database.replace('\\', "\\\\").replace('`', "\\`")))?;
    }
    set(connection, &request.settings)?;
    // In a session the mode could not be left again; there the statement's verb decides (`only_reads`).
    if request.read_only && request.session.is_none() && !request.settings.iter().any(|(name, _)| name == "readonly") {
        execute(connection, "SET readonly = 2")?;
    }
    Ok(())
}

/// The present values of what a request is going to set.
fn current(connection: &mut Connection, request: &Request) -> Result<Vec<(String, String)>, Stop> {
    let mut names: Vec<String> = request.settings.iter().map(|(name, _)| format!("'{name}'")).collect();
    names.push("'max_result_bytes'".to_owned());
    let sql = format!("SELECT name, value FROM system.settings WHERE name IN ({})", names.join(", "));
    let answer = connection.query(sql.as_bytes(), "JSONCompactEachRow", &[]);
    if let Some(error) = answer.error() {
        return Err(Exception::of_engine(error).into());
    }
    let rows = serde_json::Deserializer::from_slice(answer.bytes()).into_iter::<(String, String)>();
    Ok(rows.filter_map(Result::ok).collect())
}

fn set(connection: &mut Connection, settings: &[(String, String)]) -> Result<(), Exception> {
    if settings.is_empty() {
        return Ok(());
    }
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    let list: Vec<String> = settings.iter().map(|(name, value)| format!("{name} = '{}'", quoted(value))).collect();
    execute(connection, &format!("SET {}", list.join(", ")))
}

fn execute(connection: &mut Connection, sql: &str) -> Result<(), Exception> {
    match connection.query(sql.as_bytes(), "Null", &[]).error() {
        Some(error) => Err(Exception::of_engine(error)),
        None => Ok(()),
    }
}

struct Head<'t> {
    sql: &'t [u8],
    format: &'t str,
}

fn insert(
    connection: &mut Connection,
    request: &Request,
    head: Head<'_>,
    mut data: impl Read,
    reply: &mut Reply,
) -> Result<(), Stop> {
    let mut insert = connection.insert(head.sql, head.format, &request.parameters).map_err(Exception::of_engine)?;
    let mut piece = vec![0_u8; PIECE_BYTES];
    loop {
        // A body that breaks off leaves `insert` to be dropped, which cancels it: half a body is never committed.
        let count = data.read(&mut piece).map_err(|error| body::broken(&error))?;
        let read = piece.get(..count).unwrap_or_default();
        if read.is_empty() || !insert.append(read) {
            break;
        }
    }
    let answer = insert.finish();
    if let Some(error) = answer.error() {
        return Err(Exception::of_engine(error).into());
    }
    reply.start(request.default_format.as_deref().unwrap_or("TabSeparated"), answer.progress());
    Ok(())
}

struct Wanted<'t> {
    sql: &'t [u8],
    format: &'t str,
    rows: bool,
}

fn select(connection: &mut Connection, request: &Request, wanted: Wanted<'_>, reply: &mut Reply) -> Result<(), Stop> {
    let Wanted { sql, format, rows } = wanted;
    // With this setting even rows are one document.
    let array = b"output_format_json_array_of_rows";
    let document = request.settings.iter().any(|(name, _)| name.as_bytes() == array)
        || sql.windows(array.len()).any(|window| window == array);
    let repeated = formats::repeated(format).filter(|_| rows && !document);
    let Some(repeated) = repeated else {
        if !request.settings.iter().any(|(name, _)| name == "max_result_bytes") {
            set(connection, &[("max_result_bytes".to_owned(), WHOLE_ANSWER_BYTES_MAX.to_owned())])?;
        }
        let answer = connection.query(sql, format, &request.parameters);
        if let Some(error) = answer.error() {
            return Err(Exception::of_engine(error).into());
        }
        reply.start(format, answer.progress());
        reply.write(answer.bytes())?;
        return Ok(());
    };
    let mut stream = connection
        .stream(sql, format, &request.parameters)
        .map_err(|answer| Exception::of_engine(answer.error().unwrap_or_default()))?;
    // The head goes out when the second block is there or the answer is at its end: errors up to then keep their status,
    // and short answers a complete summary.
    let mut progress = Progress::default();
    let first = fetch(&mut stream, &mut progress)?;
    let mut next = if first.bytes().is_empty() { None } else { Some(fetch(&mut stream, &mut progress)?) };
    reply.start(format, progress);
    reply.write(first.bytes())?;
    drop(first);
    while let Some(block) = next.take().filter(|block| !block.bytes().is_empty()) {
        let broken = || Exception::own(Own::IncorrectData, "A block of the answer does not begin as its format says");
        reply.write(repeated.cut(block.bytes()).ok_or_else(broken)?)?;
        drop(block);
        next = Some(fetch(&mut stream, &mut progress)?);
    }
    Ok(())
}

fn fetch(stream: &mut Stream<'_>, progress: &mut Progress) -> Result<Answer, Exception> {
    let block = stream.fetch();
    if let Some(error) = block.error() {
        return Err(Exception::of_engine(error));
    }
    progress.add(block.progress());
    Ok(block)
}
