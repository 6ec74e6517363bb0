"""A license key beside a few lines of Python that say what it should do: random calls must have the same effect on both."""


import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from harness import Shop

LIMITS = st.none() | st.integers(1, 4)
INCREMENTS = st.none() | st.integers(0, 4)
STATUSES = st.sampled_from(["granted", "revoked", "disabled"])


class LicenseKey(RuleBasedStateMachine):
    """The key on the server, and the model: a few fields and a list of activations."""

    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.key = self.shop.key(activations=2, usage=5)
        self.status = "granted"
        self.limit_activations: int | None = 2
        self.limit_usage: int | None = 5
        self.usage = 0
        self.validations = 0
        self.activations: list[str] = []
        self.gone: list[str] = []

    @rule(label=st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20))
    def activate(self, label: str) -> None:
        response = self.key.activate(label=label, meta={"label": label})
        limit = self.limit_activations
        if self.status != "granted" or limit is None or len(self.activations) >= limit:
            self.expect(response, 403, "NotPermitted")
        else:
            self.expect(response, 200)
            assert (response.json()["label"], response.json()["meta"]) == (label, {"label": label})
            self.activations.append(response.json()["id"])

    @rule(at=st.integers(0, 5))
    def deactivate(self, at: int) -> None:
        known = self.activations + self.gone
        if not known:
            return
        activation = known[at % len(known)]
        response = self.key.deactivate(activation)
        if activation in self.activations:
            self.expect(response, 204)
            self.activations.remove(activation)
            self.gone.append(activation)
        else:
            self.expect(response, 404, "ResourceNotFound")

    @rule(increment=INCREMENTS, at=st.none() | st.integers(0, 5))
    def validate(self, increment: int | None, at: int | None) -> None:
        known = self.activations + self.gone
        activation = known[at % len(known)] if known and at is not None else None
        response = self.key.validate(activation_id=activation, increment_usage=increment)
        left = None if self.limit_usage is None else self.limit_usage - self.usage
        if self.status != "granted" or (activation and activation not in self.activations):
            self.expect(response, 404, "ResourceNotFound")
        elif increment and left is not None and increment > left:
            self.expect(response, 400, "BadRequest")
        else:
            self.expect(response, 200)
            self.usage += increment or 0
            self.validations += 1
            shown = response.json()["activation"]
            assert (shown and shown["id"]) == activation

    @rule(status=STATUSES)
    def set_status(self, status: str) -> None:
        self.expect(self.key.update(status=status), 200)
        self.status = status

    @rule(activations=LIMITS, usage=LIMITS)
    def set_limits(self, activations: int | None, usage: int | None) -> None:
        self.expect(self.key.update(limit_activations=activations, limit_usage=usage), 200)
        self.limit_activations, self.limit_usage = activations, usage

    @rule(usage=st.integers(0, 6))
    def set_usage(self, usage: int) -> None:
        self.expect(self.key.update(usage=usage), 200)
        self.usage = usage

    @invariant()
    def the_server_agrees(self) -> None:
        read = self.key.read()
        assert [each["id"] for each in read["activations"]] == self.activations
        for member in ("status", "limit_activations", "limit_usage", "usage", "validations"):
            assert read[member] == getattr(self, member), member

    @staticmethod
    def expect(response: httpx.Response, status: int, error: str | None = None) -> None:
        assert response.status_code == status, response.text
        if error:
            assert response.json()["error"] == error


def test_a_license_key_behaves_like_its_model(shop: Shop) -> None:
    model = type("LicenseKeyOfShop", (LicenseKey,), {"shop": shop})
    run_state_machine_as_test(
        model,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
