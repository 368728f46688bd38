//! A mail server that tests send to: it speaks enough SMTP (RFC 5321), keeps what it takes, and can be told to refuse. And a reader of
//! mails, which is Python's own library, so that what is read is not our own idea of a mail.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// A mail as it was taken: who it was for, and its bytes.
#[derive(Clone, Debug)]
pub struct Taken {
    pub recipients: Vec<String>,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Default)]
struct Kept {
    mails: Arc<Mutex<Vec<Taken>>>,
    refuses: Arc<AtomicBool>,
    credentials: Arc<Mutex<Vec<String>>>,
}

/// A running server; its threads end with the process.
pub struct Smtp {
    pub port: u16,
    kept: Kept,
}

impl Smtp {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Kept::default();
        let serving = kept.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                std::thread::spawn(move || serving.speak(stream));
            }
        });
        Self { port, kept }
    }

    pub fn mails(&self) -> Vec<Taken> {
        self.kept.mails.lock().unwrap().clone()
    }

    /// Whether it answers every mail with "try again later".
    #[allow(dead_code, reason = "of those who take this file in, not all need it")]
    pub fn refuse(&self, refuses: bool) {
        self.kept.refuses.store(refuses, Ordering::SeqCst);
    }

    /// What was shown as `AUTH PLAIN`, in base64.
    pub fn credentials(&self) -> Vec<String> {
        self.kept.credentials.lock().unwrap().clone()
    }
}

impl Kept {
    /// One connection, until it ends.
    fn speak(&self, stream: TcpStream) -> Option<()> {
        let mut out = stream.try_clone().ok()?;
        let mut say = |line: &str| out.write_all(format!("{line}\r\n").as_bytes()).ok();
        let mut lines = BufReader::new(stream);
        let mut recipients = Vec::new();
        say("220 test ESMTP")?;
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
            match word.as_str() {
                "EHLO" => say("250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME")?,
                "AUTH" => {
                    self.credentials.lock().unwrap().extend(line.split_whitespace().nth(2).map(str::to_owned));
                    say("235 ok")?;
                }
                "RCPT" if self.refuses.load(Ordering::SeqCst) => say("451 try again later")?,
                "RCPT" => {
                    recipients.extend(line.split(['<', '>']).nth(1).map(str::to_owned));
                    say("250 ok")?;
                }
                "DATA" => {
                    say("354 go on")?;
                    let mut bytes = Vec::new();
                    loop {
                        let mut line = Vec::new();
                        lines.read_until(b'\n', &mut line).ok()?;
                        if line == b".\r\n" {
                            break;
                        }
                        bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    }
                    self.mails.lock().unwrap().push(Taken { recipients: std::mem::take(&mut recipients), bytes });
                    say("250 taken")?;
                }
                "QUIT" => {
                    say("221 bye")?;
                    return Some(());
                }
                _ => say("250 ok")?,
            }
        }
    }
}

impl Taken {
    /// What a reader of it sees.
    pub fn read(&self, script: &Path) -> Value {
        let mut reader =
            Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        reader.stdin.take().unwrap().write_all(&self.bytes).unwrap();
        let read = reader.wait_with_output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&self.bytes));
        serde_json::from_slice(&read.stdout).unwrap()
    }
}
