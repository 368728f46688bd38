//! The settings of a `[[site]]`, as one table: key, what it takes, what it does. The file is read by it, and `--help` shows it.

use model::{AddressPrecision, Currency, Mode, Site};
use toml::Value;

/// One setting of a site.
pub struct SiteSetting {
    /// Its key.
    pub key: &'static str,
    /// What it takes, for messages and help.
    pub takes: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Puts a value into the site; `None` where it is not what the setting takes.
    set: fn(&mut Site, &Value) -> Option<()>,
}

/// Every setting of a site but its `domain`.
pub const SITE_SETTINGS: &[SiteSetting] = &[
    SiteSetting {
        key: "timezone",
        takes: "an IANA name such as Asia/Tokyo",
        help: "The zone whose midnight ends a day.",
        set: |site, value| {
            let zone = value.as_str().filter(|zone| fold::calendar::Zone::find(zone).is_ok())?;
            put(&mut site.timezone, zone.to_owned())
        },
    },
    SiteSetting {
        key: "mode",
        takes: "off, minimal, exempt or full",
        help: "What applies without any signal.",
        set: |site, value| put(&mut site.mode, mode(value)?),
    },
    SiteSetting {
        key: "public",
        takes: "true or false",
        help: "Whether its dashboard may be read without a token.",
        set: |site, value| put(&mut site.public, value.as_bool()?),
    },
    SiteSetting {
        key: "child_directed",
        takes: "true or false",
        help: "Whether it is directed at children; every hit is then treated as a child's.",
        set: |site, value| put(&mut site.child_directed, value.as_bool()?),
    },
    SiteSetting {
        key: "signals",
        takes: "a table such as { gpc = \"minimal\", dnt = \"exempt\" } of signals and modes",
        help: "What each signal leads to: opted_out, child, refused, tcf_refused, gpp_refused, gpc, dnt, granted, tcf_granted.",
        set: signals,
    },
    SiteSetting {
        key: "tcf",
        takes: "a table such as { purposes_speak = true, legitimate_interest = false, vendor = 12 }",
        help: "How TCF strings are read.",
        set: tcf,
    },
    SiteSetting {
        key: "address",
        takes: "full, network or none",
        help: "How much of an address is kept, cut before it is sealed.",
        set: |site, value| {
            let precision = match value.as_str()? {
                "full" => AddressPrecision::Full,
                "network" => AddressPrecision::Network,
                "none" => AddressPrecision::None,
                _ => return None,
            };
            put(&mut site.address, precision)
        },
    },
    SiteSetting {
        key: "visitors_min",
        takes: "a number from 2 to 1000",
        help: "Distinct visitors below which a crossing is folded into (other) when its day closes.",
        set: |site, value| put(&mut site.visitors_min, number(value, 2, 1_000)?),
    },
    SiteSetting {
        key: "retention_days",
        takes: "a number from 1 to 3660",
        help: "Days that counts are kept.",
        set: |site, value| put(&mut site.retention_days, u16::try_from(number(value, 1, 3_660)?).ok()?),
    },
    SiteSetting {
        key: "currency",
        takes: "a code of three upper-case letters such as EUR",
        help: "The currency of its sums of money; amounts in any other are left out. Choose it once: sums that were made stay as they are.",
        set: |site, value| put(&mut site.currency, Some(Currency::parse(value.as_str()?).ok()?)),
    },
    SiteSetting {
        key: "redact_paths",
        takes: "a list of at most 100 patterns such as \"/orders/*\"",
        help: "Paths whose `*` segments are redacted before anything rests.",
        set: |site, value| {
            let patterns = texts(value)?;
            let good = patterns.len() <= 100 && patterns.iter().all(|pattern| pattern.starts_with('/'));
            good.then(|| site.redact_paths = patterns)
        },
    },
    SiteSetting {
        key: "controller",
        takes: "a text",
        help: "Name and address of who answers for the site.",
        set: |site, value| put(&mut site.notice.controller, Some(text(value)?)),
    },
    SiteSetting {
        key: "contact",
        takes: "a text",
        help: "Where requests and complaints go.",
        set: |site, value| put(&mut site.notice.contact, Some(text(value)?)),
    },
    SiteSetting {
        key: "responsible",
        takes: "a text",
        help: "The person or office responsible for data protection.",
        set: |site, value| put(&mut site.notice.responsible, Some(text(value)?)),
    },
    SiteSetting {
        key: "purpose",
        takes: "a text",
        help: "What the counts are for, in your words.",
        set: |site, value| put(&mut site.notice.purpose, Some(text(value)?)),
    },
    SiteSetting {
        key: "region",
        takes: "a text such as EU or JP",
        help: "The region the site declares for its data; a store elsewhere refuses to start.",
        set: |site, value| put(&mut site.notice.region, Some(text(value)?)),
    },
    SiteSetting {
        key: "recipients",
        takes: "a list of texts",
        help: "Who else receives the counts.",
        set: |site, value| put(&mut site.notice.recipients, texts(value)?),
    },
];

impl SiteSetting {
    /// Sets it, or says what it takes.
    pub fn apply(&self, site: &mut Site, value: &Value) -> Result<(), String> {
        (self.set)(site, value).ok_or_else(|| format!("{} {value} is not {}", self.key, self.takes))
    }
}

fn put<T>(field: &mut T, value: T) -> Option<()> {
    *field = value;
    Some(())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

fn number(value: &Value, min: u32, max: u32) -> Option<u32> {
    u32::try_from(value.as_integer()?).ok().filter(|number| (min..=max).contains(number))
}

fn mode(value: &Value) -> Option<Mode> {
    let text = value.as_str()?;
    [Mode::Off, Mode::Minimal, Mode::Exempt, Mode::Full].into_iter().find(|mode| mode.as_str() == text)
}

fn signals(site: &mut Site, value: &Value) -> Option<()> {
    let modes = &mut site.signals;
    for (signal, value) in value.as_table()? {
        let field = match signal.as_str() {
            "opted_out" => &mut modes.opted_out,
            "child" => &mut modes.child,
            "refused" => &mut modes.refused,
            "tcf_refused" => &mut modes.tcf_refused,
            "gpp_refused" => &mut modes.gpp_refused,
            "gpc" => &mut modes.gpc,
            "dnt" => &mut modes.dnt,
            "granted" => &mut modes.granted,
            "tcf_granted" => &mut modes.tcf_granted,
            _ => return None,
        };
        let mode = mode(value)?;
        // Who refused is never measured as if they had agreed; only a grant may lead to `full`.
        let grant = matches!(signal.as_str(), "granted" | "tcf_granted");
        if mode == Mode::Full && !grant {
            return None;
        }
        *field = mode;
    }
    Some(())
}

fn tcf(site: &mut Site, value: &Value) -> Option<()> {
    for (key, value) in value.as_table()? {
        match key.as_str() {
            "purposes_speak" => site.tcf.purposes_speak = value.as_bool()?,
            "legitimate_interest" => site.tcf.legitimate_interest = value.as_bool()?,
            "vendor" => site.tcf.vendor = Some(u16::try_from(number(value, 1, 65_535)?).ok()?),
            _ => return None,
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<Site, String> {
        let mut site = Site::new(model::Domain::parse("e.com").unwrap());
        for (key, value) in text.parse::<toml::Table>().unwrap() {
            let setting = SITE_SETTINGS.iter().find(|setting| setting.key == key).unwrap();
            setting.apply(&mut site, &value)?;
        }
        Ok(site)
    }

    #[test]
    fn settings_reach_the_site() {
        let site = with(
            "address = \"network\"\nvisitors_min = 20\nretention_days = 90\nsignals = { gpc = \"exempt\", granted = \"full\" }\n\
             tcf = { vendor = 12 }\nredact_paths = [\"/orders/*\"]\ncontact = \"privacy@e.com\"",
        )
        .unwrap();
        assert_eq!((site.address, site.visitors_min, site.retention_days), (AddressPrecision::Network, 20, 90));
        assert_eq!((site.signals.gpc, site.tcf.vendor), (Mode::Exempt, Some(12)));
        assert_eq!(site.notice.contact.as_deref(), Some("privacy@e.com"));
    }

    #[test]
    fn a_refusal_cannot_be_configured_to_mean_full() {
        for signal in ["opted_out", "child", "refused", "tcf_refused", "gpp_refused", "gpc", "dnt"] {
            assert!(with(&format!("signals = {{ {signal} = \"full\" }}")).is_err(), "{signal}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for bad in [
            "mode = \"most\"",
            "visitors_min = 1",
            "signals = { gcp = \"off\" }",
            "redact_paths = [\"x\"]",
            "public = 1",
        ] {
            let setting = bad.split(' ').next().unwrap();
            assert!(with(bad).unwrap_err().contains(setting), "{bad}");
        }
    }
}
