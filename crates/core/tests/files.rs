//! What is known of files: who may change them, when they are listed, and what becomes of uploads that are given up.

use merak_core::access::Subject;
use merak_core::files::{
    self, CompleteUpload, CreateFile, File, FileService, ListFiles, Part, SentPart, StoredObject, UpdateFile,
    Uploading,
};
use merak_core::jobs::{self, FlowJob, Job};
use merak_core::kit::{Id, Kind, Page, Paged, Refusal};
use merak_store::Timestamp;
use uuid::Uuid;

use crate::support::*;

/// A file of one part.
fn new_file(shop: &Shop, service: FileService, name: &str) -> CreateFile {
    CreateFile {
        organization_id: Some(shop.organization.id),
        service,
        name: name.to_owned(),
        mime_type: String::from("text/plain"),
        size: 11,
        checksum_sha256_base64: None,
        version: None,
        parts: vec![Part { number: 1, chunk_start: 0, chunk_end: 11, checksum_sha256_base64: None }],
        needs_checksums: false,
    }
}

/// What a storage says of a file whose parts it put together.
fn stored() -> StoredObject {
    StoredObject {
        etag: String::from("\"tag-1\""),
        version: None,
        last_modified_at: Timestamp::from_micros(1_736_244_000_123_456),
    }
}

impl Shop {
    /// A file of the shop whose upload was begun.
    pub fn begun_file(&self, service: FileService, name: &str) -> File {
        let (actor, command) = (self.as_member(), new_file(self, service, name));
        self.write(move |tx| {
            let file = files::announce(tx, &actor, &command)?;
            files::begun(tx, file.id, "UPLOAD-1")
        })
        .unwrap()
    }

    /// A complete file of the shop.
    pub fn whole_file(&self, service: FileService, name: &str) -> File {
        let id = self.begun_file(service, name).id;
        self.write(move |tx| files::complete(tx, id, &stored())).unwrap()
    }

    /// Writes down that the bytes of a file are there.
    pub fn complete_file(&self, id: Id<File>) {
        self.write(move |tx| files::complete(tx, id, &stored())).unwrap();
    }

    /// Deletes a file.
    pub fn delete_file(&self, id: Id<File>) {
        let tenancy = self.tenancy();
        self.write(move |tx| files::delete(tx, &tenancy, id)).unwrap();
    }

    fn files(&self, wanted: ListFiles) -> Result<Paged<File>> {
        let actor = self.as_member();
        self.read(move |tx| files::list(tx, &actor, &wanted))
    }
}

fn all_of(shop: &Shop) -> ListFiles {
    ListFiles { organization_id: Some(shop.organization.id), ids: Vec::new(), page: Page::default() }
}

fn completion(file: &File) -> CompleteUpload {
    CompleteUpload {
        upload_id: file.upload_id.clone(),
        path: file.path.clone(),
        parts: vec![SentPart {
            number: 1,
            checksum_etag: String::from("\"tag\""),
            checksum_sha256_base64: None,
        }],
    }
}

fn begin_completion(shop: &Shop, id: Id<File>, command: CompleteUpload) -> Result<Uploading> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| files::uploading(tx, &tenancy, id, &command))
}

scenarios! {
    fn a_file_is_listed_when_it_is_complete(shop) {
        let file = shop.begun_file(FileService::Downloadable, "a.txt");
        let organization = shop.organization.id;
        assert_eq!(file.path, format!("downloadable/{organization}/{}/a.txt", file.id));
        assert_eq!((file.is_uploaded, shop.files(all_of(shop)).unwrap().total), (false, 0));
        let id = file.id;
        let complete = shop.write(move |tx| files::complete(tx, id, &stored())).unwrap();
        assert_eq!(complete.checksum_etag.as_deref(), Some("\"tag-1\""));
        assert_eq!(complete.last_modified_at, Some(Timestamp::from_seconds(1_736_244_000)), "whole seconds");
        assert_eq!(complete.parts().unwrap(), []);
        // Once complete it stays as it is, and counts once.
        let other = StoredObject { etag: String::from("\"other\""), ..stored() };
        let again = shop.write(move |tx| files::complete(tx, id, &other)).unwrap();
        assert_eq!(again.checksum_etag, complete.checksum_etag);
        let listed = shop.files(all_of(shop)).unwrap();
        assert_eq!((listed.total, listed.items[0].id), (1, id));
    }

    // F8, spec 20 §6.4
    fn files_are_listed_for_their_own_organization_only(shop) {
        let (_, other) = shop.another_organization();
        shop.whole_file(FileService::ProductMedia, "a.png");
        for organization_id in [None, Some(other.id), Some(Id::from_uuid(Uuid::from_u128(7)))] {
            let refused = shop.files(ListFiles { organization_id, ..all_of(shop) });
            assert_eq!(refusal(refused).0, Kind::NotPermitted, "{organization_id:?}");
        }
        let own = actor(Subject::Organization(shop.organization.id));
        let wanted = ListFiles { organization_id: None, ..all_of(shop) };
        assert_eq!(shop.read(move |tx| files::list(tx, &own, &wanted)).unwrap().total, 1);
        let foreign = actor(Subject::Organization(other.id));
        let wanted = all_of(shop);
        assert_eq!(refusal(shop.read(move |tx| files::list(tx, &foreign, &wanted))).0, Kind::NotPermitted);
    }

    fn the_newest_file_stands_first_and_ids_narrow(shop) {
        let mut ids = Vec::new();
        for n in 0..5 {
            shop.advance(hours(1));
            ids.push(shop.whole_file(FileService::Downloadable, &format!("{n}.txt")).id);
        }
        let page = Page::new(2, 2);
        let listed = shop.files(ListFiles { page, ..all_of(shop) }).unwrap();
        let found: Vec<_> = listed.items.iter().map(|file| file.id).collect();
        assert_eq!((listed.total, found), (5, vec![ids[2], ids[1]]));
        let some = vec![ids[0], ids[4], Id::from_uuid(Uuid::from_u128(7))];
        let listed = shop.files(ListFiles { ids: some, ..all_of(shop) }).unwrap();
        let found: Vec<_> = listed.items.iter().map(|file| file.id).collect();
        assert_eq!((listed.total, found), (2, vec![ids[4], ids[0]]));
        let twice = ids.iter().chain(&ids).copied().collect();
        let listed = shop.files(ListFiles { ids: twice, page, ..all_of(shop) }).unwrap();
        let found: Vec<_> = listed.items.iter().map(|file| file.id).collect();
        assert_eq!((listed.total, found), (5, vec![ids[2], ids[1]]));
        let (_, other) = shop.another_organization();
        let foreign = actor(Subject::Organization(other.id));
        let wanted = ListFiles { organization_id: None, ids: ids.clone(), page: Page::default() };
        let listed = shop.read(move |tx| files::list(tx, &foreign, &wanted)).unwrap();
        assert_eq!((listed.total, listed.items.len()), (0, 0));
        let many = ids.clone();
        let found = shop.read(move |tx| files::find_many(tx, &many)).unwrap();
        assert_eq!(found.len(), 5);
        assert!(shop.read(|tx| files::find_many(tx, &[])).unwrap().is_empty());
    }

    // spec 20 §6.4: existing but foreign is not permitted, unknown is not found
    fn only_its_own_organization_changes_a_file(shop) {
        let id = shop.whole_file(FileService::Downloadable, "a.txt").id;
        let (stranger, _) = shop.another_organization();
        let foreign = shop.tenancy_of(&actor(Subject::User(stranger.id)));
        let theirs = foreign.clone();
        let change = UpdateFile { name: Some(String::from("b.txt")), version: None };
        assert_eq!(refusal(shop.write(move |tx| files::update(tx, &theirs, id, &change))).0, Kind::NotPermitted);
        assert_eq!(refusal(shop.write(move |tx| files::delete(tx, &foreign, id))).0, Kind::NotPermitted);
        let tenancy = shop.tenancy();
        let unknown = Id::from_uuid(Uuid::from_u128(7));
        assert_eq!(refusal(shop.write(move |tx| files::delete(tx, &tenancy, unknown))).0, Kind::NotFound);
    }

    fn a_deleted_file_is_nowhere_and_its_bytes_are_removed_outside(shop) {
        let file = shop.whole_file(FileService::ProductMedia, "a.png");
        let (id, path) = (file.id, file.path.clone());
        assert!(shop.read(move |tx| files::find_public(tx, &path)).unwrap().is_some());
        shop.delete_file(id);
        let path = file.path.clone();
        assert!(shop.read(move |tx| files::find_public(tx, &path)).unwrap().is_none());
        assert!(shop.read(move |tx| files::find(tx, id)).unwrap().is_none());
        assert_eq!(shop.files(all_of(shop)).unwrap().total, 0);
        assert_eq!(shop.run_jobs(), [FlowJob::RemoveStoredFile { file_id: id }]);
        assert_eq!(shop.read(move |tx| files::find_deleted(tx, id)).unwrap().unwrap().path, file.path);
    }

    fn a_private_file_is_not_public(shop) {
        let path = shop.whole_file(FileService::Downloadable, "a.txt").path;
        assert!(shop.read(move |tx| files::find_public(tx, &path)).unwrap().is_none());
        let path = shop.begun_file(FileService::ProductMedia, "a.png").path;
        assert!(shop.read(move |tx| files::find_public(tx, &path)).unwrap().is_none(), "not complete");
    }

    // spec 20 §6.3, Merak
    fn a_completion_is_compared_with_what_was_announced(shop) {
        let file = shop.begun_file(FileService::Downloadable, "a.txt");
        let id = file.id;
        let good = completion(&file);
        match begin_completion(shop, id, good.clone()).unwrap() {
            Uploading::Sent(_, parts) => assert_eq!(parts[0].1, "\"tag\""),
            other @ Uploading::Complete(_) => panic!("{other:?}"),
        }
        let wrong = |change: fn(&mut CompleteUpload)| {
            let mut command = good.clone();
            change(&mut command);
            field_problem(begin_completion(shop, id, command)).1
        };
        assert_eq!(wrong(|command| command.upload_id.push('x')), "body.id");
        assert_eq!(wrong(|command| command.path.push('x')), "body.path");
        assert_eq!(wrong(|command| command.parts.clear()), "body.parts");
        assert_eq!(wrong(|command| command.parts[0].number = 2), "body.parts");
        assert_eq!(wrong(|command| command.parts.push(command.parts[0].clone())), "body.parts");
        assert_eq!(wrong(|command| command.parts[0].checksum_sha256_base64 = Some(String::from("x"))), "body.parts");
        shop.write(move |tx| files::complete(tx, id, &stored())).unwrap();
        assert!(matches!(begin_completion(shop, id, good), Ok(Uploading::Complete(_))));
    }

    // An upload that the storage has not begun has no name that could be guessed.
    fn an_upload_that_was_not_begun_cannot_be_completed(shop) {
        let (actor, command) = (shop.as_member(), new_file(shop, FileService::Downloadable, "a.txt"));
        let file = shop.write(move |tx| files::announce(tx, &actor, &command)).unwrap();
        assert_eq!(field_problem(begin_completion(shop, file.id, completion(&file))).1, "body.id");
    }

    fn an_upload_is_given_up_after_a_day(shop) {
        let begun = shop.begun_file(FileService::Downloadable, "a.txt").id;
        let whole = shop.whole_file(FileService::Downloadable, "b.txt").id;
        shop.advance(just_under(hours(24)));
        shop.write(|tx| jobs::run(tx, &Job::Purge)).unwrap();
        assert_eq!(shop.run_jobs(), []);
        shop.advance(hours(1));
        shop.write(|tx| jobs::run(tx, &Job::Purge)).unwrap();
        assert_eq!(shop.run_jobs(), [FlowJob::RemoveStoredFile { file_id: begun }]);
        assert!(shop.read(move |tx| files::find(tx, begun)).unwrap().is_none());
        assert!(shop.read(move |tx| files::find(tx, whole)).unwrap().is_some());
        assert_eq!(shop.files(all_of(shop)).unwrap().total, 1);
    }

    fn a_file_that_the_storage_cannot_read_back_is_announced_with_all_checksums(shop) {
        let actor = shop.as_member();
        let without =
            CreateFile { needs_checksums: true, ..new_file(shop, FileService::Downloadable, "a.iso") };
        let mut with = without.clone();
        with.parts[0].checksum_sha256_base64 = Some(files::rules::base64_of(&files::rules::digest(b"a")));
        let by = actor.clone();
        let refused = field_problem(shop.write(move |tx| files::announce(tx, &by, &without)));
        assert_eq!((refused.0, &*refused.1), ("value_error", "body.upload.parts.0.checksum_sha256_base64"));
        shop.write(move |tx| files::announce(tx, &actor, &with)).unwrap();
    }

    fn what_cannot_be_announced_leaves_no_trace(shop) {
        let command = CreateFile {
            name: String::from("/"),
            mime_type: String::from("a\nb"),
            checksum_sha256_base64: Some(String::from("x")),
            parts: Vec::new(),
            ..new_file(shop, FileService::Downloadable, "")
        };
        let actor = shop.as_member();
        match shop.write(move |tx| files::announce(tx, &actor, &command)) {
            Err(Refusal::Invalid(problems)) => assert_eq!(problems.len(), 4, "{problems:?}"),
            other => panic!("{other:?}"),
        }
        let count = shop.read(|tx| Ok(tx.one::<i64>("SELECT count(*) FROM files", &[])?)).unwrap();
        assert_eq!(count, 0);
    }
}
