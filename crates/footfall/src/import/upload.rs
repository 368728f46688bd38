//! Imports into a running server: asks it what it knows, then streams all files to it in one request, framed (see `frames`).

use std::io::{self, Read};

use anyhow::Context;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use indicatif::ProgressBar;
use serde_json::Value;
use store::ImportMark;
use tokio::runtime::Handle;

use super::files::Source;
use super::frames::{self, Header};
use super::{Import, direct};
use crate::client::{self, Client};

/// Pieces of a file on their way; bounds memory to a few megabytes.
const PIECES_MAX: usize = 16;
const PIECE_BYTES: usize = 256 * 1024;

/// Imports the files in order of time and returns the account.
pub fn run(asked: &Import, url: &str, files: Vec<Source>) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let client = Client::new(url, asked.token.as_deref())?;
    let mut path = format!("/api/v1/import?site_id={}", client::escape(&asked.site));
    let marks = runtime.block_on(client.get(&path, &[]))?.good("what was imported before")?;
    let marks: Vec<ImportMark> =
        serde_json::from_slice(&marks).context("the server's answer is not understood; is it of another version?")?;
    if let Some(timezone) = &asked.timezone {
        path.push_str("&timezone=");
        path.push_str(&client::escape(timezone));
    }
    let files = direct::in_order(files, &asked.site);
    let (sender, body) = Channel::new(PIECES_MAX);
    let answer = std::thread::scope(|scope| {
        scope.spawn(|| pump(&files, &marks, sender, runtime.handle()));
        runtime.block_on(client.send(Method::POST, &path, &[], body.boxed_unsync()))
    });
    Ok(serde_json::from_slice(&answer?.good("the import")?)?)
}

/// Sends every file, framed. A file that cannot be read breaks the request off, which the server does not take for its end.
fn pump(files: &[Source], marks: &[ImportMark], mut sender: Sender<Bytes, io::Error>, runtime: &Handle) {
    let mut send = |piece: Bytes| runtime.block_on(sender.send_data(piece)).context("the server stopped listening");
    let mut all = || -> anyhow::Result<()> {
        for file in files {
            one(file, marks, &mut send).with_context(|| format!("cannot send {}", file.name()))?;
        }
        send(frames::LAST.into())
    };
    if let Err(error) = all() {
        sender.abort(io::Error::other(error));
    }
}

fn one(file: &Source, marks: &[ImportMark], send: &mut dyn FnMut(Bytes) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let known = processor::import::known(marks.to_vec(), &mut *file.reader(&ProgressBar::hidden())?)?;
    send(Header { format: file.format, known }.encode())?;
    let bar = file.bar();
    let mut reader = file.reader(&bar)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = reader.read(&mut piece)?;
        send(frames::piece(piece.get(..count).unwrap_or_default()))?;
        if count == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
    }
}
