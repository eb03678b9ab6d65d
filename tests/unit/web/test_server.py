import json
import threading
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

import numpy as np
import pytest
import tifffile

uvicorn = pytest.importorskip("uvicorn", reason="the extra `web` is not installed")

from adaptoscope.errors import SettingsError
from adaptoscope.web.access import Access
from adaptoscope.web.serve import serve
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
        self.browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self.cookies)
        )

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


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "my images"
    place.mkdir()
    for name in ("a.tif", "<img src=x onerror=alert(1)>.tif"):
        tifffile.imwrite(place / name, np.full((300, 400), 9, np.uint16))
    return place


@pytest.fixture
def served(folder):
    app = Served([folder])
    yield app
    app.server.should_exit = True


def test_nothing_is_answered_without_the_token(served):
    for path in ("/", "/api/folders", "/static/app.js", "/api/0/images"):
        assert served.refused(path)[0] == 401
    assert served.refused("/?token=wrong")[0] == 401
    assert served.refused("/api/0/marks/0", {"points": []})[0] == 401


def test_with_the_token_the_page_comes_from_here_alone(served):
    page = served.enter().ask("/")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert b"http" not in page.read().replace(b"http-equiv", b"")
    assert {cookie.name for cookie in served.cookies} == {
        "adaptoscope_access",
        "adaptoscope_person",
    }
    assert all(cookie.has_nonstandard_attr("HttpOnly") for cookie in served.cookies)


def test_a_page_of_another_name_is_refused(served):
    assert served.enter().refused("/api/folders", host="evil.example:80")[0] == 421


def test_a_change_needs_what_only_our_pages_send(served):
    served.enter()
    code, said = served.refused("/api/0/marks/0", {"points": []}, header=False)
    assert code == 403 and "pages of the app" in said


def test_images_are_listed_and_shown(served):
    served.enter()
    (listed,) = served.json("/api/folders")
    assert (listed["name"], listed["images"]) == ("my images", 2)
    names = [image["name"] for image in served.json("/api/0/images")]
    assert names == ["<img src=x onerror=alert(1)>.tif", "a.tif"]
    facts = served.json("/api/0/image/1")
    assert (facts["height"], facts["width"], facts["levels"]) == (300, 400, 2)
    tile = np.frombuffer(served.ask("/api/0/tile/1?level=0&row=1&column=1").read(), "<u2")
    assert tile.reshape(256, 256)[:44, :144].min() == 9
    assert tile.reshape(256, 256)[44:].max() == 0


@pytest.mark.parametrize(
    "path",
    ["/api/1/images", "/api/0/image/2", "/api/0/tile/0?level=-1&row=0&column=0", "/api/0/tile/0",
     "/api/0/counts.csv", "/api/0/check/x", "/api/0/tile/0?level=x&row=0&column=0"],
)  # fmt: skip
def test_what_is_not_there_is_said(served, path):
    code, said = served.enter().refused(path)
    assert code == 400
    assert json.loads(said)["error"]


@pytest.mark.parametrize("path", ["/static/../server.py", "/static/%2e%2e/server.py", "/../x"])
def test_no_path_leads_out(served, path):
    assert served.enter().refused(path)[0] == 404


def test_marks_are_kept_and_the_slower_page_is_told(served):
    served.enter()
    kept = served.json("/api/0/marks/1", {"points": [[1, 2]], "version": 0}, method="PUT")
    assert kept == {"version": 1, "cells": 1}
    assert served.json("/api/0/marks/1")["points"] == [[1, 2]]
    assert served.refused("/api/0/marks/1", {"points": [], "version": 0})[0] == 409
    assert served.refused("/api/0/marks/1", {"points": 5, "version": 1})[0] == 400


def test_too_much_at_once_is_refused(served):
    code, said = served.enter().refused("/api/0/marks/1", {"points": "x" * 21_000_000})
    assert code == 400 and "Too much" in said


def test_a_job_that_no_page_offers_is_refused(served):
    served.enter()
    for sent in ([], {"kind": "rm"}, {"kind": "count", "options": {"model": "/etc"}}):
        assert served.refused("/api/0/jobs", sent)[0] == 400
    assert served.json("/api/0/jobs") == []


def test_a_password_is_asked_for(folder):
    app = Served([folder], password="correct horse")
    try:
        assert app.refused("/api/folders")[0] == 401
        assert b"Password" in app.ask("/").read()
        for given, code in (("wrong", 401), ("correct horse", 200)):
            request = urllib.request.Request(
                f"http://127.0.0.1:{app.port}/enter", f"password={given}".encode()
            )
            try:
                assert app.browser.open(request).status == code
            except urllib.error.HTTPError as error:
                assert error.code == code
        assert len(app.json("/api/folders")) == 1
    finally:
        app.server.should_exit = True


@pytest.mark.parametrize("password", ["", "short"])
def test_other_machines_are_let_in_with_a_password_only(folder, password):
    with pytest.raises(SettingsError, match="Other machines"):
        serve([folder], host="0.0.0.0", password=password, browser=False)
