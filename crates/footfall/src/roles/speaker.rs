//! Which dashboards speak for the installation: where several are configured otherwise, those that were started last, and nobody
//! else; of one configuration, those that have read the newest revision of the settings.
//!
//! Whoever speaks says so in the followed topic and goes on saying it; the topic has one order, so everybody hears the same last
//! word. One that is not heard any more is succeeded. It decides nothing about sites, and reads no clock but one that never steps.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// How often it is said.
pub const BEAT_EVERY: Duration = Duration::from_secs(5);
/// How long nothing is heard of those who speak before somebody else does.
pub const SILENCE_MAX: Duration = Duration::from_secs(20);

/// What is said of who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// A digest of what is configured: version, sites, region, and which database.
    pub configuration: String,
    /// Grows whenever another configuration begins to speak.
    pub term: u64,
    /// The newest revision of the settings that was published from.
    pub revision: i64,
    /// Grows with each time it is said.
    pub beat: u64,
}

/// The last word, and when it was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What was said.
    pub word: Word,
    /// When.
    pub at: Instant,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Publish what differs.
    Speak,
    /// Say this; whether it holds is heard.
    Say(Word),
    /// Publish nothing: others speak, who are configured otherwise.
    Others,
    /// Publish nothing: others of this configuration have read a newer revision.
    Behind,
}

/// One dashboard.
pub struct Speaker {
    configuration: String,
    /// Whether it has said, or heard, that its configuration speaks: from then on another one was started later.
    has_spoken: bool,
}

impl Speaker {
    /// A dashboard that was just started.
    pub const fn new(configuration: String) -> Self {
        Self { configuration, has_spoken: false }
    }

    /// What to do at `now`, having heard this and read that revision of the settings.
    pub fn step(&mut self, heard: Option<&Heard>, revision: i64, now: Instant) -> Step {
        let Some(Heard { word, at }) = heard else { return self.say(1, revision, 0) };
        let silent = now.duration_since(*at);
        if word.configuration == self.configuration {
            self.has_spoken = true;
            // They may have read a database that was then set back: if they are silent, this one's revision holds.
            if word.revision > revision && silent <= SILENCE_MAX {
                return Step::Behind;
            }
            if word.revision != revision || silent >= BEAT_EVERY {
                return self.say(word.term, revision, word.beat + 1);
            }
            return Step::Speak;
        }
        if self.has_spoken && silent <= SILENCE_MAX {
            return Step::Others;
        }
        self.say(word.term + 1, revision, word.beat + 1)
    }

    fn say(&mut self, term: u64, revision: i64, beat: u64) -> Step {
        self.has_spoken = true;
        Step::Say(Word { configuration: self.configuration.clone(), term, revision, beat })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dashboards that hear each other at once, a look a second.
    struct Room {
        begun: Instant,
        second: u64,
        heard: Option<Heard>,
        said: usize,
    }

    impl Room {
        fn new() -> Self {
            Self { begun: Instant::now(), second: 0, heard: None, said: 0 }
        }

        /// Lets these take their looks for so many seconds; returns who spoke in the last one.
        fn pass(&mut self, seconds: u64, dashboards: &mut [(&mut Speaker, i64)]) -> Vec<bool> {
            let mut spoke = Vec::new();
            for _ in 0..seconds {
                self.second += 1;
                let now = self.begun + Duration::from_secs(self.second);
                spoke.clear();
                for (speaker, revision) in &mut *dashboards {
                    let step = speaker.step(self.heard.as_ref(), *revision, now);
                    spoke.push(step == Step::Speak);
                    if let Step::Say(word) = step {
                        self.said += 1;
                        self.heard = Some(Heard { word, at: now });
                    }
                }
            }
            spoke
        }
    }

    fn speaker(configuration: &str) -> Speaker {
        Speaker::new(configuration.to_owned())
    }

    #[test]
    fn those_started_last_speak_alone_and_are_succeeded_when_they_fall_silent() {
        let (mut room, mut old, mut new) = (Room::new(), speaker("old"), speaker("new"));
        assert_eq!(room.pass(3, &mut [(&mut old, 0)]), [true]);
        assert_eq!(room.pass(3, &mut [(&mut old, 0), (&mut new, 0)]), [false, true]);
        let said = room.said;
        for _minute in 0..10 {
            assert!(!room.pass(61, &mut [(&mut old, 0), (&mut new, 0)])[0]);
        }
        assert!((100..=130).contains(&(room.said - said)), "beats, and no quarrel: {}", room.said - said);
        // The new ones are gone for good; another old one is started meanwhile.
        let mut again = speaker("old");
        assert_eq!(room.pass(3, &mut [(&mut old, 0), (&mut again, 0)]), [true, true], "a start takes over at once");
        let mut newer = speaker("new");
        room.pass(2, &mut [(&mut old, 0), (&mut newer, 0)]);
        let word = room.heard.as_ref().unwrap().word.clone();
        assert_eq!((word.configuration.as_str(), word.term), ("new", 4));
        assert_eq!(room.pass(SILENCE_MAX.as_secs() - 2, &mut [(&mut old, 0)]), [false]);
        assert_eq!(room.pass(5, &mut [(&mut old, 0)]), [true]);
    }

    #[test]
    fn of_one_configuration_who_has_read_the_newest_revision_speaks_and_a_database_set_back_holds_in_the_end() {
        let (mut room, mut one, mut two) = (Room::new(), speaker("c"), speaker("c"));
        room.pass(3, &mut [(&mut one, 7), (&mut two, 7)]);
        assert_eq!(room.pass(4, &mut [(&mut one, 7), (&mut two, 7)]), [true, true]);
        assert_eq!(room.pass(2, &mut [(&mut one, 8), (&mut two, 7)]), [true, false]);
        assert_eq!(room.pass(2, &mut [(&mut one, 8), (&mut two, 8)]), [true, true]);
        assert_eq!(room.heard.as_ref().unwrap().word.revision, 8);
        // Both read a copy of last week.
        assert_eq!(room.pass(SILENCE_MAX.as_secs() - 5, &mut [(&mut one, 3), (&mut two, 3)]), [false, false]);
        assert_eq!(room.pass(10, &mut [(&mut one, 3), (&mut two, 3)]), [true, true]);
        assert_eq!(room.heard.unwrap().word.term, 1);
    }
}
