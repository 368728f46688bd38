//! Coming to rest: between two things that happen, after an outage longer than keys live, and when the day is over.

use super::*;

/// Outages, and the end.
impl Driver {
    /// Waits until everything that was taken is committed.
    pub(super) async fn catch_up(&mut self) {
        self.rest("something that was taken is not counted", |driver| {
            (0..driver.partitions()).all(|number| driver.broker.waits_since(number).is_none())
                && driver.spooled_since().is_none()
                && driver.unanswered_since().is_none()
        })
        .await;
        // And until who started lately knows what was before, as far as that comes to an end.
        for _ in 0..500 {
            if self.world.rebuilds_since().is_none() {
                break;
            }
            self.work(200).await;
        }
    }

    pub(super) async fn rest(&mut self, else_: &str, is_at_rest: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        let mut rates = None;
        while !is_at_rest(self) {
            if begun.elapsed() > REST_MAX {
                let minutes = REST_MAX.as_secs() / 60;
                let waiting = (0..self.partitions()).filter_map(|number| self.broker.waits_since(number)).count();
                let (spooled, rebuilds) =
                    (self.collectors.iter().filter_map(Collector::waits_since).count(), self.world.rebuilding());
                self.broken.push(format!("after {minutes} minutes {else_}: {waiting} partitions and {spooled} spools wait; rebuilding: {rebuilds}"));
                break;
            }
            // Processes that die faster than they start get nowhere: after a while they no longer do.
            if rates.is_none() && begun.elapsed() > TROUBLE_MAX {
                rates = Some(self.world.set_rates(Rates::none()));
            }
            // Who stands still in front of a record for that long is let go on, as a process is that nobody watches.
            if self.world.draw(|random| random.one_in(200)) {
                self.thaw().await;
            }
            self.work(200).await;
        }
        if let Some(rates) = rates {
            self.world.set_rates(rates);
        }
    }

    /// Lets nothing go wrong, and waits until nothing is on its way.
    async fn calm_down(&mut self) -> Rates {
        let rates = self.world.set_rates(Rates::none());
        self.broker.set_away(false);
        self.tables.set_away(false);
        self.thaw().await;
        self.catch_up().await;
        rates
    }

    pub(super) async fn long_outage(&mut self) {
        let rates = self.calm_down().await;
        self.rates = Some(self.world.set_rates(rates));
        self.rest("blocks are on their way", |driver| driver.tables.is_still()).await;
        self.world.injected("outage: longer than keys live");
        self.at_odds(|driver| {
            driver.down = true;
            let workers = driver.processes.iter_mut().filter_map(|process| process.worker.take());
            for worker in workers.chain(driver.zombies.drain(..)) {
                driver.world.set_life(worker.who, Life::Gone);
                worker.handle.abort();
            }
        })
        .await;
        // All is counted but what somebody who went on has appended since: a record that lets time go on.
        self.committed = (0..self.partitions()).map(|number| self.broker.next_and_kept(number).0).collect();
        // A clock that errs now would let keys die at another time than the others'.
        for role in [Role::Broker, Role::Collector, Role::Processor] {
            self.world.set_error(role, 0);
        }
        self.turn_keys();
    }

    pub(super) async fn outage_ends(&mut self) {
        self.world.tell(|| "the outage ends".to_owned());
        let now = self.world.now(Role::Processor);
        for number in 0..self.partitions() {
            // Where everything that waited has expired, the loss is told with the partition's next record, whatever it is.
            self.broker.keep(number, Vec::new(), Content::Tick, i64::MAX);
        }
        self.forgotten += (0..self.partitions()).map(|number| self.forgotten_of(number, now)).sum::<i64>();
        self.down = false;
        self.look_after();
        self.catch_up().await;
        // Who lost its partition meanwhile would read the same range again after more keys have died, and find others lost.
        self.lay_to_rest().await;
        // All of it was read while the wall stood still, also what came out of a spool only now.
        for number in 0..self.partitions() {
            let from = self.committed.get(number as usize).copied().unwrap_or_default();
            let (log, (_, kept)) = (self.broker.log(number), self.broker.next_and_kept(number));
            // Of what has expired nobody knows whether it was empty.
            let is_lost = |offset: usize, record: &Logged| offset < kept || dies_at(record.hour) <= now;
            let dead = log.iter().enumerate().skip(from).filter(|(offset, record)| is_lost(*offset, record));
            self.lost.extend(dead.map(|(offset, _)| (number, offset)));
        }
    }

    /// How many records of days that are open nobody can know any more of those that were counted: dropped, or without their key.
    fn forgotten_of(&self, number: u32, now: Millis) -> i64 {
        let (log, (next, kept)) = (self.broker.log(number), self.broker.next_and_kept(number));
        // A start goes by the time of what it reads first.
        let at = log.get(next.max(kept)).map_or(now, |record| record.at);
        let open = self.parts.sites.load().iter().map(|site| open_since(&site.timezone, at)).min().unwrap_or(at);
        let is_forgotten = |(offset, record): &(usize, &Logged)| {
            record.at.hour() >= open.hour() && (*offset < kept || dies_at(record.hour) <= now)
        };
        let forgotten = log.iter().enumerate().take(next).filter(is_forgotten).count();
        i64::try_from(forgotten).unwrap_or(i64::MAX)
    }

    pub(super) async fn end(&mut self, script: &Script) {
        self.answer_all().await;
        for role in [Role::Broker, Role::Collector, Role::Processor] {
            self.world.set_error(role, 0);
        }
        self.broker.set_away(false);
        self.tables.set_away(false);
        self.thaw().await;
        self.world.tell(|| "the last days end".to_owned());
        let now = self.world.wall();
        let closes = script.sites.iter().map(|site| {
            let mut zone = Zone::find_or_utc(&site.timezone);
            // A collector that is an hour ahead has opened the next day.
            let last = zone.moment(now.plus(HOUR)).day;
            zone.closes(last)
        });
        let mut closes: Vec<Millis> = closes.chain([now]).collect();
        closes.sort_unstable();
        for close in closes {
            self.advance(close.plus(-MINUTE)).await;
            self.work(400).await;
            self.advance(close.plus(2 * MINUTE)).await;
            self.work(3_000).await;
        }
        // Days close while things still go wrong; then nothing does.
        self.work(22_000).await;
        self.calm_down().await;
        self.rest("days are not closed, or blocks on their way", |driver| {
            driver.tables.not_closed().is_empty() && driver.tables.is_still()
        })
        .await;
        self.down = true;
        for name in 0..self.processes.len() {
            self.restart(name).await;
        }
        self.at_odds(|driver| {
            for worker in &driver.zombies {
                worker.stop.send_replace(true);
            }
        })
        .await;
        for _ in 0..200 {
            self.bury();
            if self.zombies.is_empty() {
                break;
            }
            sleep(Duration::from_millis(500)).await;
        }
        if !self.zombies.is_empty() {
            self.broken.push(format!("{} processes do not stop", self.zombies.len()));
        }
        // Nothing that was sealed can be opened a day later.
        let last = self.world.wall();
        self.advance(last.plus((KEY_LIFE_HOURS + 2) * HOUR)).await;
        let mut opener = Opener::default();
        self.keys.equip(&mut opener);
        if opener.hours().any(|hour| hour <= last.hour()) {
            self.broken.push("a key of the day lives still".to_owned());
        }
    }
}

/// When the first day began that has not closed.
fn open_since(zone: &str, at: Millis) -> Millis {
    let mut zone = Zone::find_or_utc(zone);
    let today = zone.moment(at).day;
    let mut days = (today.0 - 3..=today.0).map(LocalDay);
    days.find(|day| zone.closes(*day) > at).map_or(at, |day| zone.end_of(LocalDay(day.0 - 1)))
}
