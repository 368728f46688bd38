//! The consent strings of one event, from the door to the moment when its site and the time are known; then they become
//! [`Signals`] and are gone. A consent string may be personal data itself: it shows itself nowhere.

use std::borrow::Cow;
use std::fmt;

use model::{Millis, Signals, TcfPolicy};
use privacy::{google, gpp, tcf};

use crate::draft::{Draft, Field};
use crate::value::{Fault, Value};

/// What a sender passed on from a consent tool, unread.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct ConsentStrings(Option<Box<Strings>>);

#[derive(Clone, PartialEq, Eq)]
struct Strings {
    gdpr_applies: Option<bool>,
    tcf: Option<Box<str>>,
    gpp: Option<Box<str>>,
    gpp_sections: Option<Box<str>>,
}

impl fmt::Debug for ConsentStrings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsentStrings(hidden)")
    }
}

impl ConsentStrings {
    /// Takes them out of an event. Most events have none, and then nothing is held.
    pub(crate) fn take(draft: &mut Draft<'_>) -> Result<Self, Fault> {
        let gdpr_applies = match draft.take(Field::Gdpr) {
            Value::Flag(applies) => Some(applies),
            Value::Whole(number) => Some(number != 0),
            Value::Text(word) if word == "0" => Some(false),
            Value::Text(word) if word == "1" => Some(true),
            // A macro that nobody filled in (`${GDPR}`) says nothing.
            Value::Absent | Value::Text(_) | Value::Number(_) | Value::Object(_) | Value::Other => None,
        };
        let mut text = |field| draft.take(field).text().map(|text| text.map(Cow::into));
        let (tcf, gpp, gpp_sections) = (text(Field::Tcf)?, text(Field::Gpp)?, text(Field::GppSections)?);
        if gdpr_applies != Some(true) && tcf.is_none() && gpp.is_none() {
            return Ok(Self::default());
        }
        Ok(Self(Some(Box::new(Strings { gdpr_applies, tcf, gpp, gpp_sections }))))
    }

    /// What they say on the day `now`. Where the GDPR applies and no string came along, consent is unclear; where it does
    /// not, the TCF string is not read.
    pub(crate) fn signals(&self, now: Millis, policy: TcfPolicy) -> Signals {
        let Some(strings) = &self.0 else { return Signals::default() };
        let by_tcf = match (strings.gdpr_applies, &strings.tcf) {
            (Some(false), _) | (None, None) => Signals::default(),
            (Some(true), None) => Signals::UNCLEAR,
            (Some(true) | None, Some(text)) => gpp::of_word(tcf::read(text, now, policy)),
        };
        let sections = strings.gpp_sections.as_deref();
        let by_gpp = strings.gpp.as_ref().map(|text| gpp::read(text, sections, now, policy));
        by_tcf.with(by_gpp.unwrap_or_default())
    }
}

/// What Google consent mode says about analytics, where a sender passed that on.
pub(crate) fn google_consent(draft: &mut Draft<'_>) -> Result<Signals, Fault> {
    let (state, details) = (draft.take(Field::GoogleState).text()?, draft.take(Field::GoogleDetails).text()?);
    Ok(match google::analytics(state.as_deref(), details.as_deref()) {
        Some(true) => Signals::GRANTED,
        Some(false) => Signals::REFUSED,
        None => Signals::default(),
    })
}
