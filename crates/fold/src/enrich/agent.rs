//! Reads browser, operating system and device out of a user agent, under the names Plausible gives them.
//!
//! Not a database of devices: two ordered tables of tokens, the first one found wins, because a browser names everything it
//! wants to be taken for and itself last. The result holds no part of the string but version numbers. Change [`VERSION`]
//! with the tables.

use std::hash::BuildHasher as _;

use hashbrown::HashMap;

/// The tables' version. A new one takes effect with the release that carries it.
pub const VERSION: u32 = 1;

/// User agents whose reading is remembered. A busy site sees a few thousand a day; when it is full it starts over, and an
/// agent costs its reading (about two microseconds) once more.
const AGENTS_REMEMBERED_MAX: usize = 20_000;

/// Longest version kept, in characters: `10.15` has five.
const VERSION_CHARS_MAX: usize = 12;

/// Most digits of a version's number; what has more is made up, and could be anybody's number.
const VERSION_DIGITS_MAX: usize = 5;

/// What a user agent says. Empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Browser's name.
    pub browser: &'static str,
    /// Browser's name and major version.
    pub browser_version: Box<str>,
    /// Operating system's name.
    pub os: &'static str,
    /// Operating system's name and version.
    pub os_version: Box<str>,
    /// `Desktop`, `Mobile` or `Tablet`.
    pub device: &'static str,
}

/// A token that only one browser sends, that browser, and the token before its version.
const BROWSERS: [(&str, &str, &str); 37] = [
    ("Edg/", "Microsoft Edge", "Edg/"),
    ("EdgA/", "Microsoft Edge", "EdgA/"),
    ("EdgiOS/", "Microsoft Edge", "EdgiOS/"),
    ("Edge/", "Microsoft Edge", "Edge/"),
    ("OPR/", "Opera", "OPR/"),
    ("OPiOS/", "Opera", "OPiOS/"),
    ("OPT/", "Opera", "OPT/"),
    ("OPX/", "Opera", "OPX/"),
    ("Opera Mini/", "Opera", "Opera Mini/"),
    ("Opera", "Opera", "Version/"),
    ("YaBrowser/", "Yandex Browser", "YaBrowser/"),
    ("YaSearchBrowser/", "Yandex Browser", "YaSearchBrowser/"),
    ("SamsungBrowser/", "Samsung Browser", "SamsungBrowser/"),
    ("UCBrowser/", "UC Browser", "UCBrowser/"),
    ("MiuiBrowser/", "MIUI Browser", "MiuiBrowser/"),
    ("HuaweiBrowser/", "Huawei Browser", "HuaweiBrowser/"),
    ("HeyTapBrowser/", "HeyTapBrowser", "HeyTapBrowser/"),
    ("VivoBrowser/", "vivo Browser", "VivoBrowser/"),
    ("DuckDuckGo/", "DuckDuckGo Privacy Browser", "DuckDuckGo/"),
    ("Ddg/", "DuckDuckGo Privacy Browser", "Ddg/"),
    ("Vivaldi/", "Vivaldi", "Vivaldi/"),
    ("Whale/", "Whale Browser", "Whale/"),
    ("Brave/", "Brave", "Brave/"),
    ("Silk/", "Mobile Silk", "Silk/"),
    ("QQBrowser/", "QQ Browser", "QQBrowser/"),
    ("Iron/", "Iron", "Iron/"),
    ("Ecosia", "Ecosia", "Ecosia ios@"),
    ("FxiOS/", "Firefox", "FxiOS/"),
    ("Focus/", "Firefox Focus", "Focus/"),
    ("Firefox/", "Firefox", "Firefox/"),
    ("CriOS/", "Chrome", "CriOS/"),
    ("GSA/", "Google Search App", "GSA/"),
    ("Chromium/", "Chromium", "Chromium/"),
    ("Chrome/", "Chrome", "Chrome/"),
    ("Trident/", "Internet Explorer", "rv:"),
    ("MSIE ", "Internet Explorer", "MSIE "),
    ("Safari/", "Safari", "Version/"),
];

/// Pages shown inside another program: no browser that its user chose.
const IN_APPS: [&str; 10] = [
    "; wv)",
    "FBAN/",
    "FBAV/",
    "Instagram ",
    "Line/",
    "MicroMessenger/",
    "Pinterest/",
    "Snapchat/",
    "TikTok",
    "Twitter for ",
];

/// A token of a system, its name, and the token before its version.
const SYSTEMS: [(&str, &str, &str); 17] = [
    ("Windows Phone", "Windows Phone", "Windows Phone "),
    ("Windows", "Windows", "Windows NT "),
    ("iPhone", "iOS", " OS "),
    ("iPad", "iOS", " OS "),
    ("iPod", "iOS", " OS "),
    ("CrOS", "Chrome OS", ""),
    ("OpenHarmony", "HarmonyOS", "OpenHarmony "),
    ("HarmonyOS", "HarmonyOS", "HarmonyOS "),
    ("KAIOS/", "KaiOS", "KAIOS/"),
    ("Tizen", "Tizen", "Tizen "),
    ("Web0S", "webOS", ""),
    ("Android", "Android", "Android "),
    ("Mac OS X", "Mac", "Mac OS X "),
    ("Macintosh", "Mac", ""),
    ("Ubuntu", "Ubuntu", ""),
    ("FreeBSD", "FreeBSD", ""),
    ("Linux", "GNU/Linux", ""),
];

/// What Windows calls itself, and what people call it.
const WINDOWS: [(&str, &str); 7] =
    [("10.0", "10"), ("6.3", "8.1"), ("6.2", "8"), ("6.1", "7"), ("6.0", "Vista"), ("5.2", "XP"), ("5.1", "XP")];

/// Reads a user agent.
#[must_use]
pub fn read(agent: &str) -> Agent {
    let (browser, browser_version) = browser(agent);
    let (os, os_version) = system(agent);
    Agent { browser, browser_version, os, os_version, device: device(agent, os) }
}

fn browser(agent: &str) -> (&'static str, Box<str>) {
    if IN_APPS.iter().any(|token| agent.contains(token)) {
        return ("Mobile App", Box::default());
    }
    let Some((_, name, before)) = BROWSERS.iter().find(|(token, ..)| agent.contains(token)) else {
        return ("", Box::default());
    };
    (name, named(name, version_after(agent, before).split('.').next().unwrap_or_default()))
}

fn system(agent: &str) -> (&'static str, Box<str>) {
    let Some((_, name, before)) = SYSTEMS.iter().find(|(token, ..)| agent.contains(token)) else {
        return ("", Box::default());
    };
    let sent = version_after(agent, before);
    let mut parts = sent.split(['.', '_']);
    let version = match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if !minor.is_empty() => format!("{major}.{minor}"),
        (Some(major), _) => major.to_owned(),
        (None, _) => String::new(),
    };
    let known = WINDOWS.iter().find(|(sent, _)| *name == "Windows" && *sent == version);
    (name, named(name, known.map_or(version.as_str(), |(_, known)| known)))
}

/// Digits, dots and underscores after a token; a longer run than a version has is cut, and a longer number is no version.
fn version_after<'a>(agent: &'a str, before: &str) -> &'a str {
    if before.is_empty() {
        return "";
    }
    let after = agent.split_once(before).map_or("", |(_, after)| after);
    let end =
        after.bytes().take(VERSION_CHARS_MAX).take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'_'));
    let version = after.get(..end.count()).unwrap_or_default();
    if version.split(['.', '_']).any(|number| number.len() > VERSION_DIGITS_MAX) { "" } else { version }
}

fn named(name: &str, version: &str) -> Box<str> {
    if version.is_empty() { Box::default() } else { format!("{name} {version}").into() }
}

fn device(agent: &str, os: &str) -> &'static str {
    let says = |token: &str| agent.contains(token);
    match os {
        "" => "",
        "iOS" if says("iPad") => "Tablet",
        "iOS" | "Windows Phone" | "KaiOS" => "Mobile",
        // An Android tablet is one that does not say it is mobile.
        "Android" | "HarmonyOS" | "Tizen" if says("Tablet") || !(says("Mobile") || says("Phone")) => "Tablet",
        "Android" | "HarmonyOS" | "Tizen" => "Mobile",
        _ if says("Tablet PC") || !says("Tablet") => "Desktop",
        _ => "Tablet",
    }
}

/// The readings of the agents seen lately, so that each is read once. No agent string is kept: a reading is found by a
/// keyed 64-bit hash. Errs when two agents share a hash, which among 20,000 happens once in 10^11 times.
#[derive(Default)]
pub(crate) struct Agents {
    hasher: foldhash::quality::RandomState,
    by_hash: HashMap<u64, u32, foldhash::fast::RandomState>,
    readings: Vec<Agent>,
}

/// A reading in [`Agents`], good until the next [`Agents::look`].
#[derive(Clone, Copy)]
pub(crate) struct AgentId(u32);

impl Agents {
    pub(crate) fn look(&mut self, agent: &str) -> AgentId {
        let hash = self.hasher.hash_one(agent);
        if let Some(known) = self.by_hash.get(&hash) {
            return AgentId(*known);
        }
        if self.readings.len() >= AGENTS_REMEMBERED_MAX {
            self.readings.clear();
            self.by_hash.clear();
        }
        let id = u32::try_from(self.readings.len()).expect("fewer than AGENTS_REMEMBERED_MAX");
        self.readings.push(read(agent));
        self.by_hash.insert(hash, id);
        AgentId(id)
    }

    pub(crate) fn get(&self, id: AgentId) -> &Agent {
        self.readings.get(id.0 as usize).expect("an id is used before the next look")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_agents_under_plausibles_names() {
        let cases = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
                ["Chrome 128", "Windows 10", "Desktop"],
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:52.0) Gecko/20100101 Firefox/52.0",
                ["Firefox 52", "Windows 7", "Desktop"],
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                ["Safari 17", "Mac 10.15", "Desktop"],
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
                ["Safari 17", "iOS 17.4", "Mobile"],
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/92.0.4515.90 Mobile/15E148 Safari/604.1",
                ["Chrome 92", "iOS 12.5", "Tablet"],
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
                ["Chrome 126", "Android 14", "Mobile"],
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
                ["Samsung Browser 25", "Android 13", "Mobile"],
            ),
            (
                "Mozilla/5.0 (Linux; Android 12; SM-T510) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
                ["Chrome 120", "Android 12", "Tablet"],
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/127.0.0.0 Safari/537.36 Edg/127.0.0.0",
                ["Microsoft Edge 127", "Windows 10", "Desktop"],
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0",
                ["Opera 111", "GNU/Linux ", "Desktop"],
            ),
            ("Opera/9.80 (Windows NT 6.0) Presto/2.12.388 Version/12.14", ["Opera 12", "Windows Vista", "Desktop"]),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 YaBrowser/24.6.0.0 Safari/537.36",
                ["Yandex Browser 24", "Windows 10", "Desktop"],
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                ["Chrome 126", "Chrome OS ", "Desktop"],
            ),
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
                ["Firefox 127", "Ubuntu ", "Desktop"],
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko",
                ["Internet Explorer 11", "Windows 7", "Desktop"],
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 [FBAN/FBIOS;FBAV/468.0]",
                ["Mobile App ", "iOS 17.5", "Mobile"],
            ),
            ("something else", [" ", " ", ""]),
        ];
        for (sent, expected) in cases {
            let agent = read(sent);
            let version = |name: &str, versioned: &str| {
                if versioned.is_empty() { format!("{name} ") } else { versioned.to_owned() }
            };
            let found = [version(agent.browser, &agent.browser_version), version(agent.os, &agent.os_version)];
            assert_eq!([&found[0], &found[1], agent.device], expected, "{sent}");
        }
    }

    #[test]
    fn a_number_longer_than_a_versions_is_none() {
        let agent = read("Mozilla/5.0 (Windows NT 123456789; rv:127.0) Gecko/20100101 Firefox/819012345678");
        assert_eq!((agent.browser, agent.os), ("Firefox", "Windows"));
        assert_eq!((agent.browser_version.as_ref(), agent.os_version.as_ref()), ("", ""));
    }

    #[test]
    fn a_remembered_reading_is_the_reading() {
        let mut agents = Agents::default();
        for round in 0..2 {
            for number in 0..AGENTS_REMEMBERED_MAX + 5 {
                let sent = format!("Mozilla/5.0 (Windows NT 10.0) Firefox/{number}.0");
                let id = agents.look(&sent);
                assert_eq!(*agents.get(id), read(&sent), "round {round}");
            }
        }
        assert!(agents.readings.len() <= AGENTS_REMEMBERED_MAX);
    }
}
