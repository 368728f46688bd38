//! The sentences of the notice and their order. Each has one subject, one condition on the facts, and words in both
//! languages; the words stand beside their subject's others.

use super::facts::Facts;
use super::{Said, fairness, keeping, people, processing, rights};

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them, in order.
            pub const ALL: [Self; [$($text),*].len()] = [$(Self::$variant),*];

            /// Its name in the JSON form.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

named! {
    /// A subject of the notice.
    Section {
        /// The whole in two sentences.
        Short = "short",
        /// Who answers for it.
        Who = "who",
        /// What it is for.
        Purpose = "purpose",
        /// What is processed.
        Processing = "processing",
        /// What is cut away.
        Cuts = "cuts",
        /// How long anything is kept.
        Keeping = "keeping",
        /// What is stored in the browser.
        Browser = "browser",
        /// What is never done.
        Fairness = "fairness",
        /// Where the data is and who gets it.
        Recipients = "recipients",
        /// How it is protected.
        Security = "security",
        /// What a visitor can do.
        Rights = "rights",
        /// Where this text comes from.
        About = "about",
    }
}

named! {
    /// A sentence of the notice.
    Sentence {
        /// The whole in short.
        Summary = "summary",
        /// Who answers.
        Controller = "controller",
        /// Who is responsible for data protection.
        Responsible = "responsible",
        /// Where requests go.
        Contact = "contact",
        /// What the counts are for.
        Purpose = "purpose",
        /// That nothing else is done with them.
        NothingElse = "nothing_else",
        /// What a browser sends.
        Sent = "sent",
        /// What applies without a signal.
        Default = "default",
        /// What each signal leads to.
        Signals = "signals",
        /// What full measurement is.
        Full = "full",
        /// What limited measurement is.
        Exempt = "exempt",
        /// What counting without a visitor is.
        Minimal = "minimal",
        /// What no measurement is.
        Off = "off",
        /// How robots are told.
        Robots = "robots",
        /// How floods are held back.
        RateLimit = "rate_limit",
        /// What is cut from an address.
        Address = "address",
        /// What is cut from a page's URL.
        Query = "query",
        /// What is cut from click ids.
        ClickIds = "click_ids",
        /// What is cut from a referrer.
        Referrer = "referrer",
        /// What is cut from paths.
        Paths = "paths",
        /// How visitors are told apart for a day.
        Pseudonym = "pseudonym",
        /// How long sealed records can be opened.
        Sealed = "sealed",
        /// What that means until then.
        Window = "window",
        /// What becomes of records whose key is lost.
        Lost = "lost",
        /// What is stored afterwards.
        Counts = "counts",
        /// What becomes of small groups.
        SmallGroups = "small_groups",
        /// How long counts are kept.
        Retention = "retention",
        /// That nothing is stored in the browser.
        NoCookie = "no_cookie",
        /// The one cookie there is.
        OptOutCookie = "opt_out_cookie",
        /// That there is no profile.
        NoProfile = "no_profile",
        /// That nothing is decided.
        NoDecision = "no_decision",
        /// What holds for children.
        Children = "children",
        /// Where the data is.
        Region = "region",
        /// Who receives the counts.
        Recipients = "recipients",
        /// Who may read them.
        Readers = "readers",
        /// How precisely they read them.
        Rounded = "rounded",
        /// That the program itself passes nothing on.
        NotPassedOn = "not_passed_on",
        /// The measures.
        Measures = "measures",
        /// How to opt out.
        OptOut = "opt_out",
        /// How to see what is held.
        Access = "access",
        /// How to have it taken back.
        Erasure = "erasure",
        /// How to have it left alone.
        Restriction = "restriction",
        /// How to object by the browser.
        BrowserSignals = "browser_signals",
        /// What withdrawal does to what was.
        Withdrawal = "withdrawal",
        /// Whom to ask for everything else.
        Ask = "ask",
        /// Where to complain.
        Complain = "complain",
        /// Where this text comes from.
        Generated = "generated",
    }
}

impl Section {
    /// Its heading, in English and Japanese.
    pub(crate) const fn headings(self) -> (&'static str, &'static str) {
        match self {
            Self::Short => ("In short", "概要"),
            Self::Who => ("Who answers for this", "運営者・お問い合わせ先"),
            Self::Purpose => ("What it is for", "利用目的"),
            Self::Processing => ("What is processed", "取り扱う情報"),
            Self::Cuts => ("What is cut away first", "保存前に取り除く情報"),
            Self::Keeping => ("What is kept, and for how long", "保存する情報と保存期間"),
            Self::Browser => ("What is stored in your browser", "お使いのブラウザーに保存される情報（Cookie等）"),
            Self::Fairness => ("What is not done", "行わないこと"),
            Self::Recipients => ("Where the data is, and who receives it", "保存場所・提供先"),
            Self::Security => ("How it is protected", "安全管理措置"),
            Self::Rights => ("What you can do", "お客様の権利と手続"),
            Self::About => ("About this text", "この文書について"),
        }
    }
}

impl Sentence {
    /// Its subject.
    #[must_use]
    pub const fn section(self) -> Section {
        match self {
            Self::Summary => Section::Short,
            Self::Controller | Self::Responsible | Self::Contact => Section::Who,
            Self::Purpose | Self::NothingElse => Section::Purpose,
            Self::Sent
            | Self::Default
            | Self::Signals
            | Self::Full
            | Self::Exempt
            | Self::Minimal
            | Self::Off
            | Self::Robots
            | Self::RateLimit => Section::Processing,
            Self::Address | Self::Query | Self::ClickIds | Self::Referrer | Self::Paths => Section::Cuts,
            Self::Pseudonym
            | Self::Sealed
            | Self::Window
            | Self::Lost
            | Self::Counts
            | Self::SmallGroups
            | Self::Retention => Section::Keeping,
            Self::NoCookie | Self::OptOutCookie => Section::Browser,
            Self::NoProfile | Self::NoDecision | Self::Children => Section::Fairness,
            Self::Region | Self::Recipients | Self::Readers | Self::Rounded | Self::NotPassedOn => Section::Recipients,
            Self::Measures => Section::Security,
            Self::OptOut
            | Self::Access
            | Self::Erasure
            | Self::Restriction
            | Self::BrowserSignals
            | Self::Withdrawal
            | Self::Ask
            | Self::Complain => Section::Rights,
            Self::Generated => Section::About,
        }
    }

    /// What it says about these facts; nothing where its condition does not hold.
    pub(crate) fn say(self, facts: &Facts) -> Option<Said> {
        match self {
            Self::Summary => people::summary(facts),
            Self::Controller => people::controller(facts),
            Self::Responsible => people::responsible(facts),
            Self::Contact => people::contact(facts),
            Self::Purpose => people::purpose(facts),
            Self::NothingElse => people::nothing_else(facts),
            Self::Sent => processing::sent(facts),
            Self::Default => processing::default(facts),
            Self::Signals => processing::signals(facts),
            Self::Full => processing::full(facts),
            Self::Exempt => processing::exempt(facts),
            Self::Minimal => processing::minimal(facts),
            Self::Off => processing::off(facts),
            Self::Robots => processing::robots(facts),
            Self::RateLimit => processing::rate_limit(facts),
            Self::Address => keeping::address(facts),
            Self::Query => keeping::query(facts),
            Self::ClickIds => keeping::click_ids(facts),
            Self::Referrer => keeping::referrer(facts),
            Self::Paths => keeping::paths(facts),
            Self::Pseudonym => keeping::pseudonym(facts),
            Self::Sealed => keeping::sealed(facts),
            Self::Window => keeping::window(facts),
            Self::Lost => keeping::lost(facts),
            Self::Counts => keeping::counts(facts),
            Self::SmallGroups => keeping::small_groups(facts),
            Self::Retention => keeping::retention(facts),
            Self::NoCookie => rights::no_cookie(facts),
            Self::OptOutCookie => rights::opt_out_cookie(facts),
            Self::NoProfile => fairness::no_profile(facts),
            Self::NoDecision => fairness::no_decision(facts),
            Self::Children => fairness::children(facts),
            Self::Region => fairness::region(facts),
            Self::Recipients => fairness::recipients(facts),
            Self::Readers => fairness::readers(facts),
            Self::Rounded => fairness::rounded(facts),
            Self::NotPassedOn => fairness::not_passed_on(facts),
            Self::Measures => fairness::measures(facts),
            Self::OptOut => rights::opt_out(facts),
            Self::Access => rights::access(facts),
            Self::Erasure => rights::erasure(facts),
            Self::Restriction => rights::restriction(facts),
            Self::BrowserSignals => rights::browser_signals(facts),
            Self::Withdrawal => rights::withdrawal(facts),
            Self::Ask => rights::ask(facts),
            Self::Complain => rights::complain(facts),
            Self::Generated => people::generated(facts),
        }
    }
}
