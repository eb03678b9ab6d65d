"""The addresses of the app. Each answers with files, numbers or the state of a job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from adaptoscope.errors import AdaptoscopeError, InputError
from adaptoscope.web.access import Access
from adaptoscope.web.answers import Answers
from adaptoscope.web.jobs import Jobs
from adaptoscope.web.labels import StaleMarksError
from adaptoscope.web.pixels import OpenedImages
from adaptoscope.web.workspace import Workspace

_STATIC = files("adaptoscope.web") / "static"
# Of a request: marks of tens of thousands of cells.
_MOST_BYTES = 20_000_000


def create_app(
    workspaces: Sequence[Workspace], access: Access, jobs: Jobs | None = None
) -> Starlette:
    """Build the app.

    Parameters
    ----------
    workspaces
        The folders that can be seen, and no others.
    access
        Who is let in.
    jobs
        Where jobs run; by default in ``jobs`` of each work folder.
    """
    jobs = jobs or Jobs([each.work / "jobs" for each in workspaces])
    answers = Answers(tuple(workspaces), jobs, OpenedImages())

    def json_of(answer: Callable[..., Any]) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            from starlette.concurrency import run_in_threadpool

            try:
                body = await _body(request) if request.method in ("POST", "PUT") else None
                found = await run_in_threadpool(answer, request, body)
            except AdaptoscopeError as error:
                code = 409 if isinstance(error, StaleMarksError) else 400
                return JSONResponse({"error": str(error)}, code)
            return found if isinstance(found, Response) else JSONResponse(found)

        return endpoint

    async def enter(request: Request) -> Response:
        if request.method == "POST":
            form = await request.form()
            if access.knows(str(form.get("password", ""))):
                return access.let_in(RedirectResponse("/", status_code=303))
            return HTMLResponse(_page("enter.html"), status_code=401)
        return HTMLResponse(_page("enter.html"))

    async def page(request: Request) -> Response:
        return HTMLResponse(_page("index.html"))

    get, change, both = ["GET"], ["POST", "PUT"], ["GET", "POST", "PUT"]
    routes = [
        Route("/", page, methods=get),
        Route("/enter", enter, methods=["GET", "POST"]),
        Route("/api/folders", json_of(answers.folders), methods=get),
        Route("/api/{folder:int}/images", json_of(answers.images), methods=get),
        Route("/api/{folder:int}/image/{image:int}", json_of(answers.facts), methods=get),
        Route("/api/{folder:int}/tile/{image:int}", json_of(answers.tile), methods=get),
        Route("/api/{folder:int}/cells/{image:int}", json_of(answers.cells), methods=get),
        Route("/api/{folder:int}/marks/{image:int}", json_of(answers.marks), methods=both),
        Route("/api/{folder:int}/check/{job}", json_of(answers.check), methods=both),
        Route("/api/{folder:int}/counts.{kind}", json_of(answers.table), methods=get),
        Route("/api/{folder:int}/jobs", json_of(answers.jobs_of), methods=both),
        Route("/api/{folder:int}/jobs/{job}/stop", json_of(answers.stop), methods=change),
        Mount("/static", StaticFiles(directory=str(_STATIC))),
    ]
    return Starlette(routes=routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=access)])


async def _body(request: Request) -> object:
    """Read what a page sent, up to a limit."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BYTES:
            raise InputError("Too much was sent.", expected=f"at most {_MOST_BYTES:,} bytes")
        parts.append(part)
    from adaptoscope.imageio.json_values import read_json

    return read_json(b"".join(parts).decode("utf-8", errors="replace"))


def _page(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")
