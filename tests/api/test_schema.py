"""Whatever fits the OpenAPI document, and whatever does not, is answered as the document says (schemathesis)."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import negative_data_rejection, positive_data_acceptance

from gateway.flow.context import Context
from gateway.web import api
from tests.api.conftest import key

EXAMPLES = 8  # for each operation and mode
# A schema cannot say that a date is not in the future, or what makes an address one.
BEYOND = [positive_data_acceptance]


@schemathesis.serializer("application/x-ndjson")
def lines(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Return a body that is no JSON document."""
    return str(value).encode("utf-8", "replace")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_every_operation_answers_as_its_document_says(context: Context, url: str, mode: GenerationMode) -> None:
    base = url + api.PREFIX
    schema = schemathesis.openapi.from_dict(httpx.get(f"{base}/openapi.json").json())
    headers = {"Authorization": f"Bearer {key(context)}"}
    seen = []
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        def ask(case: schemathesis.Case) -> None:
            # Lines are bytes: what is no address is answered as such, one by one.
            beyond = [*BEYOND, negative_data_rejection] if case.path.endswith("/bulk") else BEYOND
            case.call_and_validate(base_url=base, headers=headers, excluded_checks=beyond)

        ask()
        seen.append(operation.label)
    assert len(seen) == sum(len(methods) for methods in schema.raw_schema["paths"].values())
