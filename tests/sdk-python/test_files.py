"""Files and downloads, as the official Python SDK sees them."""

import base64
import hashlib
import hmac
import json

import pytest
from polar_sdk import Polar, models

from harness import Server, web
from harness.server import SECRET

NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
TEXT = b"hello world"
CREATES = {
    "downloadable": models.DownloadableFileCreate,
    "product_media": models.ProductMediaFileCreate,
    "organization_avatar": models.OrganizationAvatarFileCreate,
}


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def outlived(token: str) -> str:
    """The token of a download as the server would have signed it an hour ago. Nothing but its end is another."""
    content = token.split(".")[0]
    told = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))
    told["ends"] -= 3600 * 1_000_000
    content = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=")
    key = hmac.digest(SECRET.encode(), b"merak key: downloads", "sha256")
    signature = base64.urlsafe_b64encode(hmac.digest(key, content, "sha256")).rstrip(b"=")
    return f"{content.decode()}.{signature.decode()}"


class Seller:
    """A merchant who uploads files by the SDK, and httpx for the parts."""

    def __init__(self, server: Server, name: str) -> None:
        owner = f"{name}@example.com"
        organization = server.cli(
            "organization", "create", "--name", name, "--slug", name, "--owner", owner
        )
        token = server.cli("token", "create", "--user", owner, "--all-scopes")["token"]
        self.server = server
        self.organization_id = organization["id"]
        self.polar = Polar(access_token=token, server_url=server.url)

    def announce(self, name: str, service: str = "downloadable", **changes: object) -> models.FileUpload:
        members = {
            "organization_id": self.organization_id,
            "name": name,
            "mime_type": "text/plain" if service == "downloadable" else "image/png",
            "size": len(TEXT),
            "checksum_sha256_base64": sha256(TEXT),
            "upload": models.S3FileCreateMultipart(
                parts=[
                    models.S3FileCreatePart(
                        number=1, chunk_start=0, chunk_end=len(TEXT), checksum_sha256_base64=sha256(TEXT)
                    )
                ]
            ),
            **changes,
        }
        return self.polar.files.create(request=CREATES[service](**members))

    def send(self, upload: models.FileUpload) -> models.FileUploadCompleted:
        """Sends the only part, and says what completes the upload."""
        part = upload.upload.parts[0]
        sent = web.put(part.url, content=TEXT, headers=part.headers)
        assert sent.status_code == 200, sent.text
        return models.FileUploadCompleted(
            id=upload.upload.id,
            path=upload.upload.path,
            parts=[
                models.S3FileUploadCompletedPart(
                    number=1, checksum_etag=sent.headers["etag"], checksum_sha256_base64=sha256(TEXT)
                )
            ],
        )

    def upload(self, name: str, service: str = "downloadable", **changes: object):
        upload = self.announce(name, service, **changes)
        return self.polar.files.uploaded(id=upload.id, file_upload_completed=self.send(upload))

    def listed(self, **filters: object) -> list[str]:
        """The names of the files on all pages of a list."""
        page = self.polar.files.list(**{"organization_id": self.organization_id, **filters})
        names = []
        while page is not None:
            names += [file.name for file in page.result.items]
            page = page.next()
        return names


@pytest.fixture
def seller(server: Server) -> Seller:
    return Seller(server, "acme")


def test_a_file_is_uploaded_listed_renamed_and_deleted(seller: Seller) -> None:
    upload = seller.announce("étonnante-🦄.txt", version="1")
    assert (upload.is_uploaded, upload.version, upload.size_readable) == (False, "1", "11.0 B")
    assert upload.upload.parts[0].headers["x-amz-checksum-sha256"] == sha256(TEXT)
    assert seller.listed() == []
    completed = seller.send(upload)
    file = seller.polar.files.uploaded(id=upload.id, file_upload_completed=completed)
    assert isinstance(file, models.DownloadableFileRead)
    assert (file.is_uploaded, file.checksum_etag) == (True, '"241d8a27c836427bd7f04461b60e7359-1"')
    assert file.checksum_sha256_hex == hashlib.sha256(TEXT).hexdigest()
    again = seller.polar.files.uploaded(id=upload.id, file_upload_completed=completed)
    assert again == file

    media = seller.upload("logo.png", "product_media")
    assert isinstance(media, models.ProductMediaFileRead)
    assert web.get(media.public_url).content == TEXT
    avatar = seller.upload("me.png", "organization_avatar")
    assert isinstance(avatar, models.OrganizationAvatarFileRead)
    assert web.get(avatar.public_url).headers["content-type"] == "image/png"

    assert seller.listed() == ["me.png", "logo.png", "étonnante-🦄.txt"]
    assert seller.listed(limit=1) == ["me.png", "logo.png", "étonnante-🦄.txt"]
    assert seller.listed(ids=[file.id, NOBODY]) == ["étonnante-🦄.txt"]

    renamed = seller.polar.files.update(id=file.id, file_patch=models.FilePatch(name="b.txt"))
    assert (renamed.name, renamed.version, renamed.path) == ("b.txt", "1", file.path)
    dated = seller.polar.files.update(id=file.id, file_patch=models.FilePatch(version="2"))
    assert (dated.name, dated.version) == ("b.txt", "2")
    assert seller.polar.files.update(id=file.id, file_patch=models.FilePatch(version="")).version == "2"

    seller.polar.files.delete(id=media.id)
    assert web.get(media.public_url).status_code == 404
    assert seller.listed() == ["me.png", "b.txt"]
    with pytest.raises(models.ResourceNotFound):
        seller.polar.files.delete(id=media.id)
    with pytest.raises(models.ResourceNotFound):
        seller.polar.files.update(id=media.id, file_patch=models.FilePatch(name="c"))


def test_what_does_not_fit_is_refused(seller: Seller, server: Server) -> None:
    with pytest.raises(models.HTTPValidationError) as refused:
        seller.announce("a.txt", upload=models.S3FileCreateMultipart(parts=[]))
    assert refused.value.data.detail[0].loc == ["body", "upload", "parts"]
    with pytest.raises(models.HTTPValidationError) as refused:
        seller.announce("a.png", "organization_avatar", size=1_048_577)
    assert refused.value.data.detail[0].loc == ["body", "organization_avatar", "size"]
    with pytest.raises(models.HTTPValidationError):
        seller.announce("a.txt", organization_id=None)
    part = models.S3FileCreatePart(number=1, chunk_start=0, chunk_end=len(TEXT), checksum_sha256_base64="abc")
    for service, changes, place in [
        ("product_media", {"mime_type": "text/plain"}, ["product_media", "mime_type"]),
        ("organization_avatar", {"mime_type": "image/avif"}, ["organization_avatar", "mime_type"]),
        ("product_media", {"mime_type": "image/svg+xml", "size": 10_485_761}, ["product_media", "size"]),
        ("downloadable", {"checksum_sha256_base64": "no base64!"}, ["checksum_sha256_base64"]),
        (
            "downloadable",
            {"upload": models.S3FileCreateMultipart(parts=[part])},
            ["upload", "parts", 0, "checksum_sha256_base64"],
        ),
    ]:
        with pytest.raises(models.HTTPValidationError) as refused:
            seller.announce("a", service, **changes)
        assert [problem.loc for problem in refused.value.data.detail] == [["body", *place]]
    named = seller.upload("named.txt")
    for name in ("..", "/", "x" * 256):
        with pytest.raises(models.HTTPValidationError) as refused:
            seller.polar.files.update(id=named.id, file_patch=models.FilePatch(name=name))
        assert [problem.loc for problem in refused.value.data.detail] == [["body", "name"]]
    assert seller.polar.files.update(id=named.id, file_patch=models.FilePatch()).name == "named.txt"

    upload = seller.announce("a.txt")
    completed = seller.send(upload)
    completed.path = "elsewhere"
    with pytest.raises(models.HTTPValidationError) as refused:
        seller.polar.files.uploaded(id=upload.id, file_upload_completed=completed)
    assert refused.value.data.detail[0].loc == ["body", "path"]
    with pytest.raises(models.ResourceNotFound):
        seller.polar.files.uploaded(id=NOBODY, file_upload_completed=completed)

    stranger = Seller(server, "other")
    file = seller.upload("b.txt")
    for forbidden in (
        lambda: stranger.polar.files.uploaded(id=upload.id, file_upload_completed=completed),
        lambda: stranger.polar.files.update(id=file.id, file_patch=models.FilePatch(name="c")),
        lambda: stranger.polar.files.delete(id=file.id),
    ):
        with pytest.raises(models.NotPermitted):
            forbidden()
    for forbidden in (
        lambda: stranger.listed(organization_id=seller.organization_id),
        lambda: seller.polar.files.list(),
        lambda: seller.announce("a.txt", organization_id=stranger.organization_id),
    ):
        with pytest.raises(models.SDKError) as refused:
            forbidden()
        assert refused.value.status_code == 403
    with pytest.raises(models.SDKError) as refused:
        Polar(access_token="polar_pat_no", server_url=server.url).files.list()
    assert refused.value.status_code == 401


def test_a_buyer_downloads_what_a_benefit_gives(seller: Seller, server: Server) -> None:
    first, second = seller.upload("first.txt"), seller.upload("second.txt", version="2")
    polar = seller.polar
    benefit = polar.benefits.create(
        request=models.BenefitDownloadablesCreate(
            description="The files",
            organization_id=seller.organization_id,
            properties=models.BenefitDownloadablesCreateProperties(files=[first.id], archived={}),
        )
    )
    customer = polar.customers.create(
        request={"email": "buyer@example.com", "organization_id": seller.organization_id}
    )
    server.cli("grant", "--benefit", benefit.id, "--customer", customer.id)
    session = polar.customer_sessions.create(request={"customer_id": customer.id})
    portal = Polar(access_token=session.token, server_url=server.url).customer_portal

    (held,) = portal.downloadables.list().result.items
    assert (held.benefit_id, held.file.id, held.file.name) == (benefit.id, first.id, "first.txt")
    fetched = web.get(held.file.download.url, follow_redirects=True)
    assert fetched.content == TEXT
    assert fetched.headers["content-disposition"] == 'attachment; filename="first.txt"'

    other = polar.benefits.create(
        request=models.BenefitDownloadablesCreate(
            description="More files",
            organization_id=seller.organization_id,
            properties=models.BenefitDownloadablesCreateProperties(files=[second.id, first.id], archived={}),
        )
    )
    server.cli("grant", "--benefit", other.id, "--customer", customer.id)
    assert portal.downloadables.list().result.pagination.total_count == 3
    by_benefit = portal.downloadables.list(benefit_id=other.id).result.items
    assert {held.file.id for held in by_benefit} == {first.id, second.id}
    both = portal.downloadables.list(benefit_id=[benefit.id, other.id], limit=2)
    assert (len(both.result.items), both.result.pagination.max_page) == (2, 2)
    assert portal.downloadables.list(organization_id=seller.organization_id).result.pagination.total_count == 3
    assert portal.downloadables.list(organization_id=NOBODY).result.items == []

    link = portal.downloadables.list(benefit_id=benefit.id).result.items[0].file.download.url
    # The SDK does not follow where the answer leads.
    token = link.rsplit("/", 1)[1]
    assert portal.downloadables.get(token=token) is None
    with pytest.raises(models.SDKError) as late:
        portal.downloadables.get(token=outlived(token))
    assert (late.value.status_code, json.loads(late.value.body)["error"]) == (410, "ResourceUnavailable")
    server.cli("grant", "--benefit", benefit.id, "--customer", customer.id, "--revoke")
    assert portal.downloadables.list(benefit_id=benefit.id).result.items == []
    assert web.get(link).status_code == 404
    with pytest.raises(models.SDKError) as refused:
        portal.downloadables.get(token="i-am-hacker")
    assert refused.value.status_code == 404
    with pytest.raises(models.HTTPValidationError):
        polar.benefits.create(
            request=models.BenefitDownloadablesCreate(
                description="Nothing",
                organization_id=seller.organization_id,
                properties=models.BenefitDownloadablesCreateProperties(files=[NOBODY], archived={}),
            )
        )
