//! Imports into a running server: asks it what it knows, then streams each file's content to it.

use std::io::{self, Read};

use anyhow::Context;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use model::Site;
use processor::import::Import;
use serde_json::{Map, Value};
use store::ImportMark;
use tokio::runtime::{Handle, Runtime};

use super::files::Source;
use crate::client::{self, Client};
use crate::engine;

/// Pieces of a file on their way; bounds memory to a few megabytes.
const PIECES_MAX: usize = 16;
const PIECE_BYTES: usize = 256 * 1024;

/// Imports every file and returns the accounts added up.
pub fn run(asked: &super::Import, url: &str, files: Vec<Source>) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let client = Client::new(url, asked.token.as_deref())?;
    let mut total = Value::Object(Map::new());
    for file in &files {
        let account = one(&runtime, &client, asked, file);
        add(&mut total, &account.with_context(|| format!("the import of {} stopped", file.name()))?);
    }
    Ok(total)
}

fn one(runtime: &Runtime, client: &Client, asked: &super::Import, file: &Source) -> anyhow::Result<Value> {
    let site = client::escape(&asked.site);
    let marks = runtime.block_on(client.get(&format!("/api/v1/import?site_id={site}"), &[]))?;
    let marks = read_marks(&marks.good("what was imported before")?)?;
    let domain = model::Domain::parse(&asked.site)?;
    let looked = Import::new(Site::new(domain).into(), fold::Tables::default(), engine::secret()?, marks);
    let known = looked.known(&mut *file.reader(&indicatif::ProgressBar::hidden())?)?;
    let mut path = format!("/api/v1/import?site_id={site}&format={}&known={known}", file.format.as_str());
    if let Some(timezone) = &asked.timezone {
        path.push_str("&timezone=");
        path.push_str(&client::escape(timezone));
    }
    let bar = file.bar();
    let (sender, body) = Channel::new(PIECES_MAX);
    let answer = std::thread::scope(|scope| {
        scope.spawn(|| pump(file, &bar, sender, runtime.handle()));
        runtime.block_on(client.send(Method::POST, &path, &[], body.boxed_unsync()))
    });
    bar.finish_and_clear();
    Ok(serde_json::from_slice(&answer?.good("the import")?)?)
}

/// Reads a file piece by piece into the body; ends when the other side has gone.
fn pump(file: &Source, bar: &indicatif::ProgressBar, mut sender: Sender<Bytes, io::Error>, runtime: &Handle) {
    let mut pieces = || -> anyhow::Result<()> {
        let mut reader = file.reader(bar)?;
        loop {
            let mut piece = vec![0; PIECE_BYTES];
            let count = reader.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            piece.truncate(count);
            runtime.block_on(sender.send_data(piece.into())).context("the server stopped listening")?;
        }
    };
    if let Err(error) = pieces() {
        sender.abort(io::Error::other(error));
    }
}

fn read_marks(json: &[u8]) -> anyhow::Result<Vec<ImportMark>> {
    #[derive(serde::Deserialize)]
    struct Mark {
        bytes: u64,
        sha256: [u8; 32],
    }
    let marks: Vec<Mark> =
        serde_json::from_slice(json).context("the server's answer is not understood; is it older?")?;
    Ok(marks.into_iter().map(|Mark { bytes, sha256 }| ImportMark { bytes, sha256 }).collect())
}

/// Adds one account to another, number by number.
fn add(total: &mut Value, account: &Value) {
    match (total, account) {
        (Value::Object(total), Value::Object(account)) => {
            for (key, value) in account {
                add(total.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (total @ Value::Null, account) => *total = account.clone(),
        (total, account) => {
            if let (Some(a), Some(b)) = (total.as_u64(), account.as_u64()) {
                *total = (a + b).into();
            }
        }
    }
}
