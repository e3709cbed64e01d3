"""The one shape of every error of the API: RFC 9457, `application/problem+json`."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

TYPE = "application/problem+json"


class Wrong(BaseModel):
    """One thing that is wrong with a request: where, and what. What was sent is not repeated."""

    place: str
    problem: str


class Problem(BaseModel):
    """An error (RFC 9457). `code` is stable, `detail` is for people; `reference` finds a mistake of ours in the log."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str = ""
    reference: str | None = None
    errors: list[Wrong] = Field(default_factory=list)


CODES: Mapping[int, str] = {
    400: "bad-request",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    408: "too-slow",
    409: "conflict",
    411: "length-required",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "bug",
    503: "try-later",
}


def answer(
    status: int,
    detail: str = "",
    *,
    reference: str = "",
    errors: list[Wrong] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer for an error."""
    said = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        code=CODES.get(status, "error"),
        detail=detail,
        reference=reference or None,
        errors=errors or [],
    )
    body = said.model_dump_json(exclude_none=True)
    return Response(body, status, dict(headers or {}), TYPE)


def refused(_request: Request, error: Exception) -> Response:
    """Answer an HTTPException."""
    if not isinstance(error, HTTPException):
        return answer(500)
    return answer(error.status_code, str(error.detail or ""), headers=error.headers)


def apology(_request: Request, status: int, reference: str = "") -> Response:
    """Return the bland answer for what went wrong here (`web.guard`)."""
    return answer(status, reference=reference)
