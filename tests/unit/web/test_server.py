import json
import urllib.error

import numpy as np
import pytest
import tifffile

from adaptoscope.errors import SettingsError
from adaptoscope.web.serve import serve
from tests.unit.web.served import Served


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
    assert code == 403
    assert "pages of the app" in said


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
    assert code == 400
    assert "Too much" in said


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
        place = f"http://127.0.0.1:{app.port}/enter"
        with pytest.raises(urllib.error.HTTPError, match="401"):
            app.browser.open(place, b"password=wrong")
        assert app.browser.open(place, b"password=correct horse").status == 200
        assert len(app.json("/api/folders")) == 1
    finally:
        app.server.should_exit = True


@pytest.mark.parametrize("password", ["", "short"])
def test_other_machines_are_let_in_with_a_password_only(folder, password):
    with pytest.raises(SettingsError, match="Other machines"):
        serve([folder], host="0.0.0.0", password=password, browser=False)
