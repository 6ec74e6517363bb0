"""What schemathesis checks besides its own checks. Loaded by it, not by pytest."""

import schemathesis
from schemathesis.specs.openapi.checks import content_type_conformance

# Answers that every path can give and that the contract's document leaves out: a body that is no text, a missing or bad
# credential, a missing scope, and a method that the path has not.
EVERYWHERE = {400, 401, 403, 405}


@schemathesis.check
def status_is_promised(context, response, case) -> None:
    """The status is one of the document's, or one that goes without saying and says why in its body."""
    promised = {str(status) for status in case.operation.definition.raw["responses"]}
    if str(response.status_code) in promised:
        return
    assert response.status_code in EVERYWHERE, f"status {response.status_code} is not one of {sorted(promised)}"
    body = response.json()
    assert body.get("detail") or body.get("error_description"), "the refusal gives no reason"


@schemathesis.check
def body_is_promised(context, response, case) -> None:
    """The body is as the document says. One that is no text is refused before its operation is known, whose own 400 says
    something else."""
    if response.status_code == 400 and response.json() == {"detail": "There was an error parsing the body"}:
        return
    case.operation.validate_response(response, case=case)


@schemathesis.check
def content_is_promised(context, response, case) -> None:
    """The type of the body is the document's, but for the table of subscriptions, which the contract calls JSON."""
    if case.operation.path != "/v1/subscriptions/export":
        content_type_conformance(context, response, case)
