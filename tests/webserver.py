"""A server on this machine that misbehaves as servers do."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's table says; each request is noted, with its `Range`."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Range")))
        self.server.answers[self.path](self)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            **{k.replace("_", "-"): v for k, v in headers.items()},
        }.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True


class Server(ThreadingHTTPServer):
    """Listens on a free port of this machine only."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str | None]] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of those who hang up."""

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


@contextlib.contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def whole(body: bytes, etag: str = '"1"') -> Answer:
    """Serve a file as a good server does: in part where that is asked for, and the file is still the same."""

    def answer(handler: Handler) -> None:
        asked = handler.headers.get("Range")
        if asked and handler.headers.get("If-Range", etag) == etag:
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            if start >= len(body):
                handler.send(416, Content_Range=f"bytes */{len(body)}")
                return
            handler.send(206, body[start:], ETag=etag, Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")
            return
        handler.send(200, body, ETag=etag)

    return answer


def breaking(body: bytes, after: int, times: int = 1, then: Answer | None = None) -> Answer:
    """Serve a file, but hang up after some bytes, so many times."""
    left = [times]
    good = then or whole(body)

    def answer(handler: Handler) -> None:
        if not left[0]:
            good(handler)
            return
        left[0] -= 1
        start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        status, ranges = (206, f"bytes {start}-{len(body) - 1}/{len(body)}") if start else (200, "")
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) - start))
        handler.send_header("ETag", '"1"')
        if ranges:
            handler.send_header("Content-Range", ranges)
        handler.end_headers()
        handler.wfile.write(body[start : start + after])
        handler.hang_up()

    return answer


def saying(status: int, body: bytes = b"", **headers: str) -> Answer:
    return lambda handler: handler.send(status, body, **headers)
