"""Schemathesis reads the server's own OpenAPI document, calls every operation with good and bad input, and checks that
nothing breaks the server and that every answer is one that the document promises."""

import subprocess
import sys
from pathlib import Path

import pytest

from harness import Server, Shop

SEED = 20250107

# Random calls per operation, beside those that cover the document's every limit. It bounds the time of a run.
EXAMPLES = 12

CHECKS = (
    "not_a_server_error",
    "status_is_promised",
    "content_is_promised",
    "response_headers_conformance",
    "body_is_promised",
)

# Where identifiers of real things are sent half of the time, so that more is reached than the first refusal.
PLACES = {
    "path.id": "ids",
    "path.activation_id": "ids",
    "path.slug": "slugs",
    "query.benefit_id": "ids",
    "query.customer_id": "ids",
    "query.organization_id": "ids",
    "body.activation_id": "ids",
    "body.benefit_id": "ids",
    "body.customer_id": "ids",
    "body.key": "keys",
    "body.organization_id": "ids",
}


@pytest.fixture
def configuration(shop: Shop, tmp_path: Path) -> Path:
    """A shop with something of everything, and its identifiers as schemathesis wants them."""
    benefit, customer = shop.benefit(activations=50, usage=1_000), shop.customer()
    keys = [shop.grant(benefit, customer), shop.key(activations=50)]
    activations = [key.activate().json()["id"] for key in keys]
    grants = shop.portal(customer).get("/v1/customer-portal/benefit-grants/").json()["items"]
    ids = [shop.organization_id, benefit["id"], customer["id"], grants[0]["id"], *activations]
    ids += [key.id for key in keys]
    hooks = Path(__file__).with_name("checks.py")
    lines = [f'hooks = "{hooks}"', "[cache]", "enabled = false", "[dictionaries]"]
    for name, values in {"ids": ids, "keys": [key.key for key in keys], "slugs": [shop.slug]}.items():
        lines.append(f"{name} = {{ values = {values} }}")
    lines.append("[parameters]")
    lines += [f'"{place}" = {{ dictionary = "{name}", probability = 0.5 }}' for place, name in PLACES.items()]
    file = tmp_path / "schemathesis.toml"
    file.write_text("\n".join(lines))
    return file


@pytest.fixture
def caller(who: str, shop: Shop) -> list[str]:
    """Whose rights the calls have, as options of schemathesis. A customer's token is no token outside the portal."""
    if who == "merchant":
        return ["--header", f"Authorization: Bearer {shop.token}"]
    if who == "customer":
        authorization = shop.portal(shop.customer()).headers["Authorization"]
        return ["--header", f"Authorization: {authorization}", "--include-path-regex", "^/v1/customer-portal/"]
    return ["--generation-with-security-parameters", "false"]


@pytest.mark.parametrize(
    ("engine", "who"),
    [("sqlite", "merchant"), ("sqlite", "customer"), ("sqlite", "nobody"), ("postgres", "merchant")],
)
def test_no_operation_breaks_its_promise(
    server: Server, configuration: Path, caller: list[str], tmp_path: Path
) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli"),
        *("--config-file", str(configuration), "--no-color"),
        *("run", f"{server.url}/openapi.json", *caller),
        *("--checks", ",".join(CHECKS)),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", str(EXAMPLES), "--seed", str(SEED), "--generation-database", "none"),
        *("--suppress-health-check", "all"),
        *("--workers", "2", "--request-timeout", "20", "--continue-on-failure", "--warnings", "off"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
