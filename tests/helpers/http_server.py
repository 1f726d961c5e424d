"""A server of files on the loopback, which misbehaves as it is told to."""

import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["FileServer"]


class FileServer:
    """Serves bytes by path; every request takes the next of the `acts` for its path, if any is left.

    Parameters
    ----------
    files : dict of str to bytes
        What is there.

    Attributes
    ----------
    acts : dict of str to list
        What happens to the next requests for a path: an int is an HTTP status, ``("cut", n)`` ends the connection
        after n bytes of the body, ``("stall", n)`` sends nothing more after n bytes, ``("slow", seconds)`` waits
        between pieces of 10 kB, ``("other", bytes)`` sends another body, ``("headers", dict)`` adds to the headers,
        ``("call", function)`` calls it, in the thread of the server, before it answers.
    requests : list of tuples (path, Range header or None)
        What was asked for.
    ranges : bool
        Whether parts of files may be asked for. Default True.
    longest_part : int or None
        Bytes that it sends at once where a part is asked for. Default None: all.
    etag, last_modified : str or None
        Headers that tell the version of all files. Default ``'"v1"'`` and None.
    heeds_if_range : bool
        Whether a part is sent only of the version that was asked for. Default True.
    users : dict of str to str
        Values of the header Authorization by path; anything else is answered by 401.
    """

    def __init__(self, files):
        self.files, self.acts, self.requests = dict(files), {}, []
        self.ranges, self.longest_part, self.heeds_if_range = True, None, True
        self.etag, self.last_modified, self.users = '"v1"', None, {}
        self.stop_stalling = threading.Event()

    def __enter__(self):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error):
        self.stop_stalling.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        path = request.path.lstrip("/")
        asked = request.headers.get("Range")
        self.requests.append((path, asked))
        acts = self.acts.get(path, [])
        kind, value = _as_pair(acts.pop(0)) if acts else (None, None)
        body = value if kind == "other" else self.files.get(path)
        if path in self.users and request.headers.get("Authorization") != self.users[path]:
            kind, value = "status", 401
        if body is None:
            kind, value = "status", 404
        if kind == "status":
            self._send_headers(request, value, {"Content-Length": "0"})
            return
        if kind == "call":
            value()
        status, part, headers = self._part(request, asked, body)
        headers |= value if kind == "headers" else {}
        self._send_headers(request, status, headers)
        self._send_body(request, part, kind, value)

    def _part(self, request, asked, body):
        """Status, bytes and headers of an answer, as RFC 9110 has them."""
        versions = {"ETag": self.etag, "Last-Modified": self.last_modified}
        headers = {"Content-Length": str(len(body))} | {name: value for name, value in versions.items() if value}
        wanted = request.headers.get("If-Range")
        unchanged = not self.heeds_if_range or wanted in (None, self.etag, self.last_modified)
        if not (asked and self.ranges and unchanged):
            return 200, body, headers
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        if start >= len(body):
            return 416, b"", headers | {"Content-Range": f"bytes */{len(body)}", "Content-Length": "0"}
        part = body[start:][: self.longest_part]
        span = f"bytes {start}-{start + len(part) - 1}/{len(body)}"
        return 206, part, headers | {"Content-Range": span, "Content-Length": str(len(part))}

    def _send_headers(self, request, status, headers):
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()

    def _send_body(self, request, body, kind, value):
        try:
            if kind in ("cut", "stall"):
                request.wfile.write(body[:value])
                request.wfile.flush()
                if kind == "stall":
                    self.stop_stalling.wait(60)
                request.close_connection = True
                request.connection.close()
            elif kind == "slow":
                for place in range(0, len(body), 10_000):
                    request.wfile.write(body[place : place + 10_000])
                    request.wfile.flush()
                    time.sleep(value)
            else:
                request.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            request.close_connection = True


def _as_pair(act):
    return ("status", act) if isinstance(act, int) else act
