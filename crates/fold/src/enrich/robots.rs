//! Tells robots from people by the user agent they send: crawlers that name themselves, automated browsers, libraries, and
//! senders without a name. It cannot see a robot that pretends to be a browser.
//!
//! The tables are ordered words, compared without case; change [`VERSION`] with them.

use std::cmp::Ordering;

use model::BotClass;

/// The tables' version. A new one takes effect with the release that carries it.
pub const VERSION: u32 = 1;

/// Endings of a word by which crawlers name themselves: `Googlebot`, `GPTBot`, `AdsBot-Google`, `Bytespider`.
const CRAWLER_ENDINGS: [&str; 6] = ["bot", "bots", "crawler", "crawl", "spider", "scraper"];

/// A make of telephone, not a robot.
const NO_CRAWLER: [&str; 1] = ["cubot"];

/// Product names, sorted, each with its class.
const PRODUCTS: &[(&str, BotClass)] = {
    use BotClass::{Automation, Declared, Library};
    &[
        ("ahrefssiteaudit", Declared),
        ("aiohttp", Library),
        ("anthropic-ai", Declared),
        ("apache-httpasyncclient", Library),
        ("apache-httpclient", Library),
        ("apis-google", Declared),
        ("archive.org", Declared),
        ("axios", Library),
        ("bingpreview", Declared),
        ("bytedance", Declared),
        ("chatgpt-user", Declared),
        ("chrome-lighthouse", Automation),
        ("claude-code", Declared),
        ("claude-user", Declared),
        ("cohere-ai", Declared),
        ("colly", Library),
        ("curl", Library),
        ("cypress", Automation),
        ("dart", Library),
        ("datadog", Declared),
        ("deno", Library),
        ("duckassist", Declared),
        ("embedly", Declared),
        ("facebookcatalog", Declared),
        ("facebookexternalhit", Declared),
        ("faraday", Library),
        ("fasthttp", Library),
        ("feedburner", Declared),
        ("feedfetcher-google", Declared),
        ("feedly", Declared),
        ("gemini-deep-research", Declared),
        ("go-http-client", Library),
        ("google-adwords-instant", Declared),
        ("google-agent", Declared),
        ("google-cloudvertexbot", Declared),
        ("google-extended", Declared),
        ("google-inspectiontool", Declared),
        ("google-notebooklm", Declared),
        ("google-read-aloud", Declared),
        ("google-site-verification", Declared),
        ("google-structured-data-testing-tool", Declared),
        ("googleother", Declared),
        ("got", Library),
        ("gptbot", Declared),
        ("guzzlehttp", Library),
        ("headlesschrome", Automation),
        ("headlessedg", Automation),
        ("heritrix", Declared),
        ("httpclient", Library),
        ("httpie", Library),
        ("httpx", Library),
        ("httrack", Declared),
        ("ia_archiver", Declared),
        ("insomnia", Library),
        ("jakarta", Library),
        ("java", Library),
        ("java-http-client", Library),
        ("jsdom", Automation),
        ("libcurl", Library),
        ("libwww-perl", Library),
        ("lighthouse", Automation),
        ("lua-resty-http", Library),
        ("lwp::simple", Library),
        ("magpie-crawler", Declared),
        ("masscan", Library),
        ("mechanize", Library),
        ("mediapartners-google", Declared),
        ("meta-externalagent", Declared),
        ("meta-externalfetcher", Declared),
        ("mistralai-user", Declared),
        ("netcraft", Declared),
        ("newrelic", Declared),
        ("nikto", Library),
        ("nmap", Library),
        ("node", Library),
        ("node-fetch", Library),
        ("okhttp", Library),
        ("panscient.com", Declared),
        ("perplexity-user", Declared),
        ("phantomjs", Automation),
        ("php", Library),
        ("pingdom", Declared),
        ("playwright", Automation),
        ("postmanruntime", Library),
        ("prerender", Automation),
        ("puppeteer", Automation),
        ("python", Library),
        ("python-httpx", Library),
        ("python-requests", Library),
        ("python-urllib", Library),
        ("reqwest", Library),
        ("rest-client", Library),
        ("ruby", Library),
        ("scrapy", Library),
        ("selenium", Automation),
        ("siteaudit", Declared),
        ("siteimprove", Declared),
        ("skypeuripreview", Declared),
        ("slackbot-linkexpanding", Declared),
        ("slimerjs", Automation),
        ("slurp", Declared),
        ("snapchat-preview", Declared),
        ("splash", Automation),
        ("statuscake", Declared),
        ("typhoeus", Library),
        ("undici", Library),
        ("uptime-kuma", Declared),
        ("urlgrabber", Library),
        ("webdriver", Automation),
        ("wget", Library),
        ("windowspowershell", Library),
        ("winhttp", Library),
        ("zgrab", Library),
    ]
};

/// What kind of robot sends this user agent, if it is one that can be told.
///
/// An automated browser names its engine too, and a crawler may run one, so the whole string is read and the strongest
/// word wins: automation, then crawler, then library.
#[must_use]
pub fn robot(agent: &str) -> Option<BotClass> {
    if agent.trim_matches(|char: char| char.is_whitespace() || matches!(char, '-' | '"')).is_empty() {
        return Some(BotClass::Nameless);
    }
    agent.split([' ', '/', ';', '(', ')', ',', '+', '[', ']']).filter_map(class_of_product).min_by_key(strength)
}

fn strength(class: &BotClass) -> u8 {
    match class {
        BotClass::Automation => 0,
        BotClass::Declared => 1,
        BotClass::Library => 2,
        BotClass::Nameless => 3,
    }
}

fn class_of_product(product: &str) -> Option<BotClass> {
    if product.len() < 3 {
        return None;
    }
    if let Ok(found) = PRODUCTS.binary_search_by(|(known, _)| compare(known, product)) {
        return PRODUCTS.get(found).map(|(_, class)| *class);
    }
    let names_itself = |word: &str| {
        CRAWLER_ENDINGS.iter().any(|ending| ends_with(word, ending))
            && !NO_CRAWLER.iter().any(|telephone| word.eq_ignore_ascii_case(telephone))
    };
    product.split(['-', '_', '.', ':']).any(names_itself).then_some(BotClass::Declared)
}

/// Orders a lower-case word of the table against a word of any case.
fn compare(known: &str, word: &str) -> Ordering {
    known.bytes().cmp(word.bytes().map(|byte| byte.to_ascii_lowercase()))
}

fn ends_with(word: &str, ending: &str) -> bool {
    word.len()
        .checked_sub(ending.len())
        .and_then(|start| word.get(start..))
        .is_some_and(|end| end.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_sorted_and_named_once() {
        for pair in PRODUCTS.windows(2) {
            assert_eq!(compare(pair[0].0, pair[1].0), Ordering::Less, "{} before {}", pair[0].0, pair[1].0);
        }
    }

    #[test]
    fn tells_robots_by_their_class() {
        let cases = [
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", BotClass::Declared),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                BotClass::Declared,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
                BotClass::Declared,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; ChatGPT-User/1.0; +https://openai.com/bot",
                BotClass::Declared,
            ),
            ("Mozilla/5.0 (compatible; PerplexityBot/1.0)", BotClass::Declared),
            (
                "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider)",
                BotClass::Declared,
            ),
            ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", BotClass::Declared),
            ("Mozilla/5.0 (compatible; Yahoo! Slurp; http://help.yahoo.com/help/us/ysearch/slurp)", BotClass::Declared),
            ("AdsBot-Google (+http://www.google.com/adsbot.html)", BotClass::Declared),
            ("Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)", BotClass::Declared),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/128.0.0.0 Safari/537.36",
                BotClass::Automation,
            ),
            (
                "Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1",
                BotClass::Automation,
            ),
            ("curl/8.5.0", BotClass::Library),
            ("python-requests/2.32.0", BotClass::Library),
            ("Python/3.11 aiohttp/3.9.1", BotClass::Library),
            ("Go-http-client/1.1", BotClass::Library),
            ("Java/17.0.2", BotClass::Library),
            ("okhttp/4.12.0", BotClass::Library),
            ("", BotClass::Nameless),
            ("-", BotClass::Nameless),
            ("  ", BotClass::Nameless),
        ];
        for (agent, class) in cases {
            assert_eq!(robot(agent), Some(class), "{agent:?}");
        }
    }

    #[test]
    fn takes_people_for_people() {
        let people = [
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_P30) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.91 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 12; CUBOT KINGKONG) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
        ];
        for agent in people {
            assert_eq!(robot(agent), None, "{agent:?}");
        }
    }
}
