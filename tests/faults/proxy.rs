//! A TCP proxy that does what networks do: it loses answers, is slow, is silent, or is not there. It knows no protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::distributed::kafka_server::listen;

/// What happens to what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    Fair,
    /// Whoever connects is hung up on, and so is who was connected.
    Refuse,
    /// Connections stand, and nothing passes.
    Silent,
    /// What is asked arrives; the connection breaks instead of its answer.
    LoseReplies,
    /// Answers come this much later.
    Slow(Duration),
}

pub struct Proxy {
    pub address: String,
    state: Arc<State>,
}

struct State {
    to: String,
    weather: Mutex<Weather>,
    /// Connections that were refused or broken.
    broken: AtomicU64,
}

/// How often a pump that hears nothing looks at the weather.
const LOOK: Duration = Duration::from_millis(50);

impl Proxy {
    /// Stands before `to`, which need not listen yet.
    pub fn before(to: &str) -> Self {
        let listener = listen();
        let address = listener.local_addr().unwrap().to_string();
        let state =
            Arc::new(State { to: to.to_owned(), weather: Mutex::new(Weather::Fair), broken: AtomicU64::default() });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &shared));
        Self { address, state }
    }

    pub fn set(&self, weather: Weather) {
        *self.state.weather.lock().unwrap() = weather;
    }

    pub fn broken(&self) -> u64 {
        self.state.broken.load(Ordering::Relaxed)
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if state.weather() == Weather::Refuse {
            state.broken.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        // What does not listen refuses, and so does the proxy then.
        let Ok(to) = TcpStream::connect(&state.to) else { continue };
        let (from_back, to_back) = (stream.try_clone().unwrap(), to.try_clone().unwrap());
        let (asks, answers) = (Arc::clone(state), Arc::clone(state));
        std::thread::spawn(move || pump(&asks, stream, to, false));
        std::thread::spawn(move || pump(&answers, to_back, from_back, true));
    }
}

impl State {
    fn weather(&self) -> Weather {
        *self.weather.lock().unwrap()
    }
}

/// Carries bytes one way until either end is gone.
fn pump(state: &State, mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
    from.set_read_timeout(Some(LOOK)).unwrap();
    let mut bytes = vec![0; 64 * 1024];
    let mut broken = false;
    while !broken {
        broken = match state.weather() {
            Weather::Refuse => true,
            Weather::Silent => {
                std::thread::sleep(LOOK);
                false
            }
            weather => match from.read(&mut bytes) {
                Ok(0) => {
                    let _gone = to.shutdown(Shutdown::Write);
                    return;
                }
                Ok(_) if is_answer && weather == Weather::LoseReplies => true,
                Ok(read) => {
                    if let (Weather::Slow(wait), true) = (weather, is_answer) {
                        std::thread::sleep(wait);
                    }
                    if to.write_all(&bytes[..read]).is_err() {
                        return;
                    }
                    false
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => false,
                Err(_) => return,
            },
        };
    }
    state.broken.fetch_add(1, Ordering::Relaxed);
    let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
