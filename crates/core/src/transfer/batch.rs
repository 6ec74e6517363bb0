//! A batch of records on its way in.

use std::collections::{HashMap, HashSet};

use merak_store::{Sql, Tx};
use uuid::Uuid;

use super::{Arrival, Import, Record, RecordKind};
use crate::kit::{Id, Imported, Result};
use crate::organizations::Organization;

/// What is told of a thing that was deleted where it comes from while the shop was read.
const VANISHED: &str =
    "it was deleted there while the shop was read; what hangs on it and was not read yet stays behind";

/// What came of one record.
#[derive(Clone, Debug)]
pub(super) enum Taken {
    /// It is here under this id, now or since before.
    Here { id: Uuid, is_new: bool },
    /// It stayed behind.
    Behind(String),
}

impl<T> From<Imported<T>> for Taken {
    fn from(imported: Imported<T>) -> Self {
        match imported {
            Imported::New(id) => Self::Here { id: id.uuid(), is_new: true },
            Imported::Found(id) => Self::Here { id: id.uuid(), is_new: false },
            Imported::Refused(reason) => Self::Behind(reason),
        }
    }
}

/// How many records of a batch went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Made here.
    pub new: u64,
    /// Here since before.
    pub known: u64,
    /// Stayed behind.
    pub behind: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.new += other.new;
        self.known += other.known;
        self.behind += other.behind;
    }
}

/// A batch on its way in: the unit of work, and what is known of earlier records.
pub(super) struct Batch<'b, 'c> {
    pub tx: &'b mut Tx<'c>,
    import: &'b Import,
    here: HashMap<(RecordKind, Uuid), Uuid>,
    came_in: Vec<(RecordKind, Uuid, Uuid)>,
    /// What people know those by that stayed behind, or came in without something.
    behind: HashMap<(RecordKind, Uuid), String>,
    /// What did not come along with the record that is being taken.
    lacks: Vec<Lack>,
}

struct Lack {
    kind: RecordKind,
    row_id: Uuid,
    subject: String,
    remark: String,
}

impl<'b, 'c> Batch<'b, 'c> {
    /// Looks up what is known of these records and of those they name.
    pub fn open(tx: &'b mut Tx<'c>, import: &'b Import, arrivals: &[Arrival]) -> Result<Self> {
        let ids: HashSet<Uuid> = arrivals
            .iter()
            .flat_map(|arrival| match arrival {
                Arrival::Record(record) => {
                    let portable = record.portable();
                    let mut ids = portable.names();
                    ids.push(portable.id());
                    ids
                }
                Arrival::Unreadable { id, .. } | Arrival::Vanished { id, .. } => vec![*id],
            })
            .collect();
        let (mut here, mut behind) = (HashMap::new(), HashMap::new());
        if !ids.is_empty() {
            let mut sql = Sql::new("SELECT kind, row_id, id FROM imported_rows WHERE organization_id = ");
            sql.bind(import.organization_id).push(" AND source_id = ").bind(import.source_id);
            sql.push(" AND row_id IN ").bind_list(ids.iter().copied());
            for (kind, row_id, id) in tx.list::<(String, Uuid, Uuid)>(&sql)? {
                // A kind of a later release names nothing that this one takes.
                if let Ok(kind) = kind.parse() {
                    here.insert((kind, row_id), id);
                }
            }
            let mut sql =
                Sql::new("SELECT kind, row_id, subject FROM import_remarks WHERE organization_id = ");
            sql.bind(import.organization_id).push(" AND source_id = ").bind(import.source_id);
            sql.push(" AND row_id IN ").bind_list(ids);
            for (kind, row_id, subject) in tx.list::<(String, Uuid, String)>(&sql)? {
                if let Ok(kind) = kind.parse() {
                    behind.insert((kind, row_id), subject);
                }
            }
        }
        Ok(Self { tx, import, here, came_in: Vec::new(), behind, lacks: Vec::new() })
    }

    /// The organization that everything goes into.
    pub fn organization_id(&self) -> Id<Organization> {
        self.import.organization_id
    }

    /// Where an earlier record is here, if it came in.
    pub fn find<T>(&self, kind: RecordKind, id: Uuid) -> Option<Id<T>> {
        self.here.get(&(kind, id)).copied().map(Id::from_uuid)
    }

    /// Where these earlier records are here, each once and in order, those that came in.
    pub fn find_all<T>(&self, kind: RecordKind, ids: impl Iterator<Item = Uuid>) -> Vec<Id<T>> {
        let mut seen = HashSet::new();
        ids.filter_map(|id| self.find(kind, id)).filter(|id| seen.insert(*id)).collect()
    }

    /// What people know an earlier record by that did not come in, if it arrived at all.
    pub fn subject_behind(&self, kind: RecordKind, id: Uuid) -> Option<&str> {
        self.behind.get(&(kind, id)).map(String::as_str)
    }

    /// Into what and from where.
    pub fn import(&self) -> &'b Import {
        self.import
    }

    /// Remembers where a record is here.
    pub fn place(&mut self, kind: RecordKind, source_id: Uuid, id: Uuid) {
        if self.here.insert((kind, source_id), id).is_none() {
            self.came_in.push((kind, source_id, id));
        }
    }

    /// Takes what arrives unless it is here.
    pub fn take(&mut self, arrival: &Arrival) -> Result<Tally> {
        match arrival {
            Arrival::Record(record) => self.take_record(record),
            Arrival::Unreadable { kind, id, .. } if self.find::<()>(*kind, *id).is_some() => {
                Ok(Tally { known: 1, ..Tally::default() })
            }
            Arrival::Unreadable { kind, id, reason } => {
                self.forget_remarks(*kind, *id)?;
                self.remark(*kind, *id, &id.to_string(), reason)?;
                Ok(Tally { behind: 1, ..Tally::default() })
            }
            // It came in before it went, and was counted then.
            Arrival::Vanished { kind, id, subject } if self.find::<()>(*kind, *id).is_some() => {
                self.remark(*kind, *id, subject, VANISHED)?;
                Ok(Tally::default())
            }
            Arrival::Vanished { kind, id, subject } => {
                self.forget_remarks(*kind, *id)?;
                self.remark(*kind, *id, subject, VANISHED)?;
                Ok(Tally { behind: 1, ..Tally::default() })
            }
        }
    }

    fn take_record(&mut self, record: &Record) -> Result<Tally> {
        let (kind, portable) = (record.kind(), record.portable());
        let source_id = portable.id();
        if let Some(here) = self.find::<()>(kind, source_id) {
            if self.behind.contains_key(&(kind, source_id)) {
                // What arrives again has not vanished: the server had only lost sight of it.
                self.forget_remark(kind, source_id, VANISHED)?;
            }
            portable.complete(self, here.uuid())?;
            return Ok(Tally { known: 1, ..Tally::default() });
        }
        let taken = portable.take(self)?;
        let lacks = std::mem::take(&mut self.lacks);
        self.forget_remarks(kind, source_id)?;
        match taken {
            Taken::Here { id, is_new } => {
                self.place(kind, source_id, id);
                for lack in lacks {
                    self.remark(lack.kind, lack.row_id, &lack.subject, &lack.remark)?;
                }
                if !is_new {
                    portable.complete(self, id)?;
                }
                let (new, known) = if is_new { (1, 0) } else { (0, 1) };
                Ok(Tally { new, known, behind: 0 })
            }
            Taken::Behind(reason) => {
                self.remark(kind, source_id, &portable.subject(), &reason)?;
                self.behind.insert((kind, source_id), portable.subject());
                Ok(Tally { behind: 1, ..Tally::default() })
            }
        }
    }

    /// Notes what does not come along with the record that is being taken, should it come in itself.
    pub fn remark_later(&mut self, kind: RecordKind, row_id: Uuid, subject: &str, remark: &str) {
        let (subject, remark) = (subject.to_owned(), remark.to_owned());
        self.lacks.push(Lack { kind, row_id, subject, remark });
    }

    /// Writes down what stayed behind, of a record or with it.
    pub fn remark(&mut self, kind: RecordKind, row_id: Uuid, subject: &str, remark: &str) -> Result<()> {
        self.tx.execute(
            "INSERT INTO import_remarks (organization_id, source_id, kind, row_id, remark, subject) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[&self.import.organization_id, &self.import.source_id, &kind, &row_id, &remark, &subject],
        )?;
        Ok(())
    }

    /// What is written down of a record so far.
    pub fn remarks_of(&mut self, kind: RecordKind, row_id: Uuid) -> Result<Vec<String>> {
        Ok(self.tx.all(
            "SELECT remark FROM import_remarks \
             WHERE organization_id = $1 AND source_id = $2 AND row_id = $3 AND kind = $4 ORDER BY remark",
            &[&self.import.organization_id, &self.import.source_id, &row_id, &kind],
        )?)
    }

    /// A record that stayed behind before may come in now, or stay for another reason.
    pub fn forget_remarks(&mut self, kind: RecordKind, row_id: Uuid) -> Result<()> {
        self.tx.execute(
            "DELETE FROM import_remarks \
             WHERE organization_id = $1 AND source_id = $2 AND row_id = $3 AND kind = $4",
            &[&self.import.organization_id, &self.import.source_id, &row_id, &kind],
        )?;
        Ok(())
    }

    fn forget_remark(&mut self, kind: RecordKind, row_id: Uuid, remark: &str) -> Result<()> {
        self.tx.execute(
            "DELETE FROM import_remarks \
             WHERE organization_id = $1 AND source_id = $2 AND row_id = $3 AND kind = $4 AND remark = $5",
            &[&self.import.organization_id, &self.import.source_id, &row_id, &kind, &remark],
        )?;
        Ok(())
    }

    /// Writes down which records came in.
    pub fn close(self) -> Result<()> {
        if self.came_in.is_empty() {
            return Ok(());
        }
        let mut sql =
            Sql::new("INSERT INTO imported_rows (organization_id, source_id, kind, row_id, id) VALUES ");
        for (n, (kind, row_id, id)) in self.came_in.into_iter().enumerate() {
            sql.push(if n == 0 { "(" } else { ", (" }).bind(self.import.organization_id);
            sql.push(", ").bind(self.import.source_id).push(", ").bind(kind);
            sql.push(", ").bind(row_id).push(", ").bind(id).push(")");
        }
        self.tx.apply(&sql)?;
        Ok(())
    }
}
