//! The imagined site and its public: 20,000 pages by Zipf's law, some three hundred user agents, known sources with a long
//! tail of referring sites, forty campaigns, address ranges of large access providers.

use std::net::Ipv4Addr;

use super::random::Random;

const PAGES: usize = 20_000;
const REFERRING_SITES: usize = 2_000;
const CAMPAIGNS: usize = 40;
/// Versions of a browser that are about, newest most.
const VERSIONS: u64 = 24;

/// Custom events: weight, name, property, value.
const EVENTS: &[(u32, &str, &str, &str)] = &[
    (6, "Signup", "plan", "free"),
    (2, "Signup", "plan", "team"),
    (5, "File Download", "file", "handbook.pdf"),
    (8, "Outbound Link: Click", "to", "github.com"),
];

/// Weight, first address, prefix length, hours ahead of UTC, language.
const PLACES: &[(u32, [u8; 4], u32, i64, &str)] = &[
    (300, [12, 0, 0, 0], 9, -5, "en-US"),
    (200, [126, 0, 0, 0], 8, 9, "ja"),
    (110, [84, 128, 0, 0], 10, 1, "de"),
    (80, [86, 128, 0, 0], 10, 0, "en-GB"),
    (70, [90, 0, 0, 0], 10, 1, "fr"),
    (60, [117, 192, 0, 0], 10, 5, "en-IN"),
    (40, [177, 32, 0, 0], 11, -3, "pt-BR"),
    (35, [99, 224, 0, 0], 11, -5, "en-CA"),
    (30, [77, 160, 0, 0], 11, 1, "nl"),
    (25, [1, 128, 0, 0], 11, 10, "en-AU"),
    (25, [79, 144, 0, 0], 12, 1, "es"),
    (25, [175, 192, 0, 0], 10, 9, "ko"),
];

/// Weight, user agent with `{v}` for a version, newest version, window width.
const AGENTS: &[(u32, &str, u64, u16)] = &[
    (
        300,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
        142,
        1536,
    ),
    (
        120,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36",
        142,
        1440,
    ),
    (
        80,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{v}.0 Safari/605.1.15",
        26,
        1512,
    ),
    (
        180,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_{v} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        26,
        393,
    ),
    (
        170,
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36",
        142,
        412,
    ),
    (
        60,
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36 Edg/{v}.0.0.0",
        142,
        1920,
    ),
    (50, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 144, 1920),
    (25, "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0", 144, 1680),
    (
        25,
        "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S9{v}B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
        36,
        360,
    ),
    (
        30,
        "Mozilla/5.0 (iPad; CPU OS 18_{v} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        26,
        820,
    ),
];

/// Weight, referrer.
const REFERRERS: &[(u32, Option<&str>)] = &[
    (380, None),
    (280, Some("https://www.google.com/")),
    (50, Some("https://www.bing.com/")),
    (35, Some("https://duckduckgo.com/")),
    (30, Some("https://news.ycombinator.com/item?id=1")),
    (30, Some("https://www.reddit.com/r/privacy/")),
    (25, Some("https://t.co/abc")),
    (25, Some("https://www.linkedin.com/feed/")),
    (25, Some("https://chatgpt.com/")),
    (10, Some("https://www.perplexity.ai/")),
    (20, Some("https://github.com/explore")),
];

/// Weights of all campaigns and of all referring sites of the long tail, beside those of [`REFERRERS`].
const CAMPAIGNS_WEIGHT: u32 = 80;
const TAIL_WEIGHT: u32 = 100;

/// Page views by local hour.
const HOURS: [u32; 24] = [12, 8, 6, 5, 6, 10, 20, 34, 52, 64, 68, 66, 60, 62, 66, 66, 64, 60, 54, 52, 54, 50, 38, 23];

const WORDS: [&str; 16] = [
    "measuring",
    "without",
    "watching",
    "guide",
    "to",
    "privacy",
    "release",
    "notes",
    "how",
    "we",
    "count",
    "visits",
    "for",
    "small",
    "teams",
    "today",
];

/// A user agent and the window it has.
pub struct Agent {
    /// The header.
    pub name: String,
    /// In CSS pixels.
    pub screen_width: u16,
}

/// Where visits come from.
pub struct Origin {
    /// The referrer's URL.
    pub referrer: Option<String>,
    /// The query a campaign's link carries, with its `?`.
    pub query: String,
}

/// Everything that visits are made of.
pub struct World {
    pages: Vec<String>,
    agents: Vec<Agent>,
    origins: Vec<Origin>,
}

impl World {
    /// Makes it; always the same.
    pub fn new() -> Self {
        Self { pages: (0..PAGES).map(path).collect(), agents: agents(), origins: origins() }
    }

    /// A page's path.
    pub fn page(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|number| self.pages.get(number)).map_or("/", String::as_str)
    }

    /// A user agent.
    pub fn agent(&self, number: usize) -> &Agent {
        self.agents.get(number).expect("numbers come from `pick_agent`")
    }

    /// An origin.
    pub fn origin(&self, number: usize) -> &Origin {
        self.origins.get(number).expect("numbers come from `pick_origin`")
    }

    /// The page that most visitors come to after the first, for questions about one page.
    pub fn known_page(&self) -> &str {
        self.page(3)
    }

    pub(super) fn pick_page(&self, random: &mut Random) -> u32 {
        u32::try_from(random.zipf(self.pages.len())).unwrap_or_default()
    }

    pub(super) fn pick_agent(&self, random: &mut Random) -> usize {
        let template = random.weighted(AGENTS.iter().map(|agent| agent.0));
        let age = (random.exponential(2.5) as u64).min(VERSIONS - 1);
        template * VERSIONS as usize + age as usize
    }

    pub(super) fn pick_origin(&self, random: &mut Random) -> usize {
        let fixed = REFERRERS.iter().map(|referrer| referrer.0);
        let picked = random.weighted(fixed.chain([CAMPAIGNS_WEIGHT, TAIL_WEIGHT]));
        match picked.checked_sub(REFERRERS.len()) {
            None => picked,
            Some(0) => REFERRERS.len() + random.zipf(CAMPAIGNS),
            Some(_) => REFERRERS.len() + CAMPAIGNS + random.zipf(REFERRING_SITES),
        }
    }

    /// An address that no other visitor of the day has, with its place's hours ahead of UTC and its language.
    pub(super) fn place(&self, random: &mut Random, visitor: u32) -> (Ipv4Addr, i64, &'static str) {
        let number = random.weighted(PLACES.iter().map(|place| place.0));
        let (_, first, prefix, hours_ahead, language) = PLACES.get(number).expect("a number of a weight");
        let mask = (1_u32 << (32 - prefix)) - 1;
        // An odd multiplier permutes the range, so visitors' numbers stay distinct and are spread over its networks.
        let address = u32::from_be_bytes(*first) + (visitor.wrapping_mul(0x9E37_79B1) & mask);
        (Ipv4Addr::from(address), *hours_ahead, language)
    }

    /// An hour of the UTC day, 0 to 23.
    pub(super) fn hour(&self, random: &mut Random, hours_ahead: i64) -> i64 {
        let local = i64::try_from(random.weighted(HOURS.into_iter())).unwrap_or_default();
        (local - hours_ahead).rem_euclid(24)
    }
}

/// A custom event's name, property and value.
pub fn event(number: usize) -> (&'static str, &'static str, &'static str) {
    EVENTS.get(number).map_or(("Signup", "plan", "free"), |(_, name, property, value)| (name, property, value))
}

pub(super) fn pick_event(random: &mut Random) -> usize {
    random.weighted(EVENTS.iter().map(|event| event.0))
}

fn path(number: usize) -> String {
    let word = |shift: usize| WORDS.get((number >> shift) % WORDS.len()).copied().unwrap_or_default();
    match number {
        0 => "/".to_owned(),
        1 => "/pricing".to_owned(),
        2 => "/blog".to_owned(),
        n if n % 3 == 0 => format!("/docs/{}/{}-{n}", word(0), word(4)),
        n => format!("/blog/20{}/{}-{}-{}-{n}", 18 + n % 9, word(0), word(4), word(8)),
    }
}

fn agents() -> Vec<Agent> {
    let versions = |(_, template, newest, screen_width): &(u32, &str, u64, u16)| {
        let (template, newest, screen_width) = ((*template).to_owned(), *newest, *screen_width);
        (0..VERSIONS).map(move |age| Agent { name: template.replace("{v}", &(newest - age).to_string()), screen_width })
    };
    AGENTS.iter().flat_map(versions).collect()
}

fn origins() -> Vec<Origin> {
    let fixed = REFERRERS
        .iter()
        .map(|(_, referrer)| Origin { referrer: referrer.map(ToOwned::to_owned), query: String::new() });
    let campaigns = (0..CAMPAIGNS).map(|number| {
        let (source, medium) = match number % 4 {
            0 => ("google", "cpc"),
            1 => ("newsletter", "email"),
            2 => ("facebook", "paid_social"),
            _ => ("partner", "referral"),
        };
        let query = format!("?utm_source={source}&utm_medium={medium}&utm_campaign=campaign-{number}");
        Origin { referrer: None, query }
    });
    let tail = (0..REFERRING_SITES).map(|number| Origin {
        referrer: Some(format!("https://blog-{number}.example.org/posts/{}", number % 7)),
        query: String::new(),
    });
    fixed.chain(campaigns).chain(tail).collect()
}
