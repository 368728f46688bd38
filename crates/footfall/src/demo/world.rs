//! The imagined site and its public: tables of weights, nothing else. Shares are rounded from what public web statistics
//! show; address ranges are of large access providers, so that the country database knows them.

/// A country's visitors: address range (first address, number of addresses), hours ahead of UTC, language.
pub struct Place {
    /// First address.
    pub first: [u8; 4],
    /// How many follow.
    pub count: u32,
    /// Hours ahead of UTC.
    pub hours_ahead: i64,
    /// Preferred language.
    pub language: &'static str,
}

const fn place(first: [u8; 4], bits: u32, hours_ahead: i64, language: &'static str) -> Place {
    Place { first, count: 1 << (32 - bits), hours_ahead, language }
}

/// Where visitors are.
pub const PLACES: &[(u32, Place)] = &[
    (300, place([12, 0, 0, 0], 9, -5, "en-US")),
    (200, place([126, 0, 0, 0], 8, 9, "ja")),
    (110, place([84, 128, 0, 0], 10, 1, "de")),
    (80, place([86, 128, 0, 0], 10, 0, "en-GB")),
    (70, place([90, 0, 0, 0], 10, 1, "fr")),
    (60, place([117, 192, 0, 0], 10, 5, "en-IN")),
    (40, place([177, 32, 0, 0], 11, -3, "pt-BR")),
    (35, place([99, 224, 0, 0], 11, -5, "en-CA")),
    (30, place([77, 160, 0, 0], 11, 1, "nl")),
    (25, place([1, 128, 0, 0], 11, 10, "en-AU")),
    (25, place([79, 144, 0, 0], 12, 1, "es")),
    (25, place([175, 192, 0, 0], 10, 9, "ko")),
];

/// User agents with a window width.
pub const BROWSERS: &[(u32, (&str, u16))] = &[
    (
        300,
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            1536,
        ),
    ),
    (
        120,
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            1440,
        ),
    ),
    (
        80,
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
            1512,
        ),
    ),
    (
        180,
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
            393,
        ),
    ),
    (
        170,
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
            412,
        ),
    ),
    (
        60,
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            1920,
        ),
    ),
    (50, ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0", 1920)),
    (25, ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0", 1680)),
    (
        25,
        (
            "Mozilla/5.0 (Linux; Android 13; SAMSUNG SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            360,
        ),
    ),
    (
        30,
        (
            "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
            820,
        ),
    ),
];

/// Robots that name themselves.
pub const ROBOTS: &[(u32, &str)] = &[
    (
        5,
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/142.0.0.0 Safari/537.36",
    ),
    (3, "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"),
    (3, "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)"),
    (2, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)"),
    (1, "curl/8.5.0"),
];

/// Where visits come from: referrer, and the query that a campaign's link carries.
pub const ORIGINS: &[(u32, (Option<&str>, &str))] = &[
    (340, (None, "")),
    (280, (Some("https://www.google.com/"), "")),
    (50, (Some("https://www.bing.com/"), "")),
    (35, (Some("https://duckduckgo.com/"), "")),
    (45, (Some("https://news.ycombinator.com/item?id=1"), "")),
    (35, (Some("https://www.reddit.com/r/privacy/"), "")),
    (30, (Some("https://t.co/abc"), "")),
    (25, (Some("https://www.linkedin.com/feed/"), "")),
    (30, (Some("https://chatgpt.com/"), "")),
    (12, (Some("https://www.perplexity.ai/"), "")),
    (30, (Some("https://github.com/explore"), "")),
    (20, (Some("https://blog.partner.example/tools-we-like"), "")),
    (35, (None, "?utm_source=newsletter&utm_medium=email&utm_campaign=autumn")),
    (25, (Some("https://www.google.com/"), "?utm_source=google&utm_medium=cpc&utm_campaign=brand&gclid=demo")),
    (15, (Some("https://www.facebook.com/"), "?utm_source=facebook&utm_medium=paid_social&utm_campaign=autumn")),
];

/// The page that most go on to, by what the present one begins with; the longest beginnings first.
pub const USUAL: &[(&str, &str)] = &[
    ("/blog/", "/blog"),
    ("/blog", "/blog/counting-without-watching"),
    ("/docs/getting-started", "/docs/install"),
    ("/docs/", "/docs"),
    ("/docs", "/docs/getting-started"),
    ("/pricing", "/contact"),
    ("/features", "/pricing"),
    ("/customers", "/pricing"),
    ("/about", "/contact"),
    ("/contact", "/"),
    ("/", "/features"),
];

/// The most visited pages, most visited first; further ones are articles by number.
pub const PAGES: &[&str] = &[
    "/",
    "/pricing",
    "/features",
    "/blog",
    "/docs",
    "/docs/getting-started",
    "/about",
    "/blog/counting-without-watching",
    "/docs/install",
    "/customers",
    "/contact",
    "/blog/what-a-visit-is",
    "/docs/api",
    "/changelog",
    "/careers",
    "/demo",
    "/docs/consent",
    "/blog/cookies-we-do-not-set",
    "/security",
    "/docs/import",
    "/privacy-policy",
    "/press",
];

/// Articles below the most visited pages.
pub const ARTICLES: u64 = 180;

/// Custom events with a property.
pub const EVENTS: &[(u32, (&str, &str, &str))] = &[
    (6, ("Signup", "plan", "free")),
    (2, ("Signup", "plan", "team")),
    (5, ("File Download", "file", "handbook.pdf")),
    (8, ("Outbound Link: Click", "to", "github.com")),
];

/// Page views by local hour, in thousandths of the day.
pub const HOURS: [u32; 24] =
    [12, 8, 6, 5, 6, 10, 20, 34, 52, 64, 68, 66, 60, 62, 66, 66, 64, 60, 54, 52, 54, 50, 38, 23];

/// Traffic by day of the week, Monday first, relative to the average.
pub const WEEKDAYS: [f64; 7] = [1.12, 1.18, 1.16, 1.12, 1.0, 0.68, 0.74];
