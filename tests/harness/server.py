"""The real program as a process that can be started, ended and killed."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from harness.database import Database, required

READY = re.compile(rb"^merak is listening on (http://\S+)$", re.MULTILINE)

# Time enough for a debug build on a busy machine.
PATIENCE_SECONDS = 60.0

# Nodes that share a database must share this, or one could not read the tokens that another made.
SECRET = "a secret that all nodes of a test share"


class Server:
    """One server. Several may use the same database."""

    def __init__(
        self, database: Database, folder: Path, before: Sequence[str] = (), options: Sequence[str] = ()
    ) -> None:
        """`before` is put in front of the command line that starts the program, `options` at its end."""
        self.database = database
        self.folder = folder
        self.url = ""
        self._before = list(before)
        self.options = list(options)
        self._log = folder / "log"
        self._environment = {
            **os.environ,
            "MERAK_DATA_DIR": str(folder),
            "MERAK_DATABASE_URL": database.url,
            "MERAK_SECRET": SECRET,
            # Load from one address on few keys is what the suites are for.
            "MERAK_RATE_LIMIT_PER_ADDRESS": "0",
            "MERAK_RATE_LIMIT_PER_KEY": "0",
        }
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> "Server":
        """Starts the program and waits until it answers."""
        self.launch()
        return self.wait_until_ready()

    def launch(self) -> None:
        """Starts the program and does not wait."""
        command = [*self._before, required("MERAK_BIN"), "serve", "--listen", "127.0.0.1:0", *self.options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
            )

    def wait_until_ready(self) -> "Server":
        process = self._running()
        assert process.stdout is not None
        deadline = time.monotonic() + PATIENCE_SECONDS
        output = b""
        while not (ready := READY.search(output)):
            left = deadline - time.monotonic()
            readable = left > 0 and select.select([process.stdout], [], [], left)[0]
            chunk = os.read(process.stdout.fileno(), 4096) if readable else b""
            if not chunk:
                self.show_log()
                raise RuntimeError(f"merak did not get ready, it printed {output!r}")
            output += chunk
        self.url = ready.group(1).decode()
        return self

    def kill(self) -> None:
        """Ends the program without warning, as `kill -9` does."""
        process = self._running()
        process.kill()
        process.wait()
        self._forget()

    def terminate(self) -> int:
        """Asks the program to end and returns its exit status."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        status = process.wait(PATIENCE_SECONDS)
        self._forget()
        return status

    def clean_up(self) -> None:
        """Ends the program if it still runs, and shows what it logged."""
        if self._process is not None:
            self.kill()
        self.show_log()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def cli(self, *arguments: str) -> dict:
        """Runs a command of the command line on the same database and returns the JSON it prints."""
        return json.loads(self.run(*arguments, "--json"))

    def run(self, *arguments: str) -> str:
        """Runs a command of the command line on the same database and returns what it prints."""
        command = [required("MERAK_BIN"), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"`merak {' '.join(arguments)}` failed: {done.stderr}")
        return done.stdout

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begins a command of the command line on the same database and does not wait for its end."""
        command = [required("MERAK_BIN"), *arguments]
        return subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def fail(self, *arguments: str) -> tuple[int, str]:
        """Runs a command that must fail, and returns its exit status and what it says."""
        command = [required("MERAK_BIN"), *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode != 0, done.stdout
        return done.returncode, done.stderr

    def show_log(self) -> None:
        """Prints the end of the log, which pytest shows when the test fails."""
        if self._log.exists():
            print(self._log.read_text(errors="replace")[-20_000:], file=sys.stderr)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("merak is not running")
        return self._process

    def _forget(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
