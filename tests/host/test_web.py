"""Files of a web server: whole, going on in the middle, a part, and what it answers when it has none."""

import contextlib
import http.server
import threading

import pytest

from envdoctor.host import web
from envdoctor.host.download import PLAIN, DownloadError, download

DATA = bytes(range(256)) * 40


class Server(http.server.BaseHTTPRequestHandler):
    ranges = True
    cut = 0  # bytes after which the next answers end

    def do_GET(self):
        if self.path != "/file":
            self.send_error(404 if self.path == "/missing" else 503)
            return
        wanted = self.headers.get("Range") if self.ranges else None
        first, last = 0, len(DATA) - 1
        if wanted:
            begin, _, end = wanted[len("bytes=") :].partition("-")
            first, last = int(begin), int(end or last)
        if first > last:
            self.send_error(416)
            return
        body = DATA[first : last + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: type(self).cut or None])
        type(self).cut = 0

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    kind = type("Server", (Server,), {})
    with http.server.HTTPServer(("127.0.0.1", 0), kind) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        kind.address = f"http://127.0.0.1:{running.server_port}"
        with contextlib.ExitStack() as stack:
            stack.callback(thread.join)
            stack.callback(running.shutdown)
            yield kind


def test_whole_and_on_where_the_connection_was_cut(tmp_path, server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.cut = 1000
    heard = []
    path = tmp_path / "file"
    download(f"{server.address}/file", str(path), None, heard.append, PLAIN)
    assert path.read_bytes() == DATA and heard == [0, 1000, 1000, len(DATA) - 1000]


def test_all_is_there_already(tmp_path, server):
    (tmp_path / "file.part").write_bytes(DATA)
    download(f"{server.address}/file", str(tmp_path / "file"), None, lambda size: None, PLAIN)
    assert (tmp_path / "file").read_bytes() == DATA


def test_a_part(tmp_path, server):
    assert web.part(f"{server.address}/file", 300, 5) == DATA[300:305]
    (tmp_path / "a file").write_bytes(DATA)
    assert web.part((tmp_path / "a file").as_uri(), 300, 5) == DATA[300:305]
    server.ranges = False
    with pytest.raises(web.Whole):
        web.part(f"{server.address}/file", 300, 5)


def test_no_answer(tmp_path, server, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(web.Missing, match="404"):
        download(f"{server.address}/missing", str(tmp_path / "file"), None, print, PLAIN)
    with pytest.raises(DownloadError, match=r"503 .*, 5 times"):
        download(f"{server.address}/busy", str(tmp_path / "file"), None, print, PLAIN)
    with pytest.raises(web.Unreachable, match="refused"):
        web.part("http://127.0.0.1:9/file", 0, 1)
