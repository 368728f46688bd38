//! Sessions: connections kept between requests under a name the client chose, so that temporary tables and `SET` live as
//! long as ClickHouse lets them. One request at a time per session, as there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::exception::{Exception, Own};
use super::ffi::Connection;
use super::request::SessionWish;

/// Most sessions at once. Some clients make one for each of their handles and leave it behind; at its timeout it goes.
const SESSIONS_MAX: usize = 1_000;

#[derive(Debug)]
struct Session {
    /// Absent while a request uses it.
    connection: Option<Connection>,
    until: Instant,
}

/// All sessions, by name.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// Takes a session's connection out, or makes the session.
    pub(super) fn take(
        &self,
        wish: &SessionWish,
        connect: impl FnOnce() -> Result<Connection, Exception>,
    ) -> Result<Connection, Exception> {
        let now = Instant::now();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.connection.is_none() || session.until > now);
        if let Some(session) = sessions.get_mut(&wish.id) {
            return session
                .connection
                .take()
                .ok_or_else(|| Exception::own(Own::SessionLocked, "Session is locked by a concurrent client"));
        }
        if wish.check {
            return Err(Exception::own(Own::SessionNotFound, "Session not found"));
        }
        if sessions.len() >= SESSIONS_MAX {
            return Err(Exception::own(Own::TooManyQueries, "Too many sessions"));
        }
        let connection = connect()?;
        let until = now + Duration::from_secs(wish.timeout_seconds);
        sessions.insert(wish.id.clone(), Session { connection: None, until });
        Ok(connection)
    }

    /// Puts a connection back; its time runs from now.
    pub(super) fn give_back(&self, wish: &SessionWish, connection: Connection) {
        let until = Instant::now() + Duration::from_secs(wish.timeout_seconds);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(wish.id.clone(), Session { connection: Some(connection), until });
    }

    /// Closes those whose time is over.
    pub(super) fn expire(&self) {
        let now = Instant::now();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.connection.is_none() || session.until > now);
    }

    /// Closes all of them.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
