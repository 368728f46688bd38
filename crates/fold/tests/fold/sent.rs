//! What happens to a fold, in a form that can be sent twice and counted again: the words of `traffic`, of the naive recount,
//! and of the simulation in tests/sim.

use model::{
    Campaign, Currency, Domain, Engagement, Hit, Kind, Millis, Mode, Peer, Referrer, Revenue, Right, RightsRequest,
    Signals, Site, Tally,
};

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;

pub const CHROME: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36";
pub const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1";

/// One thing that happens to a fold.
#[derive(Clone, Debug)]
pub enum Op {
    Hit(Box<Sent>),
    Tally(Tally),
    Close(Millis),
    /// The sender of this hit asks for something.
    Ask(Right, Box<Sent>),
}

impl Op {
    pub fn run(&self, fold: &mut fold::Fold) {
        match self {
            Self::Hit(sent) => drop(fold.apply(&sent.site, sent.hit())),
            Self::Tally(tally) => fold.tally(tally.clone()),
            Self::Close(now) => drop(fold.close(*now)),
            Self::Ask(right, sent) => drop(fold.exercise(&sent.site, sent.request(*right))),
        }
    }
}

/// A hit that can be sent again: [`Hit`] itself cannot be cloned, because of its peer.
#[derive(Clone, Debug)]
pub struct Sent {
    pub site: Site,
    pub at: i64,
    pub id: Option<u64>,
    pub mode: Mode,
    pub signals: Signals,
    pub kind: Kind,
    pub host: &'static str,
    pub path: &'static str,
    pub campaign: Campaign,
    pub referrer: Option<Referrer>,
    pub props: Vec<(Box<str>, Box<str>)>,
    pub revenue: Option<Revenue>,
    pub screen_width: Option<u16>,
    pub language: Option<Box<str>>,
    pub address: &'static str,
    pub agent: &'static str,
}

impl Sent {
    /// A page view by a usual visitor who came from nowhere.
    pub fn view(at: i64, path: &'static str) -> Self {
        Self {
            site: site("example.com", "UTC"),
            at,
            id: None,
            mode: Mode::Full,
            signals: Signals::default(),
            kind: Kind::Pageview,
            host: "example.com",
            path,
            campaign: Campaign::default(),
            referrer: None,
            props: Vec::new(),
            revenue: None,
            screen_width: None,
            language: None,
            address: "192.0.2.1",
            agent: CHROME,
        }
    }

    pub fn event(at: i64, path: &'static str, name: &str, interactive: bool) -> Self {
        Self { kind: Kind::Event { name: name.into(), interactive }, ..Self::view(at, path) }
    }

    pub fn engagement(at: i64, path: &'static str, engaged_ms: u32, scroll_percent: Option<u8>) -> Self {
        Self {
            kind: Kind::Engagement(Engagement { engaged_ms, scroll_percent, ..Engagement::default() }),
            ..Self::view(at, path)
        }
    }

    pub fn peer(&self) -> Peer {
        Peer { address: self.address.parse().unwrap(), agent: self.agent.into() }
    }

    pub fn request(&self, right: Right) -> RightsRequest {
        RightsRequest { site: self.site.domain.clone(), at: Millis(self.at), right, peer: self.peer() }
    }

    pub fn hit(&self) -> Hit {
        let sent = self.clone();
        let peer = self.peer();
        Hit {
            site: sent.site.domain,
            at: Millis(sent.at),
            id: sent.id,
            mode: sent.mode,
            signals: sent.signals,
            kind: sent.kind,
            host: sent.host.into(),
            path: sent.path.into(),
            campaign: sent.campaign,
            referrer: sent.referrer,
            props: sent.props,
            revenue: sent.revenue,
            screen_width: sent.screen_width,
            language: sent.language,
            peer: (sent.mode != Mode::Minimal).then_some(peer),
        }
    }
}

pub fn site(domain: &str, timezone: &str) -> Site {
    let currency = Some(Currency::parse("EUR").unwrap());
    Site { timezone: timezone.to_owned(), currency, ..Site::new(Domain::parse(domain).unwrap()) }
}
