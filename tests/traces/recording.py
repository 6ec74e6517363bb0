"""Recorded requests with the reference's answers: reading them, filling in our values, comparing answers."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

# In the recordings this stands for a sentence. Ours need not read the same.
SENTENCE = "<text>"

PLACEHOLDER = re.compile(r"\$\{([a-z0-9_]+)(?::([a-z0-9]+))?\}")

FORMS = {"last6": lambda value: value[-6:], "upper": str.upper, "lower": str.lower, "nodash": lambda v: v.replace("-", "")}

# Headers that belong to the contract. Others depend on the software that answered.
HEADERS = ("content-type", "location", "www-authenticate", "access-control-allow-origin", "access-control-max-age")


@dataclass
class Replay:
    """A replay with the values that placeholders stand for. Answers add to them as they come."""

    http: httpx.Client
    values: dict[str, str]
    differences: list[str] = field(default_factory=list)

    def play(self, case: dict) -> httpx.Response:
        """Makes the request of a case."""
        request = case["request"]
        content = None
        if "body_raw" in request:
            content = self.fill(request["body_raw"])
        elif "body" in request:
            content = self.fill(json.dumps(request["body"]))
        response = self.http.request(
            request["method"],
            self.fill(request["path"]),
            headers={name: self.fill(value) for name, value in request["headers"].items()},
            content=content,
        )
        for name, path in case.get("capture", {}).items():
            captured = response.json()
            for part in path.split("."):
                captured = captured.get(part) if isinstance(captured, dict) else None
            self.values[name] = str(captured)
        return response

    def compare(self, case: dict, response: httpx.Response) -> list[str]:
        """What the answer has different from the recorded one."""
        expected = case["response"]
        if response.status_code != expected["status"]:
            return [f"status {expected['status']} expected, found {response.status_code} {response.text[:500]}"]
        found = []
        for name in HEADERS:
            wanted = self.fill(expected["headers"].get(name, ""))
            if wanted and sorted_words(wanted) != sorted_words(response.headers.get(name, "")):
                found.append(f"header {name}: {wanted!r} expected, found {response.headers.get(name)!r}")
        if expected.get("body") is not None:
            found += differences(self.filled(expected["body"]), response.json(), "body")
        return found

    def fill(self, text: str) -> str:
        """Puts our values in the place of placeholders."""

        def value(match: re.Match) -> str:
            known = self.values[match.group(1)]
            return FORMS[match.group(2)](known) if match.group(2) else known

        return PLACEHOLDER.sub(value, text)

    def filled(self, body: Any) -> Any:
        if isinstance(body, str):
            return self.fill(body)
        if isinstance(body, list):
            return [self.filled(each) for each in body]
        if isinstance(body, dict):
            return {name: self.filled(each) for name, each in body.items()}
        return body


def cases(file: Path, *beginnings: str) -> list[dict]:
    """The cases of a recording whose paths begin so."""
    _, *lines = file.read_text().splitlines()
    return [case for case in map(json.loads, lines) if case["request"]["path"].startswith(beginnings)]


def differences(expected: Any, found: Any, at: str) -> list[str]:
    """Where two JSON values differ in what the contract says: members, their order, values, and the form of what is
    new with each recording."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if list(expected) != list(found):
            return [f"{at}: members {list(expected)} expected, found {list(found)}"]
        return [line for name in expected for line in differences(expected[name], found[name], f"{at}.{name}")]
    if isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            return [f"{at}: {len(expected)} items expected, found {len(found)}: {json.dumps(found)[:500]}"]
        pairs = zip(expected, found, strict=True)
        return [line for number, (a, b) in enumerate(pairs) for line in differences(a, b, f"{at}[{number}]")]
    if type(expected) is type(found) and (expected == found or isinstance(found, str) and same_form(expected, found)):
        return []
    return [f"{at}: {json.dumps(expected)[:300]} expected, found {json.dumps(found)[:300]}"]


def same_form(expected: str, found: str) -> bool:
    if expected == SENTENCE:
        return found != ""
    return any(is_a(form, expected) and is_a(form, found) for form in (UUID, datetime.fromisoformat))


def is_a(form: Any, text: str) -> bool:
    try:
        form(text)
    except ValueError:
        return False
    return True


def sorted_words(header: str) -> list[str]:
    """The words of a header, as sets in it have no order."""
    return sorted(re.split(r"[\s,;\"]+", header))
