"""Large files pass through in small pieces: the program's memory does not grow with them."""

from pathlib import Path

import httpx

from harness import Server, Shop
from files.uploads import pattern, sha256

MIB = 1 << 20

# A file many times as large as what may be held of it.
SIZE = 200 * MIB
ALLOWED = 48 * MIB


def peak(server: Server) -> int:
    """The most memory that the program has had so far."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the system does not say")


def test_memory_does_not_grow_with_a_file(shop: Shop, server: Server, tmp_path: Path) -> None:
    path = pattern(SIZE, tmp_path)
    cut = 150 * MIB
    ranges = [(0, cut), (cut, SIZE)]
    before = peak(server)
    made = shop.http.post(
        "/v1/files/",
        json={
            "service": "downloadable",
            "organization_id": shop.organization_id,
            "name": "large.bin",
            "mime_type": "application/octet-stream",
            "size": SIZE,
            "checksum_sha256_base64": sha256(path),
            "upload": {
                "parts": [
                    {"number": number, "chunk_start": start, "chunk_end": end}
                    for number, (start, end) in enumerate(ranges, 1)
                ]
            },
        },
    ).json()
    parts = []
    with httpx.Client(timeout=120) as http, path.open("rb") as file:
        for part in made["upload"]["parts"]:
            file.seek(part["chunk_start"])
            length = part["chunk_end"] - part["chunk_start"]
            sent = http.put(part["url"], content=pieces(file, length), headers={"content-length": str(length)})
            assert sent.status_code == 200, sent.text
            parts.append(
                {"number": part["number"], "checksum_etag": sent.headers["etag"], "checksum_sha256_base64": None}
            )
        completed = http.post(
            f"{server.url}/v1/files/{made['id']}/uploaded",
            json={"id": made["upload"]["id"], "path": made["path"], "parts": parts},
            headers={"authorization": f"Bearer {shop.token}"},
        )
        assert completed.status_code == 200, completed.text
        body = {
            "type": "downloadables",
            "description": "The program",
            "organization_id": shop.organization_id,
            "properties": {"files": [made["id"]]},
        }
        benefit = shop.http.post("/v1/benefits/", json=body).json()
        customer = shop.customer()
        server.cli("grant", "--benefit", benefit["id"], "--customer", customer["id"])
        listed = shop.portal(customer).get("/v1/customer-portal/downloadables/").json()
        url = listed["items"][0]["file"]["download"]["url"]
        with http.stream("GET", url, follow_redirects=True) as response:
            assert sum(len(chunk) for chunk in response.iter_bytes()) == SIZE
    grown = peak(server) - before
    print(f"{SIZE // MIB} MiB went in and out; the peak of memory grew by {grown / MIB:.1f} MiB")
    assert grown < ALLOWED


def pieces(file, length: int):
    while length > 0:
        piece = file.read(min(length, MIB))
        length -= len(piece)
        yield piece
