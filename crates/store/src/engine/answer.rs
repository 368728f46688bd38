//! The way back: a head sent once, then chunks, packed as the client asked, through a short channel to the socket. A client
//! that reads slowly slows the engine down; one that stops reading is given up.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::exception::Exception;
use super::ffi::Progress;
use super::framing;
use super::request::{Encoding, Request};

/// Chunks between the engine and the socket.
const CHUNKS_WAITING_MAX: usize = 4;

/// Bytes of one chunk: what hyper writes at once, and the size of ClickHouse's own compressed blocks.
const CHUNK_BYTES: usize = 256 * 1024;

/// Longest a client may leave an answer unread. It holds a worker.
const UNREAD_MAX: Duration = Duration::from_secs(60);

/// The client has gone, or the answer was broken off: nothing more can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer was broken off")]
pub(super) struct BrokenOff;

/// Status and headers.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(&'static str, String)>,
}

/// The body that hyper sends.
#[derive(Debug)]
pub(super) struct Chunks(mpsc::Receiver<Result<Bytes, BrokenOff>>);

impl Body for Chunks {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

/// The worker's end of an answer.
pub(super) struct Reply {
    head: Option<oneshot::Sender<Head>>,
    chunks: mpsc::Sender<Result<Bytes, BrokenOff>>,
    runtime: Handle,
    packer: Packer,
    encoding: Encoding,
    common: Vec<(&'static str, String)>,
    version: String,
}

enum Packer {
    Plain,
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    Deflate(Box<flate2::write::ZlibEncoder<Vec<u8>>>),
    Lz4(Box<lz4_flex::frame::FrameEncoder<Vec<u8>>>),
    Blocks,
}

/// What is said about the engine in every answer.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) version: String,
    pub(super) timezone: String,
}

/// Makes the two ends of an answer.
pub(super) fn channel(request: &Request, server: &Server) -> (Reply, oneshot::Receiver<Head>, Chunks) {
    let (head, head_receiver) = oneshot::channel();
    let (chunks, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    let encoding = if request.compress { Encoding::Identity } else { request.accepted };
    let reply = Reply {
        head: Some(head),
        chunks,
        runtime: Handle::current(),
        packer: if request.compress { Packer::Blocks } else { Packer::of(encoding) },
        encoding,
        common: common(&request.query_id, server),
        version: server.version.clone(),
    };
    (reply, head_receiver, Chunks(receiver))
}

fn common(query_id: &str, server: &Server) -> Vec<(&'static str, String)> {
    vec![
        ("x-clickhouse-query-id", query_id.to_owned()),
        ("x-clickhouse-timezone", server.timezone.clone()),
        ("x-clickhouse-server-display-name", "footfall".to_owned()),
    ]
}

impl Reply {
    /// Sends the head of an answer that succeeded so far.
    pub(super) fn start(&mut self, format: &str, progress: Progress) {
        let mut headers = self.common.clone();
        headers.push(("content-type", content_type(format).to_owned()));
        headers.push(("x-clickhouse-format", format.to_owned()));
        headers.push(("x-clickhouse-summary", summary(progress)));
        if let Some(encoding) = self.encoding.name() {
            headers.push(("content-encoding", encoding.to_owned()));
        }
        self.send_head(Head { status: StatusCode::OK, headers });
    }

    /// Sends some of the answer's bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BrokenOff> {
        for piece in bytes.chunks(CHUNK_BYTES) {
            let packed = self.packer.pack(piece)?;
            self.send(packed)?;
        }
        Ok(())
    }

    /// Ends an answer.
    pub(super) fn finish(mut self) -> Result<(), BrokenOff> {
        let rest = std::mem::replace(&mut self.packer, Packer::Plain).finish()?;
        self.send(rest)
    }

    /// Answers with an error. When part of an answer is on its way already, the error is written behind it and the
    /// connection is broken off, so that no client takes the part for the whole.
    pub(super) fn fail(mut self, error: &Exception) -> Result<(), BrokenOff> {
        let body = error.body(&self.version);
        if self.head.is_some() {
            let mut headers = self.common.clone();
            headers.push(("content-type", "text/plain; charset=UTF-8".to_owned()));
            headers.push(("x-clickhouse-exception-code", error.code.to_string()));
            self.send_head(Head { status: error.status(), headers });
            return self.send(body.into_bytes());
        }
        self.write(body.as_bytes())?;
        let rest = std::mem::replace(&mut self.packer, Packer::Plain).finish()?;
        self.send(rest)?;
        let _ = self.runtime.block_on(self.chunks.send(Err(BrokenOff)));
        Err(BrokenOff)
    }

    fn send_head(&mut self, head: Head) {
        if let Some(sender) = self.head.take() {
            // A client that has gone is noticed at the first chunk.
            let _ = sender.send(head);
        }
    }

    fn send(&self, bytes: Vec<u8>) -> Result<(), BrokenOff> {
        if bytes.is_empty() {
            return Ok(());
        }
        let sent = async { tokio::time::timeout(UNREAD_MAX, self.chunks.send(Ok(bytes.into()))).await };
        match self.runtime.block_on(sent) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(BrokenOff),
        }
    }
}

impl Packer {
    fn of(encoding: Encoding) -> Self {
        let level = flate2::Compression::fast();
        match encoding {
            Encoding::Identity => Self::Plain,
            Encoding::Gzip => Self::Gzip(Box::new(flate2::write::GzEncoder::new(Vec::new(), level))),
            Encoding::Deflate => Self::Deflate(Box::new(flate2::write::ZlibEncoder::new(Vec::new(), level))),
            Encoding::Lz4 => Self::Lz4(Box::new(lz4_flex::frame::FrameEncoder::new(Vec::new()))),
        }
    }

    fn pack(&mut self, bytes: &[u8]) -> Result<Vec<u8>, BrokenOff> {
        // Writing into memory does not fail.
        let packed = match self {
            Self::Plain => Ok(bytes.to_vec()),
            Self::Gzip(packer) => packer.write_all(bytes).map(|()| std::mem::take(packer.get_mut())),
            Self::Deflate(packer) => packer.write_all(bytes).map(|()| std::mem::take(packer.get_mut())),
            Self::Lz4(packer) => packer.write_all(bytes).map(|()| std::mem::take(packer.get_mut())),
            Self::Blocks => Ok(framing::block(bytes)),
        };
        packed.map_err(|_| BrokenOff)
    }

    fn finish(self) -> Result<Vec<u8>, BrokenOff> {
        match self {
            Self::Plain | Self::Blocks => Ok(Vec::new()),
            Self::Gzip(packer) => packer.finish().map_err(|_| BrokenOff),
            Self::Deflate(packer) => packer.finish().map_err(|_| BrokenOff),
            Self::Lz4(packer) => packer.finish().map_err(|_| BrokenOff),
        }
    }
}

/// A whole response with the given head.
pub(super) fn respond<B>(head: Head, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    for (name, value) in head.headers {
        // A value that cannot stand in a header (a query id with a line end) is left out, not let through.
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(header::HeaderName::from_static(name), value);
        }
    }
    response
}

/// An error before there was a request to run.
pub(super) fn refuse(error: &Exception, query_id: &str, server: &Server) -> (Head, String) {
    let mut headers = common(query_id, server);
    headers.push(("content-type", "text/plain; charset=UTF-8".to_owned()));
    headers.push(("x-clickhouse-exception-code", error.code.to_string()));
    (Head { status: error.status(), headers }, error.body(&server.version))
}

fn summary(progress: Progress) -> String {
    let elapsed_ns = (progress.elapsed_seconds.max(0.0) * 1e9).round();
    format!(
        "{{\"read_rows\":\"{}\",\"read_bytes\":\"{}\",\"written_rows\":\"{}\",\"written_bytes\":\"{}\",\
         \"total_rows_to_read\":\"0\",\"result_rows\":\"{}\",\"result_bytes\":\"{}\",\"elapsed_ns\":\"{elapsed_ns}\"}}",
        progress.read_rows,
        progress.read_bytes,
        progress.written_rows,
        progress.written_bytes,
        progress.result_rows,
        progress.result_bytes,
    )
}

fn content_type(format: &str) -> &'static str {
    let format = format.to_ascii_lowercase();
    if format.contains("eachrow") {
        return "application/x-ndjson; charset=UTF-8";
    }
    match format.as_str() {
        "tabseparated" | "tsv" | "tabseparatedraw" | "tsvraw" => "text/tab-separated-values; charset=UTF-8",
        "tabseparatedwithnames" | "tsvwithnames" | "tabseparatedwithnamesandtypes" | "tsvwithnamesandtypes" => {
            "text/tab-separated-values; charset=UTF-8; header=present"
        }
        "csv" => "text/csv; charset=UTF-8; header=absent",
        "csvwithnames" | "csvwithnamesandtypes" => "text/csv; charset=UTF-8; header=present",
        "xml" => "application/xml; charset=UTF-8",
        "json"
        | "jsoncompact"
        | "jsonstrings"
        | "jsoncompactstrings"
        | "jsoncolumns"
        | "jsoncompactcolumns"
        | "jsoncolumnswithmetadata"
        | "jsonobjecteachrow" => "application/json; charset=UTF-8",
        "native"
        | "rowbinary"
        | "rowbinarywithnames"
        | "rowbinarywithnamesandtypes"
        | "parquet"
        | "arrow"
        | "arrowstream"
        | "orc"
        | "avro"
        | "msgpack"
        | "protobuf"
        | "bsoneachrow"
        | "npy" => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    }
}
