//! Addresses that are signed and end.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::form_urlencoded::{Serializer, parse};

use crate::files::Sha256Digest;
use crate::hex::{hex, unhex};

/// Why an address opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is not one that this storage signed.
    #[error("The signature does not match.")]
    Forged,
    /// Its time is over.
    #[error("The address has expired.")]
    Expired,
}

/// What the address of a part allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartClaim {
    /// The path of the object that it will be a part of.
    pub path: String,
    /// The upload.
    pub upload_id: String,
    /// The part's number.
    pub number: u16,
    /// How many bytes it must have.
    pub size: u64,
    /// The SHA-256 that its bytes must have.
    pub sha256: Option<Sha256Digest>,
    /// The second in which the address is not good any more.
    pub ends: i64,
}

/// What the address of a download allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadClaim {
    /// The object.
    pub path: String,
    /// The name under which it is saved.
    pub name: String,
    /// Its media type.
    pub mime_type: String,
    /// The second in which the address is not good any more.
    pub ends: i64,
}

/// Signs addresses and recognizes its own.
pub(super) struct Signer(Hmac<Sha256>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Signer(…)")
    }
}

impl Signer {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(Hmac::new_from_slice(&key).expect("a key of any length will do"))
    }

    /// The query of the address of a part.
    pub(super) fn sign_part(&self, claim: &PartClaim) -> String {
        let checksum = claim.sha256.as_ref().map(Sha256Digest::base64);
        let mut members = vec![
            ("partNumber", claim.number.to_string()),
            ("uploadId", claim.upload_id.clone()),
            ("size", claim.size.to_string()),
            ("expires", claim.ends.to_string()),
        ];
        members.extend(checksum.map(|checksum| ("checksum", checksum)));
        self.signed("PUT", &claim.path, &members)
    }

    pub(super) fn verify_part(&self, path: String, query: &str, now: i64) -> Result<PartClaim, Denied> {
        let members = self.verified("PUT", &path, query, now)?;
        let get = |name: &str| members.iter().find(|member| member.0 == name).map(|member| &*member.1);
        let number = |name: &str| get(name).and_then(|text| text.parse::<u64>().ok()).ok_or(Denied::Forged);
        Ok(PartClaim {
            path,
            upload_id: get("uploadId").ok_or(Denied::Forged)?.to_owned(),
            number: u16::try_from(number("partNumber")?).map_err(|_| Denied::Forged)?,
            size: number("size")?,
            sha256: match get("checksum") {
                None => None,
                Some(text) => Some(Sha256Digest::from_base64(text).ok_or(Denied::Forged)?),
            },
            ends: ends(&members)?,
        })
    }

    /// The query of the address of a download.
    pub(super) fn sign_download(&self, claim: &DownloadClaim) -> String {
        let members = [
            ("name", claim.name.clone()),
            ("type", claim.mime_type.clone()),
            ("expires", claim.ends.to_string()),
        ];
        self.signed("GET", &claim.path, &members)
    }

    pub(super) fn verify_download(
        &self,
        path: String,
        query: &str,
        now: i64,
    ) -> Result<DownloadClaim, Denied> {
        let members = self.verified("GET", &path, query, now)?;
        let get = |name: &str| {
            let found = members.iter().find(|member| member.0 == name);
            found.map(|member| member.1.clone()).ok_or(Denied::Forged)
        };
        Ok(DownloadClaim { path, name: get("name")?, mime_type: get("type")?, ends: ends(&members)? })
    }

    fn signed(&self, method: &str, path: &str, members: &[(&str, String)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(members);
        let signature = self.mac(method, path, members.iter().map(|(name, value)| (*name, value.as_str())));
        query.append_pair("signature", &hex(&signature.finalize().into_bytes()));
        query.finish()
    }

    /// The members of a query that this storage signed, but for the signature.
    fn verified(
        &self,
        method: &str,
        path: &str,
        query: &str,
        now: i64,
    ) -> Result<Vec<(String, String)>, Denied> {
        let mut members: Vec<(String, String)> = parse(query.as_bytes()).into_owned().collect();
        // The signature stands last; what is put behind it was not signed.
        let Some((name, signature)) = members.pop() else { return Err(Denied::Forged) };
        let signature: [u8; 32] = Some(signature)
            .filter(|_| name == "signature")
            .and_then(|text| unhex(&text))
            .ok_or(Denied::Forged)?;
        let mac = self.mac(method, path, members.iter().map(|(name, value)| (&**name, &**value)));
        mac.verify_slice(&signature).map_err(|_| Denied::Forged)?;
        if now >= ends(&members)? {
            return Err(Denied::Expired);
        }
        Ok(members)
    }

    /// Each text goes in with its length before it, so that no two different lists give the same bytes.
    fn mac<'m>(
        &self,
        method: &'m str,
        path: &'m str,
        members: impl Iterator<Item = (&'m str, &'m str)>,
    ) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        let texts = [method, path].into_iter().chain(members.flat_map(|(name, value)| [name, value]));
        for text in texts {
            mac.update(&(text.len() as u64).to_be_bytes());
            mac.update(text.as_bytes());
        }
        mac
    }
}

fn ends(members: &[(String, String)]) -> Result<i64, Denied> {
    let found = members.iter().find(|member| member.0 == "expires");
    found.and_then(|member| member.1.parse().ok()).ok_or(Denied::Forged)
}
