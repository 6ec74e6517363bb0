//! The handle that everything else holds.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    thread,
};

use flume::{Receiver, Sender, TrySendError};
use tokio::sync::oneshot;

use crate::{
    BackupError, Database, Engine, Error, Migration, Options, ReadTx, Result, Statistics, Timestamp, Tx,
    metrics::Meter,
    migrate,
    postgres::{Kind, Shared, Target, Worker},
    sqlite::{self, LogKeeper, Reader, ShortReads, Writer},
    tx::Scope,
    work::{Crew, Job},
};

/// A database and the threads that work on it. Clones are handles to the same one.
///
/// When the last handle is dropped the threads finish what waits and end; [`shutdown`](Self::shutdown) waits for that.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    options: Options,
    meter: Arc<Meter>,
    crew: Arc<Crew>,
    /// Taken away when the store closes, so that the threads see the end of their queues.
    queues: RwLock<Option<Queues>>,
}

struct Queues {
    writes: Sender<Job>,
    reads: Sender<Job>,
    /// What runs short reads without a queue, on the engine that can.
    short: Option<Arc<ShortReads>>,
}

impl Store {
    /// Connects and starts the threads. It does not migrate.
    pub fn open(options: &Options) -> Result<Self> {
        let meter = Arc::new(Meter::default());
        let crew = Arc::new(Crew::default());
        let (writes, write_queue) = flume::bounded(options.queue.max(1));
        let (reads, read_queue) = flume::bounded(options.queue.max(1));
        let threads = Threads { options, meter: &meter, crew: &crew, write_queue, read_queue };
        let short = match &options.database {
            Database::Sqlite { path } => Some(Arc::new(threads.start_sqlite(path)?)),
            Database::Postgres { url, read_url } => {
                threads.start_postgres(url, read_url.as_deref().unwrap_or(url))?;
                None
            }
        };
        let queues = RwLock::new(Some(Queues { writes, reads, short }));
        Ok(Self(Arc::new(Inner { options: options.clone(), meter, crew, queues })))
    }

    /// The engine behind this store.
    pub fn engine(&self) -> Engine {
        self.0.options.database.engine()
    }

    /// The present instant, as a unit that began now would see it.
    pub fn now(&self) -> Timestamp {
        self.0.options.source.now()
    }

    /// Applies the migrations that the database has not seen yet, in their order, and returns their names. It blocks.
    /// Nodes that start together take turns. See [`Migration`].
    pub fn migrate(&self, migrations: &[Migration]) -> Result<Vec<String>> {
        migrate::apply(&self.0.options, migrations)
    }

    /// The names of the migrations that [`migrate`](Self::migrate) would apply. It blocks.
    pub fn pending(&self, migrations: &[Migration]) -> Result<Vec<String>> {
        migrate::pending(&self.0.options, migrations)
    }

    /// Runs a unit of work that writes, and answers after its commit is durable.
    ///
    /// The unit may be run more than once, and only its last run counts; so it does nothing but through `tx`.
    pub async fn write<T, E>(
        &self,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_in(Scope::Unit, unit)?.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs a unit of work whose *single* writing statement on PostgreSQL carries the whole rule, such as a conditional
    /// `UPDATE … RETURNING`. There it is quicker than [`write`](Self::write), and promises less:
    ///
    /// - what the unit reads beside that statement may be out of date by the time the statement runs;
    /// - the statement's effect stays, whatever the unit returns afterwards, even if it panics;
    /// - after a statement that changed or returned rows, a second one that writes is refused with [`Error::Misuse`].
    ///
    /// On SQLite it is an ordinary unit, alone and all or nothing.
    pub async fn write_one<T, E>(
        &self,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_in(Scope::One, unit)?.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// [`write`](Self::write) with no other unit beside it: all that had begun have ended, and as far as the clocks of the
    /// nodes agree none that begins later has an earlier [`now`](ReadTx::now). So whatever was made until the instant of
    /// this unit can be seen from now on.
    ///
    /// On PostgreSQL the units of all nodes wait for it, but for those of [`write_one`](Self::write_one) of other nodes,
    /// which go on, and so do all where the role may not lock the table `unit_lock`. Where it does not come to be alone for
    /// seconds it is refused with [`Error::Conflict`].
    pub async fn write_alone<T, E>(
        &self,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_in(Scope::Alone, unit)?.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Runs a unit of work that reads one snapshot. It sees everything that was answered before it was asked for, unless
    /// reads go to a replica.
    ///
    /// On SQLite a unit that looks up a few rows is run by the calling thread at once. One that takes longer than about
    /// a millisecond is stopped and run again by a reading thread.
    pub async fn read<T, E>(
        &self,
        mut unit: impl FnMut(&mut ReadTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        if let Some(short) = self.short_reads()?
            && let Some(result) = short.run(&mut |tx: &mut Tx<'_>| unit(tx))
        {
            return result;
        }
        self.read_in(unit)?.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// [`write`](Self::write) for callers outside of any asynchronous runtime.
    pub fn write_blocking<T, E>(
        &self,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.write_in(Scope::Unit, unit)?.blocking_recv().unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// [`read`](Self::read) for callers outside of any asynchronous runtime.
    pub fn read_blocking<T, E>(
        &self,
        unit: impl FnMut(&mut ReadTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.read_in(unit)?.blocking_recv().unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    /// Says whether writers and readers answer, and the database behind them.
    pub async fn ping(&self) -> Result<()> {
        self.write(|tx| tx.one::<i64>("SELECT 1", &[])).await?;
        self.read(|tx| tx.one::<i64>("SELECT 1", &[])).await?;
        Ok(())
    }

    /// Refuses new units with [`Error::Closed`], finishes those that wait, and closes the connections.
    pub async fn shutdown(&self) {
        self.close();
        let (done, all_done) = oneshot::channel();
        let store = self.clone();
        thread::spawn(move || {
            store.shutdown_blocking();
            // A caller that has gone away need not be told.
            let _ = done.send(());
        });
        // The sender is only dropped after it has sent.
        drop(all_done.await);
    }

    /// [`shutdown`](Self::shutdown) for callers outside of any asynchronous runtime.
    pub fn shutdown_blocking(&self) {
        self.close();
        self.0.crew.wait();
        if let Database::Sqlite { path } = &self.0.options.database {
            sqlite::finish_log(path);
        }
    }

    /// Copies an SQLite database to a file while units go on; the copy is of one instant. It blocks. What goes wrong
    /// with the file is told from what goes wrong with the database.
    pub fn backup(&self, to: &Path) -> Result<(), BackupError> {
        match &self.0.options.database {
            Database::Sqlite { path } => sqlite::backup(path, to),
            Database::Postgres { .. } => {
                Err(Error::Misuse("a PostgreSQL database is backed up with pg_dump".to_owned()).into())
            }
        }
    }

    /// What the store has done since it was opened.
    pub fn statistics(&self) -> Statistics {
        let queues = self.0.queues.read().unwrap_or_else(PoisonError::into_inner);
        let (writes, reads) =
            queues.as_ref().map_or((0, 0), |queues| (queues.writes.len(), queues.reads.len()));
        self.0.meter.statistics(writes, reads)
    }

    fn write_in<T, E>(
        &self,
        scope: Scope,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, E>>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Job::new(scope, unit);
        self.submit(job, |queues| &queues.writes)?;
        Ok(answer)
    }

    fn read_in<T, E>(
        &self,
        mut unit: impl FnMut(&mut ReadTx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<oneshot::Receiver<Result<T, E>>>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (job, answer) = Job::new(Scope::Unit, move |tx: &mut Tx<'_>| unit(tx));
        self.submit(job, |queues| &queues.reads)?;
        Ok(answer)
    }

    fn short_reads(&self) -> Result<Option<Arc<ShortReads>>> {
        let queues = self.0.queues.read().unwrap_or_else(PoisonError::into_inner);
        Ok(queues.as_ref().ok_or(Error::Closed)?.short.clone())
    }

    fn submit(&self, job: Job, queue: fn(&Queues) -> &Sender<Job>) -> Result<()> {
        let queues = self.0.queues.read().unwrap_or_else(PoisonError::into_inner);
        queue(queues.as_ref().ok_or(Error::Closed)?).try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.0.meter.refused();
                Error::Busy
            }
            TrySendError::Disconnected(_) => Error::Closed,
        })
    }

    fn close(&self) {
        drop(self.0.queues.write().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Store").field(&self.0.options.database).finish()
    }
}

/// What the threads need to be started.
struct Threads<'o> {
    options: &'o Options,
    meter: &'o Arc<Meter>,
    crew: &'o Arc<Crew>,
    write_queue: Receiver<Job>,
    read_queue: Receiver<Job>,
}

impl Threads<'_> {
    fn start_sqlite(self, path: &Path) -> Result<ShortReads> {
        // The writer makes the database, so it comes first.
        let (log_keeper, calls) = LogKeeper::new(path.to_owned());
        let writer = Writer::open(path.to_owned(), self.options, Arc::clone(self.meter), calls)?;
        let readers: Vec<Reader> = (0..self.options.readers.max(1))
            .map(|_| Reader::open(path.to_owned(), self.options, Arc::clone(self.meter)))
            .collect::<Result<_>>()?;
        let queue = self.write_queue.clone();
        self.spawn("writer", move || writer.run(&queue))?;
        self.spawn("log", move || log_keeper.run())?;
        for reader in readers {
            let queue = self.read_queue.clone();
            self.spawn("reader", move || reader.run(&queue))?;
        }
        ShortReads::open(path.to_owned(), self.options, Arc::clone(self.meter))
    }

    fn start_postgres(self, url: &str, read_url: &str) -> Result<()> {
        let kinds = [
            (Kind::Writer, Target::new(url, self.options)?, self.options.connections, &self.write_queue),
            (Kind::Reader, Target::new(read_url, self.options)?, self.options.readers, &self.read_queue),
        ];
        for (kind, target, count, queue) in kinds {
            let shared = Shared::new(self.options, self.meter);
            for number in 0..count.max(1) {
                let mut worker = Worker::new(kind, target.clone(), self.options, &shared);
                let (report, reported) = flume::bounded(1);
                let queue = queue.clone();
                self.spawn(kind.name(), move || {
                    // The driver must not be used inside an asynchronous runtime, hence not by the caller's thread.
                    let connected = worker.connect();
                    let works = connected.is_ok() || number > 0;
                    // Nobody listens but for the first worker.
                    drop(report.send(connected));
                    if works {
                        worker.run(&queue);
                    }
                })?;
                // The first connection of a kind shows whether the server is there. The others follow by themselves.
                if number == 0 {
                    reported.recv().map_err(|_| Error::Closed)??;
                }
            }
        }
        Ok(())
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let member = self.crew.join();
        thread::Builder::new()
            .name(format!("merak-{name}"))
            .spawn(move || {
                work();
                drop(member);
            })
            .map(drop)
            .map_err(Error::unavailable)
    }
}
