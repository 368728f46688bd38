//! Names a visit's source and its channel from its referrer and campaign.
//!
//! Channels are GA4's default channel grouping plus AI assistants, under Plausible's names; the rules stand in their order,
//! the first that holds wins. Not a list of every site: a host that is not known is its own source. Change [`VERSION`]
//! with the table.

use std::borrow::Cow;

use model::{Campaign, Referrer};

/// The table's version. A new one takes effect with the release that carries it.
pub const VERSION: u32 = 1;

/// The source of a visit that nobody sent.
pub const DIRECT: &str = "Direct / None";

/// What kind of site sends visitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Search,
    Social,
    Video,
    Shopping,
    Assistant,
    Mail,
}

use Sort::{Assistant, Mail, Search, Shopping, Social, Video};

/// Where a visit came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// Its channel.
    pub channel: &'static str,
}

/// A known source: the hosts it sends from (each with everything below it), and the words campaigns use for it.
struct Known {
    name: &'static str,
    sort: Sort,
    hosts: &'static [&'static str],
    words: &'static [&'static str],
}

const fn known(
    name: &'static str,
    sort: Sort,
    hosts: &'static [&'static str],
    words: &'static [&'static str],
) -> Known {
    Known { name, sort, hosts, words }
}

/// A host ending in a dot stands for every country's domain: `google.` is `google.com`, `google.co.jp`, ….
/// The more particular entry comes first: `gemini.google.com` before `google.`.
const KNOWN: &[Known] = &[
    known(
        "ChatGPT",
        Assistant,
        &["chatgpt.com", "chat.openai.com", "openai.com"],
        &["chatgpt", "chatgpt.com", "openai"],
    ),
    known("Perplexity", Assistant, &["perplexity.ai"], &["perplexity"]),
    known("Claude", Assistant, &["claude.ai", "claude.com"], &["claude"]),
    known("Gemini", Assistant, &["gemini.google.com", "bard.google.com"], &["gemini"]),
    known("Microsoft Copilot", Assistant, &["copilot.microsoft.com", "copilot.com"], &["copilot"]),
    known("DeepSeek", Assistant, &["deepseek.com"], &["deepseek"]),
    known("Grok", Assistant, &["grok.com", "grok.x.ai"], &["grok"]),
    known("Mistral", Assistant, &["chat.mistral.ai"], &["mistral"]),
    known("Meta AI", Assistant, &["meta.ai"], &["meta.ai"]),
    known("You.com", Assistant, &["you.com"], &["you.com"]),
    known("Phind", Assistant, &["phind.com"], &["phind"]),
    known("Poe", Assistant, &["poe.com"], &["poe"]),
    known("Gmail", Mail, &["mail.google.com", "com.google.android.gm"], &["gmail"]),
    known("Outlook.com", Mail, &["outlook.live.com", "outlook.office.com", "outlook.office365.com"], &["outlook"]),
    known("Yahoo! Mail", Mail, &["mail.yahoo.com", "mail.yahoo.co.jp"], &["yahoo mail"]),
    known("Proton Mail", Mail, &["mail.proton.me"], &["protonmail"]),
    known("Google News", Search, &["news.google.com"], &["google news"]),
    known("Google", Search, &["google.", "com.google.android.googlequicksearchbox"], &["google", "adwords"]),
    known("Bing", Search, &["bing.com", "cn.bing.com"], &["bing"]),
    known("DuckDuckGo", Search, &["duckduckgo.com"], &["duckduckgo"]),
    known("Yahoo!", Search, &["search.yahoo.", "yahoo.com", "yahoo.co.jp"], &["yahoo", "yahoo!"]),
    known("Baidu", Search, &["baidu.com"], &["baidu"]),
    known("Yandex", Search, &["yandex.", "ya.ru"], &["yandex"]),
    known("Ecosia", Search, &["ecosia.org"], &["ecosia"]),
    known("Brave", Search, &["search.brave.com"], &["brave"]),
    known("Qwant", Search, &["qwant.com"], &["qwant"]),
    known("Startpage", Search, &["startpage.com"], &["startpage"]),
    known("Kagi", Search, &["kagi.com"], &["kagi"]),
    known("Naver", Search, &["naver.com"], &["naver"]),
    known("Seznam", Search, &["seznam.cz"], &["seznam"]),
    known("Sogou", Search, &["sogou.com"], &["sogou"]),
    known("Swisscows", Search, &["swisscows.com"], &["swisscows"]),
    known(
        "Facebook",
        Social,
        &["facebook.com", "fb.com", "fb.me", "messenger.com"],
        &["facebook", "fb", "fb_ad", "facebook.com"],
    ),
    known("Instagram", Social, &["instagram.com"], &["instagram", "ig"]),
    known("Threads", Social, &["threads.net", "threads.com"], &["threads"]),
    known(
        "Twitter",
        Social,
        &["twitter.com", "t.co", "x.com", "com.twitter.android"],
        &["twitter", "x", "twitter.com"],
    ),
    known("LinkedIn", Social, &["linkedin.com", "lnkd.in", "com.linkedin.android"], &["linkedin"]),
    known("Reddit", Social, &["reddit.com", "redd.it", "com.reddit.frontpage"], &["reddit"]),
    known("Hacker News", Social, &["news.ycombinator.com"], &["hacker news", "hackernews", "hn"]),
    known("GitHub", Social, &["github.com"], &["github"]),
    known("Pinterest", Social, &["pinterest.", "pin.it"], &["pinterest"]),
    known("Mastodon", Social, &["mastodon.social", "mastodon.online", "mstdn.jp", "mastodon.world"], &["mastodon"]),
    known("Bluesky", Social, &["bsky.app", "go.bsky.app"], &["bluesky", "bsky"]),
    known("Telegram", Social, &["t.me", "telegram.org", "web.telegram.org", "org.telegram.messenger"], &["telegram"]),
    known("WhatsApp", Social, &["whatsapp.com", "wa.me"], &["whatsapp"]),
    known("Discord", Social, &["discord.com", "discordapp.com"], &["discord"]),
    known("Slack", Social, &["slack.com", "com.slack"], &["slack"]),
    known("Quora", Social, &["quora.com"], &["quora"]),
    known("Stack Overflow", Social, &["stackoverflow.com"], &["stackoverflow"]),
    known("Lobsters", Social, &["lobste.rs"], &["lobsters"]),
    known("Product Hunt", Social, &["producthunt.com"], &["producthunt"]),
    known("VKontakte", Social, &["vk.com", "vk.ru"], &["vk", "vkontakte"]),
    known("Weibo", Social, &["weibo.com", "weibo.cn", "t.cn"], &["weibo"]),
    known("Hatena", Social, &["b.hatena.ne.jp", "hatenablog.com"], &["hatena"]),
    known("Snapchat", Social, &["snapchat.com"], &["snapchat"]),
    known("TikTok", Video, &["tiktok.com"], &["tiktok"]),
    known("YouTube", Video, &["youtube.com", "youtu.be", "com.google.android.youtube"], &["youtube"]),
    known("Vimeo", Video, &["vimeo.com"], &["vimeo"]),
    known("Twitch", Video, &["twitch.tv"], &["twitch"]),
    known("Dailymotion", Video, &["dailymotion.com"], &["dailymotion"]),
    known("Niconico", Video, &["nicovideo.jp"], &["niconico"]),
    known("Amazon", Shopping, &["amazon."], &["amazon"]),
    known("eBay", Shopping, &["ebay."], &["ebay"]),
    known("Etsy", Shopping, &["etsy.com"], &["etsy"]),
    known("AliExpress", Shopping, &["aliexpress.com"], &["aliexpress"]),
    known("Rakuten", Shopping, &["rakuten.co.jp", "rakuten.com"], &["rakuten"]),
    known("Shopify", Shopping, &["shopify.com", "shop.app"], &["shopify"]),
];

/// Names the source of a visit. A campaign's source wins over the referrer; a word that campaigns use for a known source
/// is that source.
#[must_use]
pub fn source<'a>(campaign: &'a Campaign, referrer: Option<&'a Referrer>) -> Source<'a> {
    let (name, known) = match (campaign.source.as_deref(), referrer) {
        (Some(word), _) => (Cow::Borrowed(word), known_word(word)),
        (None, Some(referrer)) => (Cow::Borrowed(referrer.host.as_ref()), known_host(&referrer.host)),
        (None, None) => (Cow::Borrowed(""), None),
    };
    let name = known.map_or(name, |known| Cow::Borrowed(known.name));
    let channel = channel(&name, known.map(|known| known.sort), campaign);
    Source { name: if name.is_empty() { Cow::Borrowed(DIRECT) } else { name }, channel }
}

fn known_word(word: &str) -> Option<&'static Known> {
    let named = |known: &&Known| known.words.iter().any(|known| known.eq_ignore_ascii_case(word));
    KNOWN.iter().find(named).or_else(|| word.contains('.').then(|| known_host(&word.to_ascii_lowercase())).flatten())
}

fn known_host(host: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.hosts.iter().any(|known| is_of(host, known)))
}

/// Whether `host` is the known host or below it.
fn is_of(host: &str, known: &str) -> bool {
    if known.ends_with('.') {
        return host.starts_with(known)
            || host.match_indices(known).any(|(at, _)| host.get(..at).is_some_and(|above| above.ends_with('.')));
    }
    host.strip_suffix(known).is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

/// GA4's default channel grouping, in its order.
fn channel(source: &str, sort: Option<Sort>, campaign: &Campaign) -> &'static str {
    let lower = |field: &Option<Box<str>>| field.as_deref().unwrap_or_default().trim().to_ascii_lowercase();
    let (medium, name, word) = (lower(&campaign.medium), lower(&campaign.name), source.to_ascii_lowercase());
    let paid = is_paid(&medium);
    let shopping = sort == Some(Shopping) || is_shopping(&name);
    let clicked = |id: &str| campaign.click_id.as_deref() == Some(id);
    let search_ad = (source == "Google" && clicked("gclid")) || (source == "Bing" && clicked("msclkid"));
    let is = |words: &[&str]| words.contains(&medium.as_str());
    let mail = ["email", "e-mail", "e_mail", "e mail", "newsletter"];
    match () {
        () if name.contains("cross-network") => "Cross-network",
        () if paid && shopping => "Paid Shopping",
        () if search_ad || (paid && sort == Some(Search)) => "Paid Search",
        () if paid && sort == Some(Social) => "Paid Social",
        () if paid && sort == Some(Video) => "Paid Video",
        () if is(&["display", "banner", "expandable", "interstitial", "cpm"]) => "Display",
        () if paid => "Paid Other",
        () if shopping => "Organic Shopping",
        () if sort == Some(Social) => "Organic Social",
        () if is(&["social", "social-network", "social-media", "sm", "social network", "social media"]) => {
            "Organic Social"
        }
        () if sort == Some(Video) || medium.contains("video") => "Organic Video",
        () if sort == Some(Assistant) => "AI Assistants",
        () if sort == Some(Search) || is(&["organic"]) => "Organic Search",
        () if sort == Some(Mail) || is(&mail) || mail.contains(&word.as_str()) => "Email",
        () if is(&["affiliate", "affiliates"]) => "Affiliates",
        () if is(&["audio"]) => "Audio",
        () if is(&["sms"]) || word == "sms" => "SMS",
        () if medium.ends_with("push") || medium.contains("mobile") || medium.contains("notification") => {
            "Mobile Push Notifications"
        }
        () if word == "firebase" => "Mobile Push Notifications",
        () if !source.is_empty() || is(&["referral", "app", "link"]) => "Referral",
        () => "Direct",
    }
}

/// GA4's expression `^(.*cp.*|ppc|retargeting|paid.*)$`; `cpm` is display before it comes to "Paid Other".
fn is_paid(medium: &str) -> bool {
    medium.contains("cp") || medium == "ppc" || medium == "retargeting" || medium.starts_with("paid")
}

/// GA4's expression `^(.*(([^a-df-z]|^)shop|shopping).*)$`: `shop` as a word of its own, not `workshop`.
fn is_shopping(name: &str) -> bool {
    let stands_alone = |at: usize| {
        name.get(..at)
            .and_then(|before| before.chars().next_back())
            .is_none_or(|char| !matches!(char, 'a'..='d' | 'f'..='z'))
    };
    name.contains("shopping") || name.match_indices("shop").any(|(at, _)| stands_alone(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_referrers_and_their_channels() {
        let cases = [
            ("google.com", "Google", "Organic Search"),
            ("google.co.jp", "Google", "Organic Search"),
            ("images.google.de", "Google", "Organic Search"),
            ("notgoogle.com", "notgoogle.com", "Referral"),
            ("bing.com", "Bing", "Organic Search"),
            ("duckduckgo.com", "DuckDuckGo", "Organic Search"),
            ("baidu.com", "Baidu", "Organic Search"),
            ("search.yahoo.com", "Yahoo!", "Organic Search"),
            ("l.facebook.com", "Facebook", "Organic Social"),
            ("t.co", "Twitter", "Organic Social"),
            ("x.com", "Twitter", "Organic Social"),
            ("netflix.com", "netflix.com", "Referral"),
            ("linkedin.com", "LinkedIn", "Organic Social"),
            ("old.reddit.com", "Reddit", "Organic Social"),
            ("news.ycombinator.com", "Hacker News", "Organic Social"),
            ("m.youtube.com", "YouTube", "Organic Video"),
            ("chatgpt.com", "ChatGPT", "AI Assistants"),
            ("perplexity.ai", "Perplexity", "AI Assistants"),
            ("claude.ai", "Claude", "AI Assistants"),
            ("gemini.google.com", "Gemini", "AI Assistants"),
            ("mail.google.com", "Gmail", "Email"),
            ("amazon.co.uk", "Amazon", "Organic Shopping"),
            ("blog.example.org", "blog.example.org", "Referral"),
        ];
        for (host, name, channel) in cases {
            let referrer = Referrer { host: host.into(), path: "/".into() };
            assert_eq!(source(&Campaign::default(), Some(&referrer)), Source { name: name.into(), channel }, "{host}");
        }
        assert_eq!(source(&Campaign::default(), None), Source { name: DIRECT.into(), channel: "Direct" });
    }

    #[test]
    fn names_campaigns_and_their_channels() {
        let cases = [
            (["google", "cpc", "", ""], "Google", "Paid Search"),
            (["Google", "", "", ""], "Google", "Organic Search"),
            (["google", "", "", "gclid"], "Google", "Paid Search"),
            (["bing", "", "", "msclkid"], "Bing", "Paid Search"),
            (["facebook", "paid-social", "", ""], "Facebook", "Paid Social"),
            (["fb", "social", "", ""], "Facebook", "Organic Social"),
            (["youtube", "video", "", ""], "YouTube", "Organic Video"),
            (["youtube", "cpc", "", ""], "YouTube", "Paid Video"),
            (["news", "email", "", ""], "news", "Email"),
            (["newsletter", "", "", ""], "newsletter", "Email"),
            (["partner", "affiliate", "", ""], "partner", "Affiliates"),
            (["partner", "banner", "", ""], "partner", "Display"),
            (["partner", "cpm", "", ""], "partner", "Display"),
            (["partner", "ppc", "", ""], "partner", "Paid Other"),
            (["partner", "cpc", "spring shop", ""], "partner", "Paid Shopping"),
            (["partner", "", "workshop", ""], "partner", "Referral"),
            (["partner", "audio", "", ""], "partner", "Audio"),
            (["partner", "sms", "", ""], "partner", "SMS"),
            (["partner", "webpush", "", ""], "partner", "Mobile Push Notifications"),
            (["partner", "", "cross-network", ""], "partner", "Cross-network"),
            (["chatgpt.com", "", "", ""], "ChatGPT", "AI Assistants"),
            (["", "organic", "", ""], DIRECT, "Organic Search"),
            (["", "referral", "", ""], DIRECT, "Referral"),
        ];
        for (fields, name, channel) in cases {
            let [word, medium, campaign, click_id] =
                fields.map(|field| (!field.is_empty()).then(|| Box::<str>::from(field)));
            let campaign = Campaign { source: word, medium, name: campaign, click_id, ..Campaign::default() };
            assert_eq!(source(&campaign, None), Source { name: name.into(), channel }, "{fields:?}");
        }
    }

    #[test]
    fn a_campaign_wins_over_the_referrer() {
        let campaign = Campaign { source: Some("spring".into()), ..Campaign::default() };
        let referrer = Referrer { host: "google.com".into(), path: "/".into() };
        assert_eq!(source(&campaign, Some(&referrer)).name, "spring");
        assert_eq!(
            source(&Campaign { medium: Some("cpc".into()), ..Campaign::default() }, Some(&referrer)).channel,
            "Paid Search"
        );
    }
}
