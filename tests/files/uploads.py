"""Uploads as a seller does them: announced by the SDK, the parts sent by curl."""

import base64
import hashlib
import subprocess
from pathlib import Path

from polar_sdk import Polar, models

from harness import Shop

# What the reference's own uploader cuts; S3 wants 5 MiB at least.
PART = 10_000_000


def pattern(size: int, folder: Path) -> Path:
    """A file of this size whose every stretch of bytes differs."""
    path = folder / f"{size}.bin"
    block = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(4096))
    with path.open("wb") as file:
        left = size
        while left > 0:
            # Another beginning for each block, so that blocks cannot be exchanged unseen.
            bytes_ = (left.to_bytes(8) + block)[:left]
            file.write(bytes_)
            left -= len(bytes_)
    return path


def sha256(path: Path, start: int = 0, end: int | None = None) -> str:
    """The SHA-256 of a part of a file, in base64."""
    whole = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(start)
        left = (path.stat().st_size if end is None else end) - start
        while left > 0:
            bytes_ = file.read(min(left, 1 << 20))
            whole.update(bytes_)
            left -= len(bytes_)
    return base64.b64encode(whole.digest()).decode()


class Upload:
    """A file on its way."""

    def __init__(self, shop: Shop, path: Path, name: str = "program.bin", checksums: bool = True) -> None:
        self.polar = Polar(access_token=shop.token, server_url=shop.server.url)
        self.path = path
        self.size = path.stat().st_size
        # An exact multiple ends in an empty part, as the reference's uploader has it; S3 takes no empty parts from
        # the stand-in, so the last part is never empty here unless the file is.
        starts = range(0, max(self.size, 1), PART)
        self.ranges = [(start, min(start + PART, self.size)) for start in starts]
        self.announced = self.polar.files.create(
            request=models.DownloadableFileCreate(
                organization_id=shop.organization_id,
                name=name,
                mime_type="application/octet-stream",
                size=self.size,
                checksum_sha256_base64=sha256(path) if checksums else None,
                upload=models.S3FileCreateMultipart(
                    parts=[
                        models.S3FileCreatePart(
                            number=number,
                            chunk_start=start,
                            chunk_end=end,
                            checksum_sha256_base64=sha256(path, start, end) if checksums else None,
                        )
                        for number, (start, end) in enumerate(self.ranges, 1)
                    ]
                ),
            )
        )
        self.etags: dict[int, str] = {}

    @property
    def id(self) -> str:
        return self.announced.id

    def send(self, number: int, body: Path | None = None) -> int:
        """Sends a part by curl and returns the status; remembers its tag."""
        part = self.announced.upload.parts[number - 1]
        if body is None:
            body = self.path.with_suffix(f".part{number}")
            start, end = self.ranges[number - 1]
            with self.path.open("rb") as file:
                file.seek(start)
                body.write_bytes(file.read(end - start))
        headers = body.with_suffix(".headers")
        command = ["curl", "--silent", "--show-error", "--upload-file", str(body), "--dump-header", str(headers)]
        for name, value in (part.headers or {}).items():
            command += ["--header", f"{name}: {value}"]
        command += ["--output", "/dev/null", "--write-out", "%{http_code}", part.url]
        status = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for line in headers.read_text().splitlines():
            if line.lower().startswith("etag:"):
                self.etags[number] = line.split(":", 1)[1].strip()
        return status

    def send_all(self) -> "Upload":
        for number in range(1, len(self.ranges) + 1):
            assert self.send(number) == 200
        return self

    def complete(self, without: int | None = None):
        """Completes the upload by the SDK."""
        parts = [
            models.S3FileUploadCompletedPart(
                number=part.number,
                checksum_etag=self.etags.get(part.number, '"d41d8cd98f00b204e9800998ecf8427e"'),
                checksum_sha256_base64=part.checksum_sha256_base64,
            )
            for part in self.announced.upload.parts
            if part.number != without
        ]
        return self.polar.files.uploaded(
            id=self.id,
            file_upload_completed=models.FileUploadCompleted(
                id=self.announced.upload.id, path=self.announced.upload.path, parts=parts
            ),
        )
