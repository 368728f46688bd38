//! What became of one request: the word for its outcome header, and whether the request itself was wrong.
//!
//! Refusals by policy keep the answer of success, so that a page's console stays quiet and a robot learns nothing; a wrong
//! request gets a 4xx, because its sender can and must do something about it.

use std::fmt::Write as _;

use http::StatusCode;
use model::{Outcome, Refusal};

/// What became of one request's hits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every hit came to an outcome; what was counted is durable.
    Handled(Handled),
    /// Nothing was taken, and sending the same again is useless (or, for 429, too early).
    Wrong { status: StatusCode, refusal: Refusal, message: &'static str },
    /// Nothing can be promised now; the same request may be sent again.
    Unavailable,
}

/// Outcomes of the hits of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    /// The one hit's.
    One(Outcome),
    /// How many hits came to which, in order of their first.
    Several(Vec<(Outcome, usize)>),
}

impl Verdict {
    /// A request refused whole.
    pub(crate) fn wrong(refusal: Refusal, message: &'static str) -> Self {
        Self::Wrong { status: status(refusal).unwrap_or(StatusCode::BAD_REQUEST), refusal, message }
    }

    /// The verdict over hits that all came to an outcome. Where every one of them was wrong, so is the request.
    pub(crate) fn over(outcomes: &[(Outcome, &'static str)]) -> Self {
        let all_wrong = outcomes.iter().all(|(outcome, _)| wrong_status(*outcome).is_some());
        match outcomes {
            [(Outcome::Refused(refusal), message), ..] if all_wrong => Self::wrong(*refusal, message),
            [(outcome, _)] => Self::Handled(Handled::One(*outcome)),
            _ => {
                let mut several: Vec<(Outcome, usize)> = Vec::new();
                for (outcome, _) in outcomes {
                    // Outcomes of one word are one to the sender: robots of all classes, counted in whatever mode.
                    match several.iter_mut().find(|(known, _)| word(*known) == word(*outcome)) {
                        Some((_, hits)) => *hits += 1,
                        None => several.push((*outcome, 1)),
                    }
                }
                Self::Handled(Handled::Several(several))
            }
        }
    }
}

impl Handled {
    /// The value of the outcome header: for several hits a list (RFC 9651) such as
    /// `counted; hits=2, refused; reason=bot; hits=1`.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::One(outcome) => word(*outcome).to_owned(),
            Self::Several(outcomes) => {
                let mut list = String::new();
                for (outcome, hits) in outcomes {
                    let comma = if list.is_empty() { "" } else { ", " };
                    write!(list, "{comma}{}; hits={hits}", word(*outcome)).expect("a String takes all that is written");
                }
                list
            }
        }
    }
}

fn wrong_status(outcome: Outcome) -> Option<StatusCode> {
    match outcome {
        Outcome::Counted(_) | Outcome::Minimal(_) | Outcome::Late => None,
        Outcome::Refused(refusal) => status(refusal),
    }
}

/// The status of a request that is wrong in this way; nothing where it is the policy that refuses.
const fn status(refusal: Refusal) -> Option<StatusCode> {
    match refusal {
        Refusal::UnknownSite | Refusal::Malformed => Some(StatusCode::BAD_REQUEST),
        Refusal::TooLarge => Some(StatusCode::PAYLOAD_TOO_LARGE),
        Refusal::RateLimited => Some(StatusCode::TOO_MANY_REQUESTS),
        Refusal::Bot(_)
        | Refusal::OptedOut
        | Refusal::Restricted
        | Refusal::Erased
        | Refusal::Off
        | Refusal::Duplicate
        | Refusal::StaticFile
        | Refusal::Method
        | Refusal::Status => None,
    }
}

/// The outcome header's value for one hit.
pub(crate) const fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Counted(_) => "counted",
        Outcome::Minimal(_) => "minimal",
        Outcome::Late => "late",
        Outcome::Refused(refusal) => match refusal {
            Refusal::UnknownSite => "refused; reason=unknown_site",
            Refusal::Malformed => "refused; reason=malformed",
            Refusal::TooLarge => "refused; reason=too_large",
            Refusal::Bot(_) => "refused; reason=bot",
            Refusal::RateLimited => "refused; reason=rate_limited",
            Refusal::OptedOut => "refused; reason=opted_out",
            Refusal::Restricted => "refused; reason=restricted",
            Refusal::Erased => "refused; reason=erased",
            Refusal::Off => "refused; reason=off",
            Refusal::Duplicate => "refused; reason=duplicate",
            Refusal::StaticFile => "refused; reason=static_file",
            Refusal::Method => "refused; reason=method",
            Refusal::Status => "refused; reason=status",
        },
    }
}

#[cfg(test)]
mod tests {
    use model::{BotClass, Measured};

    use super::*;

    const BOT: Outcome = Outcome::Refused(Refusal::Bot(BotClass::Declared));
    const MALFORMED: Outcome = Outcome::Refused(Refusal::Malformed);

    #[test]
    fn one_hit_has_one_word() {
        let Verdict::Handled(handled) = Verdict::over(&[(BOT, "")]) else {
            panic!("policy keeps the answer of success")
        };
        assert_eq!(handled.describe(), "refused; reason=bot");
    }

    #[test]
    fn several_hits_are_counted_by_outcome() {
        let (full, exempt) = (Outcome::Counted(Measured::Full), Outcome::Counted(Measured::Exempt(None)));
        let outcomes = [(full, ""), (BOT, ""), (exempt, ""), (MALFORMED, "url is missing")];
        let Verdict::Handled(handled) = Verdict::over(&outcomes) else { panic!("two were counted") };
        let words = "counted; hits=2, refused; reason=bot; hits=1, refused; reason=malformed; hits=1";
        assert_eq!(handled.describe(), words);
    }

    #[test]
    fn a_request_is_wrong_when_all_of_it_is() {
        let unknown = Outcome::Refused(Refusal::UnknownSite);
        assert_eq!(
            Verdict::over(&[(MALFORMED, "url is missing"), (unknown, "")]),
            Verdict::Wrong { status: StatusCode::BAD_REQUEST, refusal: Refusal::Malformed, message: "url is missing" }
        );
    }

    #[test]
    fn the_words_are_those_of_the_ledger() {
        for refusal in [Refusal::UnknownSite, Refusal::OptedOut, Refusal::Off, Refusal::RateLimited, Refusal::Method] {
            assert_eq!(word(Outcome::Refused(refusal)), format!("refused; reason={}", refusal.as_str()));
        }
    }
}
