"""Files of all sizes go in and come out as they were, on both storages."""

import base64
import hashlib
import os
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from polar_sdk import Polar, models

from harness import Server, Shop, Storage, web
from harness.storage import KEY, KEY_ID
from files.uploads import Upload, pattern, sha256

MIB = 1 << 20


def link(shop: Shop, upload: Upload) -> str:
    """The address at which a buyer downloads the file."""
    body = {
        "type": "downloadables",
        "description": "The program",
        "organization_id": shop.organization_id,
        "properties": {"files": [upload.id]},
    }
    response = shop.http.post("/v1/benefits/", json=body)
    assert response.status_code == 201, response.text
    customer = shop.customer()
    shop.server.cli("grant", "--benefit", response.json()["id"], "--customer", customer["id"])
    session = shop.http.post("/v1/customer-sessions/", json={"customer_id": customer["id"]}).json()
    portal = Polar(access_token=session["token"], server_url=shop.server.url)
    listed = portal.customer_portal.downloadables.list().result
    assert listed.pagination.total_count == 1
    return listed.items[0].file.download.url


def content_url(shop: Shop, upload: Upload) -> str:
    """The signed address of the bytes."""
    response = web.get(link(shop, upload), follow_redirects=False)
    assert response.status_code == 302, response.text
    return response.headers["location"]


@pytest.mark.parametrize("size", [1, 5 * MIB, 64 * MIB + 1])
def test_a_file_comes_out_as_it_went_in(shop: Shop, tmp_path: Path, size: int) -> None:
    path = pattern(size, tmp_path)
    upload = Upload(shop, path, name="größe.bin").send_all()
    file = upload.complete()
    assert file.is_uploaded
    assert file.checksum_etag.endswith(f'-{len(upload.ranges)}"')
    again = upload.complete()
    assert again.checksum_etag == file.checksum_etag

    fetched = tmp_path / "fetched"
    command = ["curl", "--silent", "--show-error", "--location", "--output", str(fetched), link(shop, upload)]
    subprocess.run(command, check=True)
    assert fetched.stat().st_size == size
    assert sha256(fetched) == file.checksum_sha256_base64
    assert hashlib.sha256(fetched.read_bytes()).hexdigest() == file.checksum_sha256_hex


def test_a_file_without_checksums_is_a_file(shop: Shop, tmp_path: Path) -> None:
    upload = Upload(shop, pattern(20_000_001, tmp_path), checksums=False).send_all()
    assert upload.complete().checksum_sha256_base64 is None
    body = web.get(content_url(shop, upload)).content
    assert body == upload.path.read_bytes()


def test_a_file_too_large_to_be_read_back_names_the_checksum_of_each_part(shop: Shop, storage: Storage | None) -> None:
    half, checksum = 5 << 30, base64.b64encode(hashlib.sha256(b"a").digest()).decode()
    parts = [
        {"number": 1, "chunk_start": 0, "chunk_end": half, "checksum_sha256_base64": checksum},
        {"number": 2, "chunk_start": half, "chunk_end": 2 * half, "checksum_sha256_base64": None},
    ]
    body = {
        "organization_id": shop.organization_id, "service": "downloadable", "name": "a.iso",
        "mime_type": "application/octet-stream", "size": 2 * half, "upload": {"parts": parts},
    }
    answer = shop.http.post("/v1/files/", json=body)
    if storage is None:
        # A folder compares everything while it puts the parts together.
        assert answer.status_code == 201, answer.text
    else:
        assert answer.status_code == 422, answer.text
        [problem] = answer.json()["detail"]
        assert problem["loc"] == ["body", "upload", "parts", 1, "checksum_sha256_base64"]
    parts[1]["checksum_sha256_base64"] = checksum
    assert shop.http.post("/v1/files/", json=body).status_code == 201


def test_a_part_with_a_wrong_checksum_is_refused(shop: Shop, storage: Storage | None, tmp_path: Path) -> None:
    upload = Upload(shop, pattern(12_000_000, tmp_path))
    assert upload.send(1) == 200
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"x" * 2_000_000)
    status = upload.send(2, wrong)
    with pytest.raises(models.HTTPValidationError):
        upload.complete()
    if storage:
        # S3 refuses the part; the stand-in looks at no checksums, so it is the whole file that is found to be wrong.
        assert storage.keys() == []
        return
    assert status == 400
    # What was wrong can be sent again.
    assert upload.send(2) == 200
    assert upload.complete().is_uploaded


def test_a_missing_part_is_refused(shop: Shop, tmp_path: Path) -> None:
    upload = Upload(shop, pattern(22_000_000, tmp_path))
    for number in (1, 3):
        assert upload.send(number) == 200
    for without in (None, 2):
        with pytest.raises(models.HTTPValidationError):
            upload.complete(without=without)
    assert upload.send(2) == 200
    assert upload.complete().is_uploaded


def test_a_file_with_another_checksum_than_announced_is_refused(shop: Shop, tmp_path: Path) -> None:
    path = pattern(6 * MIB, tmp_path)
    upload = Upload(shop, path, checksums=False)
    lied = shop.http.post(
        "/v1/files/",
        json={
            "service": "downloadable",
            "organization_id": shop.organization_id,
            "name": "a",
            "mime_type": "a/b",
            "size": upload.size,
            "checksum_sha256_base64": sha256(path, 1),
            "upload": {"parts": [{"number": 1, "chunk_start": 0, "chunk_end": upload.size}]},
        },
    )
    assert lied.status_code == 201, lied.text
    made = lied.json()
    part = made["upload"]["parts"][0]
    sent = web.put(part["url"], content=path.read_bytes(), headers=part["headers"])
    assert sent.status_code == 200, sent.text
    completed = shop.http.post(
        f"/v1/files/{made['id']}/uploaded",
        json={
            "id": made["upload"]["id"],
            "path": made["path"],
            "parts": [{"number": 1, "checksum_etag": sent.headers["etag"], "checksum_sha256_base64": None}],
        },
    )
    assert completed.status_code == 422, completed.text
    assert completed.json()["detail"][0]["loc"] == ["body", "parts"]
    listed = shop.http.get("/v1/files/", params={"organization_id": shop.organization_id}).json()
    assert listed["pagination"]["total_count"] == 0


def test_an_aborted_upload_leaves_nothing(
    shop: Shop, server: Server, storage: Storage | None, tmp_path: Path
) -> None:
    upload = Upload(shop, pattern(12_000_000, tmp_path))
    assert upload.send(1) == 200
    assert shop.http.delete(f"/v1/files/{upload.id}").status_code == 204
    with pytest.raises(models.ResourceNotFound):
        upload.complete()

    def left() -> list[str]:
        if storage:
            return storage.uploads()
        return [str(path) for path in server.folder.glob("files/uploads/*")]

    wait_until_empty(left)
    assert upload.send(2) >= 400
    assert left() == []


def test_a_deleted_file_is_removed_from_the_storage(
    shop: Shop, server: Server, storage: Storage | None, tmp_path: Path
) -> None:
    upload = Upload(shop, pattern(100, tmp_path)).send_all()
    upload.complete()
    url = content_url(shop, upload)
    assert web.get(url).status_code == 200
    assert shop.http.delete(f"/v1/files/{upload.id}").status_code == 204

    def left() -> list[str]:
        if storage:
            return storage.keys()
        # Folders may go while this looks at them, which `os.walk` passes over.
        return [name for _, _, names in os.walk(server.folder / "files/objects") for name in names]

    wait_until_empty(left)
    # S3 does not say what is not there to who may not list.
    assert web.get(url).status_code in (403, 404)


def wait_until_empty(left: Callable[[], list[str]]) -> None:
    deadline = time.monotonic() + 30
    while left():
        assert time.monotonic() < deadline, f"{left()} is still there"
        time.sleep(0.1)


def test_downloads_have_ranges_and_a_name(shop: Shop, storage: Storage | None, tmp_path: Path) -> None:
    upload = Upload(shop, pattern(6 * MIB, tmp_path), name='größe "1".bin').send_all()
    upload.complete()
    url, whole = content_url(shop, upload), upload.path.read_bytes()
    response = web.get(url)
    assert response.content == whole
    assert response.headers["content-type"] == "application/octet-stream"
    disposition = response.headers["content-disposition"]
    assert disposition == "attachment; filename=\"gr__e _1_.bin\"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%221%22.bin"
    for asked, expected, told in [
        ("bytes=0-99", whole[:100], f"bytes 0-99/{len(whole)}"),
        ("bytes=5000000-", whole[5_000_000:], f"bytes 5000000-{len(whole) - 1}/{len(whole)}"),
        ("bytes=-10", whole[-10:], f"bytes {len(whole) - 10}-{len(whole) - 1}/{len(whole)}"),
    ]:
        part = web.get(url, headers={"range": asked})
        assert (part.status_code, part.content) == (206, expected), asked
        assert part.headers["content-range"] == told
    assert web.get(url, headers={"range": f"bytes={len(whole)}-"}).status_code == 416
    resumed = tmp_path / "resumed"
    resumed.write_bytes(whole[:1_000_000])
    command = ["curl", "--silent", "--fail", "--continue-at", "-", "--output", str(resumed), url]
    subprocess.run(command, check=True)
    assert resumed.read_bytes() == whole
    if storage is None:
        head = httpx.head(url)
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole)))


def test_a_picture_is_read_by_everybody(shop: Shop, tmp_path: Path) -> None:
    path = pattern(2000, tmp_path)
    made = shop.http.post(
        "/v1/files/",
        json={
            "service": "product_media",
            "organization_id": shop.organization_id,
            "name": "a picture.png",
            "mime_type": "image/png",
            "size": 2000,
            "upload": {"parts": [{"number": 1, "chunk_start": 0, "chunk_end": 2000}]},
        },
    ).json()
    sent = web.put(made["upload"]["parts"][0]["url"], content=path.read_bytes())
    parts = [{"number": 1, "checksum_etag": sent.headers["etag"], "checksum_sha256_base64": None}]
    file = shop.http.post(
        f"/v1/files/{made['id']}/uploaded",
        json={"id": made["upload"]["id"], "path": made["path"], "parts": parts},
    ).json()
    response = web.get(file["public_url"])
    assert (response.status_code, response.content) == (200, path.read_bytes())
    assert response.headers["content-type"] == "image/png"
    # Whoever read it once need not ask again, wherever it lies; the sender of the parts was asked for nothing.
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert made["upload"]["parts"][0]["headers"] == {}


def test_what_buyers_download_is_kept_by_nobody_in_between(shop: Shop, tmp_path: Path) -> None:
    upload = Upload(shop, pattern(100, tmp_path)).send_all()
    upload.complete()
    response = web.get(content_url(shop, upload))
    assert response.status_code == 200, response.text
    assert "public" not in response.headers.get("cache-control", "private")


def changed(url: str, **members: str) -> str:
    """The address with other values in its query."""
    parts = urlsplit(url)
    query = [pair.split("=", 1) for pair in parts.query.split("&")]
    query = [[name, members.get(name.lower().replace("-", "_"), value)] for name, value in query]
    return urlunsplit(parts._replace(query="&".join("=".join(pair) for pair in query)))


@pytest.mark.parametrize("storage", ["local"], indirect=True)
def test_tampered_addresses_of_a_folder_open_nothing(shop: Shop, tmp_path: Path) -> None:
    upload = Upload(shop, pattern(100, tmp_path))
    url = upload.announced.upload.parts[0].url
    headers = upload.announced.upload.parts[0].headers
    body = upload.path.read_bytes()
    for forged in [
        changed(url, signature="0" * 64),
        changed(url, expires="9999999999"),
        changed(url, size="1000"),
        changed(url, uploadid="0" * 32),
    ]:
        assert forged != url
        assert web.put(forged, content=body, headers=headers).status_code == 403, forged
    assert web.put(url, content=body, headers=headers).status_code == 200
    upload.etags[1] = f'"{hashlib.md5(body).hexdigest()}"'
    upload.complete()
    url = content_url(shop, upload)
    for forged in [
        changed(url, signature="0" * 64),
        changed(url, expires="9999999999"),
        changed(url, name="evil.exe"),
        url.split("?")[0],
    ]:
        assert forged != url
        assert web.get(forged).status_code == 403, forged
    token = link(shop, upload)
    forged = token[:-3] + ("abc" if token[-3:] != "abc" else "xyz")
    assert web.get(forged).status_code == 404


@pytest.mark.parametrize("storage", ["s3"], indirect=True)
def test_addresses_of_s3_are_those_of_amazons_own_client(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stand-in looks at no signatures, but Amazon's client computes them: ours must be the same."""
    upload = Upload(shop, pattern(100, tmp_path), name="größe (1).bin").send_all()
    upload.complete()
    part = upload.announced.upload.parts[0]
    assert set(part.headers) == {"x-amz-checksum-sha256", "x-amz-sdk-checksum-algorithm"}
    for method, url, headers in [("PUT", part.url, part.headers), ("GET", content_url(shop, upload), {})]:
        query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
        signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)  # noqa: B023
        assert query["X-Amz-Expires"] == "600"
        assert query["X-Amz-SignedHeaders"].split(";") == sorted(["host", *headers])
        own = {name: value for name, value in query.items() if not name.startswith("X-Amz-")}
        bare = urlunsplit(urlsplit(url)._replace(query=urlencode(own, quote_via=quote, safe="-_.~")))
        request = AWSRequest(method=method, url=bare, headers={"host": urlsplit(url).netloc, **headers})
        credentials = Credentials(KEY_ID, KEY)
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=600).add_auth(request)
        theirs = dict(parse_qsl(urlsplit(request.url).query))
        assert theirs["X-Amz-Signature"] == query["X-Amz-Signature"], (url, request.url)
