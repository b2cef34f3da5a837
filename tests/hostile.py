"""A web server of this machine that serves a folder, and misbehaves as it is told."""

import contextlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Server(ThreadingHTTPServer):
    """folder: what it serves. behaviour: called with (handler, content) for each data file; True: it has answered."""

    daemon_threads = True

    def __init__(self, folder, behaviour=None):
        self.folder, self.behaviour = Path(folder), behaviour
        self.asked = []  # (path, Range header), in order
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}/manifest.json"

    def handle_error(self, request, client_address):
        """A client that goes away is none of the server's business."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, name = self.server, self.path.lstrip("/").partition("?")[0]
        server.asked.append((name, self.headers.get("Range")))
        path = server.folder / name
        if not path.is_file():
            self.reply(404, b"")
            return
        content = path.read_bytes()
        if name.startswith("data/") and server.behaviour is not None and server.behaviour(self, content):
            return
        self.serve(content)

    def serve(self, content):
        """As a good server does, ranges and all."""
        wanted = self.headers.get("Range")
        if wanted is None:
            self.reply(200, content)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(content):
            self.reply(416, b"")
            return
        told = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self.reply(206, content[start:], {"Content-Range": told})

    def reply(self, status, content, headers=None, length=None):
        """length: what is said of it, if that is not so."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)
        if length is not None:
            self.close_connection = True

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(folder, behaviour=None):
    """A server in threads of this process."""
    with Server(folder, behaviour) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def truncates(handler, content):
    """Half of what is left, and away."""
    wanted = handler.headers.get("Range")
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
    if len(content) - start < 1_000:
        return False
    half = content[start : start + (len(content) - start) // 2 + 1]
    headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if wanted else {}
    handler.reply(206 if wanted else 200, half, headers, length=len(content) - start)
    return True


class First:
    """Misbehaves at the first `times` requests for each file, then serves it well."""

    def __init__(self, behaviour, times=1):
        self.behaviour, self.times, self.counts = behaviour, times, {}

    def __call__(self, handler, content):
        self.counts[handler.path] = self.counts.get(handler.path, 0) + 1
        return self.counts[handler.path] <= self.times and self.behaviour(handler, content)


def answers(status, headers=None):
    """An error instead of the file."""

    def behaviour(handler, content):
        handler.reply(status, b"no", headers)
        return True

    return behaviour


def stalls(handler, content):
    """A few bytes, then silence."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[:1_000])
    handler.wfile.flush()
    time.sleep(1.5)
    handler.close_connection = True
    return True


def tells_more(handler, content):
    """Says that it is longer than it is."""
    handler.reply(200, content, length=len(content) + 1_000)
    return True


def tells_less(handler, content):
    """Says that it is shorter than it is: a client reads no further."""
    handler.reply(200, content, length=len(content) // 2)
    return True


def ignores_ranges(handler, content):
    """All of it, whatever is asked for; the first time cut short."""
    handler.reply(200, content)
    return True


def another_range(handler, content):
    """The rest of something else."""
    if handler.headers.get("Range") is None:
        return truncates(handler, content)
    handler.reply(206, content[10:], {"Content-Range": f"bytes 10-{len(content) - 1}/{len(content)}"})
    return True


def changed(handler, content):
    """A file of the same size with other content."""
    handler.reply(200, bytes([content[0] ^ 1]) + content[1:])
    return True


def longer(handler, content):
    """The file and more."""
    handler.reply(200, content + b"more")
    return True


def redirects(handler, content):
    """To the same file, elsewhere on this server."""
    if "?" in handler.path:
        return False
    handler.reply(302, b"", {"Location": f"{handler.path}?again"})
    return True


def redirects_for_ever(handler, content):
    handler.reply(302, b"", {"Location": handler.path})
    return True


def redirects_to_a_file(handler, content):
    handler.reply(302, b"", {"Location": "file:///etc/passwd"})
    return True


def slowly(handler, content):
    """All of it, in small pieces with pauses."""
    start = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(len(content) - start))
    handler.end_headers()
    for place in range(start, len(content), 20_000):
        handler.wfile.write(content[place : place + 20_000])
        time.sleep(0.02)
    return True
