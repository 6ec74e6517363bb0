//! One shop under load: its server, the bare handlers beside it, the rounds in turn and the reading back.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    client::{Answer, Connection},
    load::{self, Measured, Script},
    report::{Figure, Round, Weight},
    scripts::{Choice, List, Pairs, Validate},
    seed::{self, Effects, Place, Shop},
    server::Server,
};

/// How hard and how long.
#[derive(Clone, Copy)]
pub struct Load {
    /// Keep-alive connections, all nodes together.
    pub connections: usize,
    /// The length of one measured round.
    pub round: Duration,
}

/// Which figures are taken.
#[derive(Clone, Copy, Eq, PartialEq, clap::ValueEnum)]
pub enum Scene {
    /// The bare handler with the bytes of a validation.
    BareValidate,
    /// Validations of random keys.
    Validate,
    /// Validations of random keys through all nodes.
    ValidateNodes,
    /// Validations of one and the same key.
    ValidateHot,
    /// Activation and deactivation of random keys.
    Pairs,
    /// The bare handler with the bytes of a list.
    BareList,
    /// The first page of the merchant's list.
    List,
}

/// A shop with its servers.
pub struct Subject {
    shop: Shop,
    place: Place,
    nodes: Vec<Server>,
    bare_validate: Server,
    bare_list: Server,
    list_body_bytes: usize,
    expected: Effects,
    seed: u64,
    /// Start and memory.
    pub weight: Weight,
    /// The figures in the order of the scenes.
    pub figures: Vec<Figure>,
}

impl Subject {
    /// Starts the nodes of a shop and the bare handlers with its answers.
    pub fn start(bin: &Path, folder: &Path, (shop, place): (Shop, Place), nodes: usize) -> Result<Self> {
        let seeded = place.effects(&seed::key(shop.size - 1))?;
        let log = folder.join(format!("{}-keys.log", shop.size));
        let mut servers = Vec::new();
        for _ in 0..nodes {
            servers.push(Server::start(
                place
                    .command(bin)
                    .args(["serve", "--listen", "127.0.0.1:0"])
                    .args(["--rate-limit-per-address", "1000000", "--rate-limit-per-key", "1000000"])
                    .stderr(File::create(&log)?),
            )?);
        }
        let first = &servers[0];
        let mut validate = Validate::new(&shop.organization_id, Choice::Any(shop.size - 1), 0);
        let body = ask_once(first, &mut validate)?;
        let first_answer_after = first.started.elapsed();
        let bare_validate = bare(folder, "validate", &body)?;
        let list = ask_once(first, &mut List::new(&shop.organization_id, &shop.token, 0))?;
        let bare_list = bare(folder, "list", &list)?;
        thread::sleep(Duration::from_secs(1));
        let weight = Weight {
            ready_after: first.ready_after,
            first_answer_after,
            idle_bytes: first.resident()?.now,
            peak_bytes: 0,
        };
        Ok(Self {
            shop,
            place,
            nodes: servers,
            bare_validate,
            bare_list,
            list_body_bytes: list.len(),
            // The one that was asked above.
            expected: Effects { validations: seeded.validations + 1, ..seeded },
            seed: 1,
            weight,
            figures: Vec::new(),
        })
    }

    /// License keys of the shop.
    pub const fn keys(&self) -> u64 {
        self.shop.size
    }

    /// Runs one scene for a while; a measured one adds to its figure.
    pub fn play(&mut self, scene: Scene, load: Load, is_measured: bool) -> Result<()> {
        self.seed += 1;
        let before = self.processor_time(scene)?;
        let (measured, per_unit) = match scene {
            Scene::BareValidate => (self.validate(scene, self.random(), load)?.0, 1),
            Scene::Validate | Scene::ValidateNodes => {
                let (measured, accepted) = self.validate(scene, self.random(), load)?;
                self.expected.validations += accepted;
                (measured, 1)
            }
            Scene::ValidateHot => {
                let (measured, accepted) = self.validate(scene, Choice::Only(self.shop.size - 1), load)?;
                self.expected.validations += accepted;
                self.expected.hot_validations += accepted;
                (measured, 1)
            }
            Scene::Pairs => {
                let make = |number| Pairs::new(&self.shop.organization_id, self.random(), self.dice(number));
                (self.drive(scene, load, make)?.0, 2)
            }
            Scene::BareList => (self.list(scene, self.list_body_bytes, load)?, 1),
            Scene::List => {
                let mut list = List::new(&self.shop.organization_id, &self.shop.token, 0);
                let body_bytes = ask_once(&self.nodes[0], &mut list)?.len();
                (self.list(scene, body_bytes, load)?, 1)
            }
        };
        if is_measured {
            let used = self.processor_time(scene)?.saturating_sub(before);
            self.record(scene, &measured, per_unit, used);
        }
        Ok(())
    }

    /// Kills the nodes and compares what the database says with what was answered.
    pub fn finish(&mut self) -> Result<()> {
        for node in self.nodes.drain(..) {
            self.weight.peak_bytes = self.weight.peak_bytes.max(node.resident()?.peak);
            node.kill()?;
        }
        let found = self.place.effects(&seed::key(self.shop.size - 1))?;
        ensure!(
            found == self.expected,
            "with {} keys the database holds {found:?}, but {:?} were answered",
            self.shop.size,
            self.expected
        );
        eprintln!(
            "effects with {} keys, after the servers were killed: {found:?}, all as answered",
            self.shop.size
        );
        Ok(())
    }

    /// All keys but the hot one.
    const fn random(&self) -> Choice {
        Choice::Any(self.shop.size - 1)
    }

    /// A seed of its own for each connection of each round.
    fn dice(&self, connection: usize) -> u64 {
        self.seed << 32 | u64::try_from(connection).expect("connections fit into 64 bits")
    }

    fn validate(&self, scene: Scene, choice: Choice, load: Load) -> Result<(Measured, u64)> {
        let make = |number| Validate::new(&self.shop.organization_id, choice, self.dice(number));
        let (measured, scripts) = self.drive(scene, load, make)?;
        Ok((measured, scripts.iter().map(|script| script.accepted).sum()))
    }

    fn list(&self, scene: Scene, body_bytes: usize, load: Load) -> Result<Measured> {
        let make = |_| List::new(&self.shop.organization_id, &self.shop.token, body_bytes);
        Ok(self.drive(scene, load, make)?.0)
    }

    fn drive<S: Script>(
        &self,
        scene: Scene,
        load: Load,
        make: impl Fn(usize) -> S,
    ) -> Result<(Measured, Vec<S>)> {
        let addresses: Vec<_> = self.servers(scene).iter().map(|server| server.address).collect();
        load::drive(&addresses, (0..load.connections).map(make).collect(), load.round)
    }

    /// Who answers in a scene.
    fn servers(&self, scene: Scene) -> &[Server] {
        match scene {
            Scene::BareValidate => std::slice::from_ref(&self.bare_validate),
            Scene::BareList => std::slice::from_ref(&self.bare_list),
            Scene::ValidateNodes => &self.nodes,
            Scene::Validate | Scene::ValidateHot | Scene::Pairs | Scene::List => &self.nodes[..1],
        }
    }

    fn processor_time(&self, scene: Scene) -> Result<Duration> {
        self.servers(scene).iter().map(Server::processor_time).sum()
    }

    fn record(&mut self, scene: Scene, measured: &Measured, requests_per_unit: u32, used: Duration) {
        let bare = match scene {
            Scene::BareValidate | Scene::BareList => None,
            Scene::List => Some(Scene::BareList),
            Scene::Validate | Scene::ValidateNodes | Scene::ValidateHot | Scene::Pairs => {
                Some(Scene::BareValidate)
            }
        };
        let per_second = measured.rate() / f64::from(requests_per_unit);
        let beside = bare.and_then(|bare| self.figure(bare)).and_then(|figure| figure.rounds.last());
        let round = Round {
            per_second,
            ratio: beside.map(|bare| per_second / bare.per_second),
            p50_us: measured.latency_us.value_at_quantile(0.5),
            p99_us: measured.latency_us.value_at_quantile(0.99),
            max_us: measured.latency_us.max(),
            server_us: used.as_secs_f64() * 1e6 / load::to_f64(measured.requests),
        };
        let name = self.name(scene);
        eprintln!("{:>9} keys  {name:<34} {round}", self.shop.size);
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.rounds.push(round),
            None => self.figures.push(Figure { name, rounds: vec![round] }),
        }
    }

    fn figure(&self, scene: Scene) -> Option<&Figure> {
        let name = self.name(scene);
        self.figures.iter().find(|figure| figure.name == name)
    }

    fn name(&self, scene: Scene) -> String {
        match scene {
            Scene::BareValidate => "bare handler, bytes of validate".to_owned(),
            Scene::Validate => "validate".to_owned(),
            Scene::ValidateNodes => format!("validate, {} nodes", self.nodes.len()),
            Scene::ValidateHot => "validate, one hot key".to_owned(),
            Scene::Pairs => "activate + deactivate, pairs".to_owned(),
            Scene::BareList => "bare handler, bytes of list".to_owned(),
            Scene::List => "list, page 1".to_owned(),
        }
    }
}

/// Asks one question and gives the body of the answer.
fn ask_once(server: &Server, script: &mut impl Script) -> Result<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(server.address).await?;
        let mut request = Vec::new();
        script.ask(&mut request);
        let answer = connection.exchange(&request).await?;
        script.take(&answer)?;
        let Answer { body, .. } = answer;
        Ok(body.to_vec())
    })
}

/// Starts the bare handler with these bytes.
fn bare(folder: &Path, name: &str, body: &[u8]) -> Result<Server> {
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, body)?;
    let itself = std::env::current_exe().context("the bench knows its own file")?;
    Server::start(Command::new(itself).arg("bare").arg("--body").arg(file))
}
