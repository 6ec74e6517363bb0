"""Fresh databases on both engines."""

import os
import sqlite3
import subprocess
import uuid
from pathlib import Path
from urllib.parse import urlsplit

ENGINES = ("sqlite", "postgres")


class Database:
    """An empty database that belongs to one test."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine = engine
        if engine == "sqlite":
            self.url = f"sqlite:{folder / 'merak.db'}"
        else:
            self.name = f"merak_{uuid.uuid4().hex}"
            # Text is ordered and folded as SQLite does it, whatever the server's own locale.
            locale = "ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
            administer(f'CREATE DATABASE "{self.name}" TEMPLATE template0 {locale}')
            self.url = urlsplit(server_url())._replace(path=f"/{self.name}").geturl()

    def ask(self, statement: str) -> list[str]:
        """What PostgreSQL answers, a row a line: for what no client is told."""
        command = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", statement, self.url]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]

    def change(self, statement: str) -> None:
        """Changes what no client can change, such as what time it is. No server may run on the database meanwhile."""
        if self.engine == "postgres":
            return administer(statement, self.url)
        connection = sqlite3.connect(self.url.removeprefix("sqlite:"))
        with connection:
            connection.execute(statement)
        connection.close()

    def drop(self) -> None:
        """Removes a database that does not go away with the test's folder."""
        if self.engine == "postgres":
            administer(f'DROP DATABASE "{self.name}" WITH (FORCE)')


def server_url() -> str:
    return required("MERAK_TEST_POSTGRES_URL")


def administer(statement: str, url: str | None = None) -> None:
    command = ["psql", "--quiet", "--no-psqlrc", "--command", statement, url or server_url()]
    subprocess.run(command, check=True, capture_output=True, text=True)


def required(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise RuntimeError(f"{variable} is not set: run these tests with `cargo xtask test`")
    return value
