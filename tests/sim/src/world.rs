//! What every part of the simulation shares: the time and its clocks, the chance that faults are drawn from, who is alive, and
//! what happened so far.
//!
//! Two times go on beside each other. The *wall* is set by the day's script and jumps from one event to the next; every clock
//! is the wall and its own error. The runtime's paused time is what waiting costs, some seconds between two events.
//!
//! Determinism rests on one convention: everything waits whole, even milliseconds, and only the driver kills, freezes and stops
//! at odd ones. So no `select!` of the product ever finds two things ready at once, which is where tokio itself draws lots. It
//! does so too when a `watch` wakes several who wait; the models wake by [`Doorbell`], first come first served.

use std::collections::BTreeMap;
use std::future::pending;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use model::{Clock, Millis};
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep};

use crate::faults::{Blow, Fault, Injected, Point, Rates};
use crate::random::Random;

/// Whose clock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The journal's: it dates records.
    Broker,
    /// The collectors': it dates hits and chooses the key.
    Collector,
    /// The processors' and the key store's.
    Processor,
}

/// Whether a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Runs,
    /// It stands still, and what it had sent may still arrive.
    Frozen,
    /// It is gone, and does not know it.
    Gone,
}

/// Wakes who waits for something to be otherwise, in the order in which they came.
#[derive(Clone, Default)]
pub struct Doorbell(Arc<Notify>);

impl Doorbell {
    /// Lets everybody look again.
    pub fn ring(&self) {
        self.0.notify_waiters();
    }

    /// Waits until something holds.
    pub async fn wait_for(&self, holds: impl Fn() -> bool) {
        loop {
            let rung = self.0.notified();
            if holds() {
                return;
            }
            rung.await;
        }
    }
}

/// See the file's head.
pub struct World {
    wall: AtomicI64,
    errors: [AtomicI64; 3],
    began: Instant,
    state: Mutex<State>,
}

struct State {
    random: Random,
    rates: Rates,
    injected: Injected,
    lives: Vec<(Life, Doorbell)>,
    /// Who rebuilds which partition's state, and since when by the true time.
    rebuilding: BTreeMap<(usize, u32), Millis>,
    trace: Option<Vec<String>>,
}

impl World {
    /// A world at an instant.
    pub fn new(at: Millis, random: Random, rates: Rates, traced: bool) -> Arc<Self> {
        let trace = traced.then(Vec::new);
        let state = State {
            random,
            rates,
            injected: Injected::default(),
            lives: Vec::new(),
            rebuilding: BTreeMap::new(),
            trace,
        };
        Arc::new(Self {
            wall: AtomicI64::new(at.0),
            errors: [const { AtomicI64::new(0) }; 3],
            began: Instant::now(),
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The true time.
    pub fn wall(&self) -> Millis {
        Millis(self.wall.load(Ordering::Relaxed))
    }

    /// Moves the true time on.
    pub fn set_wall(&self, at: Millis) {
        self.wall.store(at.0, Ordering::Relaxed);
    }

    /// The time as somebody's clock has it.
    pub fn now(&self, role: Role) -> Millis {
        self.wall().plus(self.errors[role as usize].load(Ordering::Relaxed))
    }

    /// Sets a clock's error.
    pub fn set_error(&self, role: Role, ms: i64) {
        self.errors[role as usize].store(ms, Ordering::Relaxed);
    }

    /// A clock for the product.
    pub fn clock(self: &Arc<Self>, role: Role) -> Clock {
        let world = Arc::clone(self);
        Clock::new(move || world.now(role))
    }

    /// Brings a process to life.
    pub fn born(&self) -> usize {
        let mut state = self.state();
        state.lives.push((Life::Runs, Doorbell::default()));
        state.lives.len() - 1
    }

    /// Whether a process runs.
    pub fn life(&self, who: usize) -> Life {
        self.state().lives[who].0
    }

    /// Freezes a process, lets it go on, or ends it.
    pub fn set_life(&self, who: usize, life: Life) {
        let bell = {
            let (is, bell) = &mut self.state().lives[who];
            *is = life;
            bell.clone()
        };
        bell.ring();
    }

    /// Notes that a process begins to rebuild a partition's state, or has done so.
    pub fn rebuilds(&self, who: usize, partition: u32, begins: bool) {
        let now = self.wall();
        let rebuilding = &mut self.state().rebuilding;
        if begins {
            rebuilding.insert((who, partition), now);
        } else if !rebuilding.is_empty() {
            rebuilding.remove(&(who, partition));
        }
    }

    /// Since when a process that runs has been rebuilding state; nothing where none is.
    pub fn rebuilds_since(&self) -> Option<Millis> {
        let mut state = self.state();
        let State { rebuilding, lives, .. } = &mut *state;
        rebuilding.retain(|(who, _), _| lives[*who].0 != Life::Gone);
        rebuilding.values().min().copied()
    }

    /// Who rebuilds what, in words.
    pub fn rebuilding(&self) -> String {
        format!("{:?}", self.state().rebuilding)
    }

    /// A place where a process can be struck: comes back when it goes on, never when it is gone.
    pub async fn point(&self, who: usize, point: Point) {
        let (wait, bell) = {
            let mut state = self.state();
            let State { random, rates, injected, lives, .. } = &mut *state;
            let (life, bell) = &mut lives[who];
            let bell = bell.clone();
            if *life == Life::Runs {
                let blow = rates.blow(point, random);
                injected.note_blow(blow, point);
                match blow {
                    Blow::None => {}
                    Blow::Killed => *life = Life::Gone,
                    Blow::Frozen => *life = Life::Frozen,
                }
                if blow != Blow::None
                    && let Some(trace) = &mut state.trace
                {
                    let what = if blow == Blow::Killed { "killed" } else { "frozen" };
                    trace.push(format!("{} process {who} {what} at {point:?}", self.times()));
                }
            }
            let wait = if state.random.one_in(3) { 2 * state.random.below(8) } else { 0 };
            (wait, bell)
        };
        if wait > 0 {
            sleep(Duration::from_millis(wait)).await;
        }
        let frozen = self.life(who) == Life::Frozen;
        bell.wait_for(|| self.life(who) != Life::Frozen).await;
        if self.life(who) == Life::Gone {
            pending::<()>().await;
        }
        if frozen {
            self.settle().await;
        }
    }

    /// Some time from now, within so many milliseconds.
    pub fn later(&self, ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(self.draw(|random| random.below(ms)))
    }

    /// Goes on at an even millisecond.
    pub async fn settle(&self) {
        if self.began.elapsed().as_millis() % 2 == 1 {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Whether a peer fails now; counted if so.
    pub fn strikes(&self, fault: Fault) -> bool {
        let mut state = self.state();
        let State { random, rates, injected, .. } = &mut *state;
        let strikes = rates.strikes(fault, random);
        if strikes {
            injected.note_fault(fault);
        }
        strikes
    }

    /// Counts something that went wrong.
    pub fn injected(&self, what: &'static str) {
        self.state().injected.note(what);
    }

    /// What went wrong so far.
    pub fn all_injected(&self) -> Injected {
        self.state().injected.clone()
    }

    /// Draws something.
    pub fn draw<T>(&self, of: impl FnOnce(&mut Random) -> T) -> T {
        of(&mut self.state().random)
    }

    /// Changes how much goes wrong, and says how much did.
    pub fn set_rates(&self, rates: Rates) -> Rates {
        std::mem::replace(&mut self.state().rates, rates)
    }

    /// Writes down what happens, where somebody reads it.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        let mut state = self.state();
        if let Some(trace) = &mut state.trace {
            trace.push(format!("{} {}", self.times(), what()));
        }
    }

    /// Both times: the wall's, and milliseconds of waiting.
    fn times(&self) -> String {
        let wall = jiff::Timestamp::from_millisecond(self.wall().0).map(|at| at.to_string()).unwrap_or_default();
        format!("{wall:<24} {:>8}", self.began.elapsed().as_millis())
    }

    /// What was written down.
    pub fn trace(&self) -> Vec<String> {
        self.state().trace.clone().unwrap_or_default()
    }
}

/// What a finished task came to.
pub fn ended<T>(mut handle: JoinHandle<T>) -> Option<Result<T, JoinError>> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(&mut handle).poll(&mut context) {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => None,
    }
}
