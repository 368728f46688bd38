//! A request's body as a plain reader on a blocking thread: frames are pumped through a short channel, so a slow engine
//! slows the client down, and unpacked on the way. Also the one form ClickHouse accepts, `multipart/form-data`.

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::exception::{Exception, Own};
use super::framing::Blocks;
use super::request::{Encoding, Request};

/// Frames between the socket and the engine: enough that neither waits for the other, few enough to be little memory.
const FRAMES_WAITING_MAX: usize = 4;

/// Longest silence in a body. It holds a worker, so a client that went away must not hold it for ever.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Reads frames as they come.
pub(super) struct Pipe {
    frames: mpsc::Receiver<io::Result<Bytes>>,
    frame: Bytes,
}

/// Starts pumping a body; the reader is for a blocking thread.
pub(super) fn pump(mut incoming: Incoming) -> Pipe {
    let (sender, frames) = mpsc::channel(FRAMES_WAITING_MAX);
    tokio::spawn(async move {
        loop {
            let frame = match tokio::time::timeout(SILENCE_MAX, incoming.frame()).await {
                Ok(None) => return,
                Ok(Some(Ok(frame))) => frame.into_data().map_err(|_| ()),
                Ok(Some(Err(error))) => {
                    let _ = sender.send(Err(io::Error::new(io::ErrorKind::UnexpectedEof, error))).await;
                    return;
                }
                Err(_) => {
                    let _ = sender.send(Err(io::Error::from(io::ErrorKind::TimedOut))).await;
                    return;
                }
            };
            // Trailers are no data; a closed channel means that the worker wants no more.
            if let Ok(data) = frame
                && sender.send(Ok(data)).await.is_err()
            {
                return;
            }
        }
    });
    Pipe { frames, frame: Bytes::new() }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.frame.is_empty() {
            match self.frames.blocking_recv() {
                Some(frame) => self.frame = frame?,
                None => return Ok(0),
            }
        }
        let count = self.frame.len().min(into.len());
        if let Some(into) = into.get_mut(..count) {
            self.frame.copy_to_slice(into);
        }
        Ok(count)
    }
}

/// The body as it was before it was packed.
pub(super) fn unpacked(pipe: impl Read + Send + 'static, request: &Request) -> Box<dyn Read + Send> {
    let plain: Box<dyn Read + Send> = match request.encoded {
        Encoding::Identity => Box::new(pipe),
        Encoding::Gzip => Box::new(flate2::read::MultiGzDecoder::new(pipe)),
        Encoding::Deflate => Box::new(flate2::read::ZlibDecoder::new(pipe)),
        Encoding::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(pipe)),
    };
    if request.decompress { Box::new(Blocks::new(plain)) } else { plain }
}

/// An error while reading a body, as ClickHouse would tell it.
pub(super) fn broken(error: &io::Error) -> Exception {
    Exception::own(Own::IncorrectData, &format!("Cannot read the request's body: {error}"))
}

/// Reads a form's fields into the request. Files (ClickHouse's external tables) are refused.
pub(super) fn read_form(request: &mut Request, boundary: &str, body: &[u8]) -> Result<(), Exception> {
    let malformed = || Exception::own(Own::IncorrectData, "The form is not well-formed multipart/form-data");
    let delimiter = format!("--{boundary}");
    let mut parts = split(body, delimiter.as_bytes());
    parts.next().ok_or_else(malformed)?;
    for part in parts {
        if part.starts_with(b"--") {
            return Ok(());
        }
        let part = part.strip_prefix(b"\r\n").and_then(|part| part.strip_suffix(b"\r\n")).ok_or_else(malformed)?;
        let end = part.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(malformed)?;
        let headers = String::from_utf8_lossy(part.get(..end).unwrap_or_default());
        let value = part.get(end + 4..).unwrap_or_default();
        if headers.contains("filename=") {
            return Err(Exception::own(
                Own::NotImplemented,
                "External tables are not supported by the embedded engine",
            ));
        }
        let name = headers.split("name=\"").nth(1).and_then(|rest| rest.split('"').next()).ok_or_else(malformed)?;
        let value = String::from_utf8(value.to_vec()).map_err(|_| malformed())?;
        request.take(name, value)?;
    }
    Err(malformed())
}

fn split<'b>(body: &'b [u8], delimiter: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
    let mut rest = Some(body);
    std::iter::from_fn(move || {
        let text = rest?;
        let found = text.windows(delimiter.len()).position(|window| window == delimiter);
        rest = found.and_then(|at| text.get(at + delimiter.len()..));
        Some(found.and_then(|at| text.get(..at)).unwrap_or(text))
    })
}
