//! Processes of the processor: started, killed, frozen and let go on, buried, and their partitions given, taken and handed over.

use super::*;

/// Processors.
impl Driver {
    /// Starts what is to run, buries what is dead, and gives the partitions of who stands still to others.
    pub(super) fn look_after(&mut self) {
        self.look_after_collectors();
        for name in 0..self.processes.len() {
            let process = &mut self.processes[name];
            if let Some(worker) = process.worker.take() {
                match self.world.life(worker.who) {
                    Life::Gone => {
                        worker.handle.abort();
                        process.starts_at = self.world.later(4_000);
                    }
                    Life::Runs | Life::Frozen if worker.handle.is_finished() => {
                        process.starts_at = self.world.later(4_000);
                        self.zombies.push(worker);
                    }
                    Life::Frozen if self.world.draw(|random| random.one_in(8)) => self.give_up(name, worker),
                    Life::Runs | Life::Frozen => process.worker = Some(worker),
                }
            }
            let process = &self.processes[name];
            if process.worker.is_none() && !self.down && Instant::now() >= process.starts_at {
                self.start(name);
            }
        }
        self.bury();
    }

    /// Somebody stands still: the group shares its partitions out to the others, or another process is started under its name.
    fn give_up(&mut self, name: usize, mut worker: Worker) {
        let others = self.processes.len() - 1;
        if others > 0 && self.world.draw(|random| random.one_in(2)) {
            self.processes[name].worker = Some(worker);
            for partition in
                (0..self.partitions()).filter(|partition| self.owners[*partition as usize] == name).collect::<Vec<_>>()
            {
                let other = self.world.draw(|random| random.index(others));
                self.world.injected("rebalance: from a process that stands still");
                self.assign(partition, if other >= name { other + 1 } else { other });
            }
        } else {
            self.world.tell(|| format!("process {} stands still, another starts under its name", worker.who));
            self.world.injected("rebalance: another process under the name of one that stands still");
            worker.tell(&self.world, Word::Replaced);
            self.processes[name].starts_at = self.world.later(1_000);
            self.zombies.push(worker);
        }
    }

    /// The group's word: a partition is this process's from now on, whoever knows it.
    fn assign(&mut self, partition: u32, to: usize) {
        let epoch = self.broker.give(partition);
        let from = std::mem::replace(&mut self.owners[partition as usize], to);
        self.world.tell(|| format!("the group gives partition {partition} to the process named {to}"));
        if let Some(worker) = &mut self.processes[from].worker {
            worker.tell(&self.world, Word::Lost(partition));
            self.world.rebuilds(worker.who, partition, false);
        }
        // Who starts later is given everything at its start.
        if let Some(worker) = &mut self.processes[to].worker {
            worker.tell(&self.world, Word::Given(partition, epoch));
        }
    }

    /// Lets everybody hear what the group has said.
    pub(super) async fn hear(&mut self) {
        if self.workers().any(|worker| worker.hears(&self.world)) {
            self.at_odds(|driver| {
                let world = Arc::clone(&driver.world);
                driver.workers_mut().for_each(|worker| worker.hear(&world));
            })
            .await;
        }
    }

    /// Looks at who ended, and how.
    pub(super) fn bury(&mut self) {
        let zombies = std::mem::take(&mut self.zombies);
        for worker in zombies {
            if self.world.life(worker.who) == Life::Gone {
                worker.handle.abort();
                continue;
            }
            if !worker.handle.is_finished() {
                self.zombies.push(worker);
                continue;
            }
            self.world.set_life(worker.who, Life::Gone);
            match ended(worker.handle) {
                Some(Ok(Ok(()))) | None => {}
                Some(Ok(Err(ProcessorError::Journal(error)))) => {
                    self.world.tell(|| format!("process {} ended: {error}", worker.who));
                }
                Some(Ok(Err(error))) => self.broken.push(format!("process {} ended: {error}", worker.who)),
                Some(Err(error)) => {
                    if error.is_panic() {
                        self.broken.push(format!("process {} panicked", worker.who));
                    }
                }
            }
        }
    }

    fn start(&mut self, name: usize) {
        let Self { world, broker, tables, keys, parts, .. } = self;
        let who = world.born();
        let member = Arc::new(Member::default());
        let given: Vec<u32> =
            (0..).zip(&self.owners).filter(|(_, owner)| **owner == name).map(|(number, _)| number).collect();
        for partition in &given {
            member.take_in(Word::Given(*partition, broker.give(*partition)));
        }
        world.tell(|| format!("process {who} starts under the name {name} on partitions {given:?}"));
        let view = View {
            broker: Arc::clone(broker),
            world: Arc::clone(world),
            who,
            member: Arc::clone(&member),
            shared: !parts.embedded,
        };
        let processor = Processor {
            journal: Arc::new(view),
            // Apart, a partition's name comes with its commits.
            journal_name: parts.embedded.then(|| "journal".to_owned()),
            sink: Arc::new(Client { tables: Arc::clone(tables), who }),
            sites: Arc::clone(&parts.sites),
            keys: Arc::clone(keys),
            tables: fold::Tables::default(),
            bounds: fold::Bounds::default(),
            clock: world.clock(Role::Processor),
            flush: parts.flush,
            metrics: parts.metrics.clone(),
            inboxes: Inboxes::default(),
            answers: None,
            follow: None,
        };
        let (stop, stopping) = watch::channel(false);
        let handle = tokio::spawn(processor.run(stopping));
        self.processes[name].worker = Some(Worker { who, member, lost_at: None, stop, handle });
    }

    /// Goes on at an odd millisecond, does something to processes, and comes back at an even one.
    pub(super) async fn at_odds(&mut self, deed: impl FnOnce(&mut Self)) {
        sleep(Duration::from_millis(1)).await;
        deed(self);
        sleep(Duration::from_millis(1)).await;
    }

    pub(super) async fn kill(&mut self, name: usize) {
        self.at_odds(|driver| {
            let process = &mut driver.processes[name];
            if let Some(worker) = process.worker.take() {
                driver.world.tell(|| format!("process {} is killed", worker.who));
                driver.world.injected("kill: anywhere");
                driver.world.set_life(worker.who, Life::Gone);
                worker.handle.abort();
                process.starts_at = driver.world.later(3_000);
            }
        })
        .await;
    }

    /// Asks a process to stop, and waits until it has, or is dead, or does not answer.
    pub(super) async fn restart(&mut self, name: usize) {
        let Some(mut worker) = self.processes[name].worker.take() else { return };
        self.world.tell(|| format!("process {} is asked to stop", worker.who));
        self.world.injected("stop: asked to");
        self.at_odds(|_| _ = worker.stop.send_replace(true)).await;
        for _ in 0..100 {
            if worker.handle.is_finished() || self.world.life(worker.who) != Life::Runs {
                break;
            }
            sleep(Duration::from_millis(LOOK_MS)).await;
        }
        if self.world.life(worker.who) == Life::Gone {
            worker.handle.abort();
        } else {
            worker.tell(&self.world, Word::Replaced);
            self.zombies.push(worker);
        }
        self.processes[name].starts_at = self.world.later(1_000);
        self.bury();
    }

    pub(super) async fn freeze(&mut self, name: usize) {
        self.at_odds(|driver| {
            if let Some(worker) = &driver.processes[name].worker {
                driver.world.tell(|| format!("process {} stands still", worker.who));
                driver.world.injected("freeze: anywhere");
                driver.world.set_life(worker.who, Life::Frozen);
            }
        })
        .await;
    }

    pub(super) async fn thaw(&mut self) {
        self.at_odds(|driver| {
            for worker in driver.workers().filter(|worker| driver.world.life(worker.who) == Life::Frozen) {
                driver.world.tell(|| format!("process {} goes on", worker.who));
                driver.world.set_life(worker.who, Life::Runs);
            }
        })
        .await;
    }

    /// Lets those who lost partitions find out; who does not hear it is killed.
    pub(super) async fn lay_to_rest(&mut self) {
        self.thaw().await;
        for _ in 0..50 {
            if self.zombies.is_empty() && self.workers().all(|worker| worker.lost_at.is_none()) {
                return;
            }
            self.work(400).await;
        }
        self.at_odds(|driver| {
            for worker in driver.zombies.drain(..) {
                driver.world.set_life(worker.who, Life::Gone);
                worker.handle.abort();
            }
            for worker in driver.workers().filter(|worker| worker.lost_at.is_some()) {
                driver.world.set_life(worker.who, Life::Gone);
            }
        })
        .await;
        self.look_after();
    }

    /// A partition goes to another process.
    pub(super) async fn hand_over(&mut self, partition: u32, to: usize, sudden: bool) {
        if sudden {
            self.world.injected("rebalance: sudden");
        } else {
            self.world.injected("rebalance: after asking");
            self.take_back(partition).await;
        }
        self.assign(partition, to);
    }

    /// Asks for a partition back, and takes it once work on it has ended, or when that takes too long; from who stands still or
    /// has died meanwhile the group does not wait for it.
    async fn take_back(&mut self, partition: u32) {
        let name = self.owners[partition as usize];
        let Some(worker) = &self.processes[name].worker else { return };
        let (who, member) = (worker.who, Arc::clone(&worker.member));
        self.at_odds(|_| member.ownership.ask_back(&[partition])).await;
        let is_here = |driver: &Self| {
            driver.world.life(who) == Life::Runs
                && driver.processes[name].worker.as_ref().is_some_and(|worker| worker.who == who)
        };
        for _ in 0..TAKE_BACK_LOOKS {
            if !is_here(self) || member.ownership.is_idle(&[partition]) {
                break;
            }
            self.work(LOOK_MS).await;
        }
        if is_here(self) {
            self.at_odds(|_| member.ownership.lose(&[partition])).await;
        }
    }
}
