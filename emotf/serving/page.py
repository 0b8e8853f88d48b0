"""A thin web page, and JSON beside it: a clip in, its traces out. Nothing that it loads comes from elsewhere.

GET /         the page
POST /predict a form with one file -> JSON, or CSV where the client accepts text/csv only
GET /about    the run and the limits
GET /health   whether it answers, and how busy it is
GET /openapi.json
"""

import gzip
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emotf import __version__
from emotf.errors import UserError
from emotf.serving.clips import ClipError
from emotf.serving.drop import drop_page
from emotf.serving.uploads import Uploads, linger, receive
from emotf.serving.workers import Work, Workers

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

# Connections beyond these are refused at once: more than the places for clips, for pages and health checks.
CONNECTIONS = 500
SHUTDOWN = 5  # seconds in which running requests may end
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
           "Cache-Control": "no-store"}  # fmt: skip


@dataclass(frozen=True)
class Service:
    """What is served, and to what limits.

    Attributes:
        work: what the processes do.
        most: bytes of a clip.
        waiting: clips that wait while all processes are busy; one more is refused. A clip has its place from the first
            byte of its request on, so that these and `work.workers` bound memory and the disk.
    """

    work: Work
    most: int
    waiting: int

    def __post_init__(self) -> None:
        for name, value in (("workers", self.work.workers), ("max_seconds", self.work.longest), ("max_mb", self.most)):
            if not value > 0:
                raise UserError(f"--{name} is {value:g}, expected more than 0.")
        if self.waiting < 0:
            raise UserError(f"--waiting is {self.waiting}, expected 0 or more.")

    @property
    def places(self) -> int:
        return self.work.workers + self.waiting


class Page:
    """The answers to requests.

    Args:
        service: what is served.
        workers: that predict.
        uploads: where clips go.
    """

    def __init__(self, service: Service, workers: Workers, uploads: Uploads) -> None:
        self.service, self.workers, self.uploads = service, workers, uploads
        self.taken = 0  # places
        self.about = workers.about | {
            "max_mb": service.most / 1e6, "max_seconds": service.work.longest, "workers": service.work.workers,
            "waiting": service.waiting, "version": __version__,
        }  # fmt: skip
        self._page = gzip.compress(drop_page(self.about).encode(), mtime=0)

    def page(self, request: "Request") -> "Response":
        from starlette.responses import Response

        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Content-Encoding": "gzip"} if packed else {}
        content = self._page if packed else gzip.decompress(self._page)
        return Response(content, media_type="text/html", headers=HEADERS | headers)

    def health(self) -> "Response":
        busy = self.service.work.workers - self.workers.idle
        return _json({"status": "ok", "predicting": busy, "taken": self.taken, "places": self.service.places})

    async def predict(self, request: "Request") -> "Response":
        from starlette.requests import ClientDisconnect
        from starlette.responses import Response

        try:
            answer = await self._answer(request)
        except ClipError as error:
            await linger(request)
            retry = {"Retry-After": "10"} if error.status == 503 else {}
            return _json({"error": str(error)}, error.status, retry)
        except ClientDisconnect:
            answer = None
        if answer is None:
            return Response(status_code=499)  # nobody reads it
        if request.headers.get("accept", "").startswith("text/csv"):
            return Response(answer["csv"], media_type="text/csv", headers=HEADERS)
        return _json(answer)

    async def _answer(self, request: "Request") -> dict[str, Any] | None:
        if self.taken >= self.service.places:
            raise ClipError(503, "All places are taken; try again in a few seconds.")
        self.taken += 1
        try:
            with self.uploads.folder() as folder:
                await receive(request, folder / "clip", self.service.most)
                return await self.workers.answer(folder / "clip", request.is_disconnected)
        finally:
            self.taken -= 1


def application(page: Page, ready: str) -> "FastAPI":
    """The page as an application of FastAPI, which ends the workers and removes its folder when it is shut down.

    Args:
        page: answers.
        ready: printed once it can be asked.
    """
    from fastapi import FastAPI, Request, Response
    from starlette.exceptions import HTTPException

    @asynccontextmanager
    async def alive(_: FastAPI) -> AsyncIterator[None]:
        print(ready, flush=True)
        yield
        page.workers.end()
        page.uploads.end()

    # FastAPI's own pages of documentation load scripts from other hosts
    app = FastAPI(title="emotf", version=__version__, docs_url=None, redoc_url=None, lifespan=alive)

    @app.get("/", include_in_schema=False)
    async def drop(request: Request) -> Response:
        return page.page(request)

    @app.post("/predict", summary="Traces of a clip", openapi_extra=FORM, responses=REFUSALS)
    async def predict(request: Request) -> Response:
        return await page.predict(request)

    @app.get("/about", summary="The run and the limits")
    async def about() -> Response:
        return _json(page.about)

    @app.get("/health", summary="How busy it is")
    async def health() -> Response:
        return page.health()

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> Response:
        return _json({"error": f"{error.detail}."}, error.status_code)

    return app


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"description": "No form with one file"}, 408: {"description": "Too slow"},
    413: {"description": "Too large"}, 415: {"description": "No sound or video"},
    422: {"description": "Empty, too long, damaged, or without what the run reads"},
    503: {"description": "All places are taken"}, 504: {"description": "The prediction took too long"},
}  # fmt: skip
FORM = {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {
    "type": "object", "required": ["clip"], "properties": {"clip": {"type": "string", "format": "binary"}},
}}}}}  # fmt: skip


def serve(service: Service, host: str, port: int) -> None:
    """Serves until it is stopped (Ctrl-C, SIGTERM), and says where on standard output.

    Args:
        service: what is served.
        host: name or address of this machine to listen on.
        port: 0: any that is free.

    Raises:
        UserError: a package is missing, the run cannot be served, or the port cannot be had.
    """
    try:
        import fastapi  # noqa: F401
        import python_multipart  # noqa: F401
        import uvicorn
    except ImportError as error:
        raise UserError(f"The page needs {error.name}: pip install 'emotf[serve]'.") from None
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # of forms that are none their sender is told
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise UserError(f"{host}:{port} cannot be listened on ({error}); choose another --host or --port.") from None
    with listening:
        workers = Workers(service.work)
        uploads = Uploads()
        try:
            shown = f"[{host}]" if ":" in host else host
            ready = f"Serving {service.work.run} on http://{shown}:{listening.getsockname()[1]}"
            config = uvicorn.Config(
                application(Page(service, workers, uploads), ready),
                log_level="warning", limit_concurrency=CONNECTIONS, server_header=False,
                timeout_graceful_shutdown=SHUTDOWN,
            )  # fmt: skip
            uvicorn.Server(config).run(sockets=[listening])
        except KeyboardInterrupt:  # which uvicorn raises again after an orderly end
            pass
        finally:
            workers.end()
            uploads.end()


def _json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> "Response":
    from starlette.responses import Response

    text = json.dumps(content, allow_nan=False)
    return Response(text, status, HEADERS | (headers or {}), "application/json")
