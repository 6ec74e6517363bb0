//! The organization's picture, which is an address and stands before the file that is there.

use const_format::concatcp;
use merak_store::{Sql, Tx};
use uuid::Uuid;

use super::{Import, RecordKind};
use crate::files::File;
use crate::kit::{Id, Result};
use crate::organizations::Organization;

/// What is told if the picture is no file that came along.
const ELSEWHERE: &str =
    "its picture stays where it is, and is not seen any more when that server is switched off";

/// Lets the organization show its picture from here, if the file that `picture`, its address at the source, tells of
/// came along with its bytes; else that is told. Who changed the picture here since keeps it. `moved` gives the public
/// address of a path here.
pub fn follow_picture(
    tx: &mut Tx<'_>,
    import: &Import,
    picture: &str,
    moved: &dyn Fn(&str) -> String,
) -> Result<()> {
    const SHOWN: &str = "SELECT avatar_url FROM organizations WHERE id = $1";
    const FORGET: &str = "DELETE FROM import_remarks \
         WHERE organization_id = $1 AND source_id = $2 AND row_id = $2 AND kind = $3";
    const TELL: &str = "INSERT INTO import_remarks (organization_id, source_id, kind, row_id, remark, subject) \
         VALUES ($1, $2, $3, $2, $4, $5)";
    let (id, kind) = (import.organization_id, RecordKind::Organization);
    tx.execute(FORGET, &[&id, &import.source_id, &kind])?;
    if tx.one::<Option<String>>(SHOWN, &[&id])?.as_deref() != Some(picture) {
        return Ok(());
    }
    match find_file(tx, import, picture)? {
        Some(file) => set_picture(tx, id, &moved(&file.path)),
        None => Ok(tx.execute(TELL, &[&id, &import.source_id, &kind, &ELSEWHERE, &picture]).map(drop)?),
    }
}

/// The file that came along with its bytes, of those whose ids are segments of the address.
fn find_file(tx: &mut Tx<'_>, import: &Import, picture: &str) -> Result<Option<File>> {
    let ids: Vec<Uuid> = picture.split('/').filter_map(|segment| segment.parse().ok()).collect();
    let mut sql = Sql::new(concatcp!(
        "SELECT ",
        File::COLUMNS,
        " FROM files JOIN imported_rows ON imported_rows.id = files.id WHERE imported_rows.organization_id = "
    ));
    sql.bind(import.organization_id).push(" AND imported_rows.source_id = ").bind(import.source_id);
    sql.push(" AND imported_rows.kind = ").bind(RecordKind::File);
    sql.push(" AND imported_rows.row_id IN ").bind_list(ids);
    sql.push(" AND files.deleted_at IS NULL AND files.checksum_etag IS NOT NULL");
    Ok(tx.list::<File>(&sql)?.into_iter().find(|file| file.service.is_public()))
}

fn set_picture(tx: &mut Tx<'_>, id: Id<Organization>, url: &str) -> Result<()> {
    Ok(tx.changed_one("UPDATE organizations SET avatar_url = $2 WHERE id = $1", &[&id, &url])?)
}
