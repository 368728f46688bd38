//! What a visitor asks of a site, on its way to whoever holds their hits: the sender's peer, cut as their hits' peers were,
//! sealed and appended like a hit.
//!
//! It does not know what is held (the processor does) nor what the visitor's page looks like. Nothing of a request is logged.

use std::net::SocketAddr;

use http::HeaderMap;
use journal::Journal;
use model::{AddressPrecision, Inquiry, Millis, Peer, Record, Right, RightsRequest, Site};
use privacy::strip;
use privacy::visitor::partition_of;

use crate::collector::Collector;
use crate::sender::Sender;

/// Why a visitor's request was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RightsError {
    /// Too many from one network.
    #[error("too many requests from this network; come again in a minute")]
    TooMany,
    /// It could not be made durable.
    #[error("the request cannot be kept now; come again in a minute")]
    Unavailable,
}

/// Whose hits are meant, and where they are.
#[derive(Debug)]
pub struct Whose {
    /// The partition that has them.
    pub partition: u32,
    /// The sender, cut to the site's precision.
    pub peer: Peer,
}

impl<J: Journal> Collector<J> {
    /// Tells whose hits a request is about: its own sender's, and nobody else's. Nobody's where its sender has no address of
    /// their own: the site keeps none, or a proxy that is not trusted hides it. Else a stranger with the same browser would be
    /// shown, or could erase, what is not theirs.
    ///
    /// # Errors
    /// Too many requests from one network.
    pub fn whose(&self, site: &Site, headers: &HeaderMap, socket: SocketAddr) -> Result<Option<Whose>, RightsError> {
        let sender = Sender::read(headers, socket, &self.trusted_proxies);
        if !self.rights_limiter.admits_from_anywhere(sender.address, 1, self.clock.now()) {
            return Err(RightsError::TooMany);
        }
        if site.address == AddressPrecision::None || self.trusted_proxies.hide(socket, headers) {
            return Ok(None);
        }
        let peer = Peer { address: strip::address(sender.address, site.address), ..sender.peer() };
        let partition = partition_of(&self.partition_secret, &site.domain, &peer, self.journal.partitions());
        Ok(Some(Whose { partition, peer }))
    }

    /// Makes a visitor's request durable, in order with their hits.
    ///
    /// # Errors
    /// When it could not be kept: then nothing will happen.
    pub async fn exercise(&self, right: Right, site: &Site, whose: Whose) -> Result<(), RightsError> {
        let at = self.clock.now();
        let Whose { partition, peer } = whose;
        let record = Record::Rights(RightsRequest { site: site.domain.clone(), at, right, peer });
        self.append_request(partition, &record, at).await
    }

    /// Sends a visitor's question after their hits; its answer comes under `number`, sealed to `key`.
    ///
    /// # Errors
    /// When it could not be sent.
    pub async fn inquire(&self, site: &Site, whose: Whose, number: u64, key: [u8; 32]) -> Result<(), RightsError> {
        let at = self.clock.now();
        let Whose { partition, peer } = whose;
        let record = Record::Inquiry(Inquiry { site: site.domain.clone(), at, peer, number, key });
        self.append_request(partition, &record, at).await
    }

    async fn append_request(&self, partition: u32, record: &Record, at: Millis) -> Result<(), RightsError> {
        self.append_sealed(partition, record, at).await.map_err(|error| {
            self.complain(&error, at);
            RightsError::Unavailable
        })
    }
}
