"""`/hooks/{plugin}`: where campaign tools send their webhooks.

A tool proves itself with the secret of its account (`[plugins.tools.LOGIN] hook`): as the password of Basic, as
Bearer, as the HMAC that its plugin knows, or, for a tool that can do none of these, as the last part of the path. The
login stands in the path or in Basic.
"""

import base64
import binascii

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route

from gateway.errors import Misuse, NotFound
from gateway.flow import hooks
from gateway.flow.context import Context
from gateway.flow.hooks import Unproven
from gateway.web import problem
from gateway.web.apiaccess import Bounds
from gateway.web.app import BARE
from gateway.web.guard import Guard

PREFIX = "/hooks"
LARGEST = 1_048_576  # bytes


def create_hooks(context: Context, *, secure: bool) -> FastAPI:
    """Return the application, to be mounted at `PREFIX`."""
    app = FastAPI(**BARE, redirect_slashes=False)

    async def hook(request: Request) -> Response:
        taken = await to_thread.run_sync(hooks.take, context, _read(request, await request.body()))
        return JSONResponse({"heard": taken.heard, "recorded": taken.recorded, "ignored": taken.ignored})

    places = ("/{plugin}", "/{plugin}/{login}", "/{plugin}/{login}/{secret}")
    app.router.routes += [Route(place, hook, methods=["POST"]) for place in places]
    app.add_middleware(Bounds, largest=LARGEST)
    app.add_middleware(Guard, apology=problem.apology, secure=secure)
    app.add_exception_handler(HTTPException, problem.refused)
    app.add_exception_handler(Misuse, _misused)
    app.add_exception_handler(Unproven, _unproven)
    return app


def _read(request: Request, body: bytes) -> hooks.Webhook:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    login, secrets = request.path_params.get("login", ""), [request.path_params.get("secret", "")]
    if scheme.lower() == "bearer":
        secrets.append(rest.strip())
    elif scheme.lower() == "basic":
        name, _, password = _basic(rest).partition(":")
        login = login or name
        secrets.append(password)
    headers = [(name, value) for name, value in request.headers.items() if name != "authorization"]
    return hooks.Webhook(request.path_params["plugin"], login, [one for one in secrets if one], headers, body)


def _basic(text: str) -> str:
    try:
        return base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _misused(_request: Request, error: Exception) -> Response:
    return problem.answer(404 if isinstance(error, NotFound) else 400, str(error))


def _unproven(_request: Request, _error: Exception) -> Response:
    realm = {"WWW-Authenticate": 'Basic realm="hooks"'}
    return problem.answer(401, "the login, its plugin or the secret is wrong", headers=realm)
