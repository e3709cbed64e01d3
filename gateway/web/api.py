"""`/api/v1`: the REST API as an application of its own, with its document, its page and one shape for every error."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from gateway import __version__
from gateway.errors import Misuse, NotFound
from gateway.flow.context import Context
from gateway.web import apibulk, apifeed, apipage, apipeople, apisignups, problem
from gateway.web.apiaccess import Bounds, furnish
from gateway.web.guard import Guard
from gateway.web.problem import Problem, Wrong

PREFIX = "/api/v1"
ABOUT = """\
May this person be mailed, consents with their evidence, objections, and everything that happens, for programs.

Every request carries `Authorization: Bearer` and a key made by `consentgate apikey add`. Addresses stand in bodies,
never in a URL. Every error is `application/problem+json` (RFC 9457). A request that writes may carry an
`Idempotency-Key`: it then has one effect however often it is sent.
"""
# What any request may be answered, besides what its route says.
ERRORS: Mapping[int, str] = {
    400: "The body cannot be read",
    401: "No valid key",
    403: "The key may not do this",
    404: "It is not there",
    408: "The body came too slowly",
    409: "It contradicts what is known, or is being worked on",
    413: "The body is too large",
    422: "Something is wrong with the request",
    429: "Too many requests; Retry-After says when",
    503: "Try later; Retry-After says when",
}


def create_api(context: Context, public_url: str) -> FastAPI:
    """Return the application, to be mounted at `PREFIX`."""
    web = context.settings.web
    app = FastAPI(
        title="consentgate",
        version=__version__,
        description=ABOUT,
        servers=[{"url": public_url + PREFIX}],
        root_path_in_servers=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    furnish(app, context)
    for part in (apipeople, apibulk, apifeed, apisignups):
        app.include_router(part.router)
    app.add_middleware(Bounds, bulk=int(web.api_bulk))
    app.add_middleware(Guard, apology=problem.apology, secure=public_url.startswith("https:"))
    app.add_exception_handler(HTTPException, problem.refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Misuse, _misused)
    document = _document(app)
    page = apipage.page(document)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(document)

    @app.get("/", include_in_schema=False)
    async def about() -> Response:
        return page()

    return app


def _invalid(_request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    unread = [one for one in found if one["type"] == "json_invalid"]
    if unread:
        return problem.answer(400, "the body is not JSON")
    wrong = [Wrong(place=".".join(map(str, one["loc"])), problem=str(one["msg"])) for one in found[:50]]
    return problem.answer(422, "something is wrong with what was sent", errors=wrong)


def _misused(_request: Request, error: Exception) -> Response:
    return problem.answer(404 if isinstance(error, NotFound) else 422, str(error))


def _document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the errors that any request may be answered."""
    document = app.openapi()
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schemas["Problem"].pop("$defs", {})
    shape = {"content": {problem.TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for operations in document["paths"].values():
        for operation in operations.values():
            for status, text in ERRORS.items():
                operation["responses"][str(status)] = {"description": text, **shape}
    return document
