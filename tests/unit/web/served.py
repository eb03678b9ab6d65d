"""An app that answers on a free port, and a client without a window."""

import json
import threading
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

import pytest
import uvicorn

from adaptoscope.web.access import Access
from adaptoscope.web.server import create_app
from adaptoscope.web.workspace import open_workspace


class Served:
    """An app that answers, and a browser without a window."""

    def __init__(self, folders, **access):
        self.access = Access(frozenset({"127.0.0.1"}), **access)
        workspaces = [open_workspace(folder) for folder in folders]
        config = uvicorn.Config(create_app(workspaces, self.access), port=0, log_level="error")
        self.server = uvicorn.Server(config)
        threading.Thread(target=self.server.run, daemon=True).start()
        while not self.server.started:
            time.sleep(0.01)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]
        self.cookies = CookieJar()
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def enter(self):
        self.ask(f"/?token={self.access.token}")
        return self

    def ask(self, path, content=None, method=None, header=True, **headers):
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        request.method = method or ("GET" if content is None else "POST")
        if header:
            request.add_header("x-adaptoscope", "page")
        return self.browser.open(request)

    def json(self, path, *sent, **options):
        return json.load(self.ask(path, *sent, **options))

    def refused(self, *asked, **options):
        with pytest.raises(urllib.error.HTTPError) as caught:
            self.ask(*asked, **options)
        return caught.value.code, caught.value.read().decode()
