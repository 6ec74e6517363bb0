//! Handing records to the core, batch by batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use merak_core::kit::Refusal;
use merak_core::organizations::Organization;
use merak_core::transfer::{
    self, Arrival, Begin, FileRecord, Import, OrganizationRecord, Record, RecordKind, Report, Tally,
    Uncarried, take_batch,
};
use merak_store::{Error as StoreError, Json, Store};
use url::Url;

use crate::vault::Lack;
use crate::{Result, Told, Vault};

/// How often a batch is tried again when the database is busy, with pauses that double from [`PAUSE`].
const TRIES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(100);

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What is being moved.
    pub kind: RecordKind,
    /// How many of that kind were seen in this run.
    pub seen: u64,
    /// How many there are, where that is known.
    pub total: Option<u64>,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The organization here.
    pub organization: Organization,
    /// The organization's id where it came from.
    pub source_id: uuid::Uuid,
    /// Whether it went on where an earlier run had stopped.
    pub is_resumed: bool,
    /// What this run did, by kind.
    pub tallies: BTreeMap<RecordKind, Tally>,
    /// What all runs came to.
    pub report: Report,
    /// What stays where it is, and how many of each; none if that is not known.
    pub uncarried: BTreeMap<Uncarried, Option<u64>>,
}

/// An import under way.
pub(crate) struct Intake<'t> {
    store: Store,
    vault: Vault,
    import: Arc<Import>,
    organization: Organization,
    /// Where an earlier run stopped.
    position: Option<Json>,
    tallies: BTreeMap<RecordKind, Tally>,
    told: Told<'t>,
    /// The server that is read, from which pictures may be fetched wherever it is.
    server: Option<Url>,
    /// Where the organization's picture is where it comes from.
    picture: Option<String>,
}

impl<'t> Intake<'t> {
    /// Begins, or goes on.
    pub async fn begin(
        (store, vault): (&Store, &Vault),
        record: OrganizationRecord,
        command: Begin,
        told: Told<'t>,
    ) -> Result<Self> {
        let picture = record.avatar_url.clone();
        let begun = store.write(move |tx| transfer::begin(tx, &record, &command)).await?;
        Ok(Self {
            store: store.clone(),
            vault: vault.clone(),
            import: Arc::new(begun.import),
            organization: begun.organization,
            position: begun.position,
            tallies: BTreeMap::new(),
            told,
            server: None,
            picture,
        })
    }

    /// Fetches pictures from this server, even if it is no public one.
    pub fn reading(mut self, server: Url) -> Self {
        self.server = Some(server);
        self
    }

    /// Where an earlier run stopped, if it can be understood.
    pub fn position<P: serde::de::DeserializeOwned>(&self) -> Option<P> {
        self.position.as_ref()?.parse().ok()
    }

    /// Takes the next records in and remembers where the ones after them begin. A file whose bytes came is taken at
    /// once, so that a run that is killed does not bring them again: the next one goes on where these records begin,
    /// and finds that the bytes are here.
    pub async fn take<P: serde::Serialize + Sync>(
        &mut self,
        arrivals: Vec<Arrival>,
        (begin, end): (&P, &P),
        total: Option<u64>,
    ) -> Result<()> {
        let mut ready = Vec::new();
        for mut arrival in arrivals {
            let has_bytes = match &mut arrival {
                Arrival::Record(Record::File(file)) => self.bring_bytes(file).await?,
                _ => false,
            };
            ready.push(arrival);
            if has_bytes {
                self.settle(std::mem::take(&mut ready), begin, total).await?;
            }
        }
        self.settle(ready, end, total).await
    }

    /// Takes records in, remembers where to go on, and tells how far it is.
    async fn settle(
        &mut self,
        arrivals: Vec<Arrival>,
        position: &impl serde::Serialize,
        total: Option<u64>,
    ) -> Result<()> {
        // What has vanished is told at the end, and is not what the walk is at.
        let mut seen = arrivals.iter().rev().filter(|arrival| !matches!(arrival, Arrival::Vanished { .. }));
        let kind = seen.next().map(Arrival::kind);
        let (arrivals, position) = (Arc::new(arrivals), Json::new(position)?);
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            let (import, arrivals, position) =
                (Arc::clone(&self.import), Arc::clone(&arrivals), position.clone());
            let taken = self.store.write(move |tx| take_batch(tx, &import, &arrivals, &position)).await;
            match taken {
                Err(Refusal::Store(StoreError::Busy | StoreError::Conflict | StoreError::Unavailable(_)))
                    if attempt < TRIES =>
                {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                Err(error) => return Err(error.into()),
                Ok(tallies) => {
                    for (kind, tally) in tallies {
                        *self.tallies.entry(kind).or_default() += tally;
                    }
                    break;
                }
            }
        }
        if let Some(kind) = kind {
            let tally = self.tallies.get(&kind).copied().unwrap_or_default();
            let seen = tally.new + tally.known + tally.behind;
            (self.told)(&Progress { kind, seen, total });
        }
        Ok(())
    }

    /// Stores the bytes of a file, if they are wanted here and to be had, and says whether it did. They are stored
    /// before their record is taken: a run that is killed in between stores them again at the same place.
    async fn bring_bytes(&self, file: &mut FileRecord) -> Result<bool> {
        let (import, record) = (Arc::clone(&self.import), file.clone());
        let Some(row) = self.store.write(move |tx| record.wanted(tx, &import)).await? else {
            return Ok(false);
        };
        match self.vault.bring_in(file, &row, self.server.as_ref()).await? {
            Ok(stored) => file.stored = Some((row.id, stored)),
            Err(Lack::Absent) => {}
            Err(Lack::Unlike(reason)) => file.problem = Some(reason),
        }
        Ok(file.stored.is_some())
    }

    /// Everything was seen, and so much stays where it is.
    pub async fn finish(self, uncarried: BTreeMap<Uncarried, Option<u64>>) -> Result<Outcome> {
        self.follow_picture().await?;
        let import = Arc::clone(&self.import);
        self.store.write(move |tx| transfer::finish(tx, &import)).await?;
        let import = Arc::clone(&self.import);
        let report = self.store.read(move |tx| transfer::report(tx, &import)).await?;
        Ok(Outcome {
            organization: self.organization,
            source_id: self.import.source_id,
            is_resumed: self.position.is_some(),
            tallies: self.tallies,
            report,
            uncarried,
        })
    }

    /// Lets the organization show its picture from here, if that came along.
    async fn follow_picture(&self) -> Result<()> {
        let (import, picture) = (Arc::clone(&self.import), self.picture.clone());
        let Some(picture) = picture else { return Ok(()) };
        let storage = Arc::clone(&self.vault.storage);
        let moved = move |path: &str| storage.public_url(path);
        Ok(self.store.write(move |tx| transfer::follow_picture(tx, &import, &picture, &moved)).await?)
    }
}
