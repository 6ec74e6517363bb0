"""A stand-in for S3: moto's server, in a process of its own."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import boto3
from botocore.config import Config

from harness.server import PATIENCE_SECONDS

BUCKET = "merak-private"
PUBLIC_BUCKET = "merak-public"
KEY_ID = "merak"
KEY = "a key that moto does not look at"


class Storage:
    """Two buckets, one of which everybody may read."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "storage.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> Self:
        """Starts the stand-in on a free port and makes the buckets."""
        with self._log.open("wb") as log:
            # It says its port in its log; 0 takes a free one.
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.url = self._address()
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.create_bucket(Bucket=PUBLIC_BUCKET)
        return self

    @property
    def s3(self):
        """Amazon's own client of the stand-in, to look at what is stored."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY_ID,
            aws_secret_access_key=KEY,
            config=Config(s3={"addressing_style": "path"}),
        )

    @property
    def options(self) -> list[str]:
        """What the program is told of it."""
        return [
            *("--storage", "s3", "--storage-endpoint", self.url),
            *("--storage-bucket", BUCKET, "--storage-public-bucket", PUBLIC_BUCKET),
            *("--storage-access-key-id", KEY_ID, "--storage-secret-access-key", KEY),
        ]

    def keys(self) -> list[str]:
        """The names of all objects."""
        return [
            found["Key"]
            for bucket in (BUCKET, PUBLIC_BUCKET)
            for found in self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        ]

    def uploads(self) -> list[str]:
        """The ids of all uploads that go on."""
        return [
            found["UploadId"]
            for bucket in (BUCKET, PUBLIC_BUCKET)
            for found in self.s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        ]

    def stop(self) -> None:
        """Ends the stand-in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        print(self._log.read_text(errors="replace")[-5000:], file=sys.stderr)

    def _address(self) -> str:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for line in self._log.read_text(errors="replace").splitlines():
                if "Running on http://" in line:
                    return line.split("Running on ")[1].split()[0]
            time.sleep(0.05)
        raise RuntimeError(f"moto did not get ready: {self._log.read_text(errors='replace')}")
