"""The app as a person uses it, in Chromium: each test opens pages and clicks."""

import shutil
import time

import numpy as np
import pytest
import tifffile
from playwright.sync_api import sync_playwright

import adaptoscope as ad
from adaptoscope.datasets.counted_images import open_counted_images
from tests.unit.web.served import Served

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on the path")

NASTY = "<img src=x onerror=alert(1)>$a$.tif"
FIELD = {"height": 192, "width": 256, "cell_diameter_px": 14, "cells_per_mpx": 700}
MILLISECONDS = 60_000


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    place = tmp_path_factory.mktemp("app")
    made = ad.simulate(place / "made", count=3, settings=FIELD)
    folder = place / "my images"
    folder.mkdir()
    for name, record in zip(("a.tif", "b.tif", NASTY), made.records, strict=True):
        stored = made.read(record).stored
        tifffile.imwrite(
            folder / name, stored, resolution=(20000, 20000), resolutionunit="CENTIMETER"
        )
    return folder


@pytest.fixture
def served(images, tmp_path):
    folder = tmp_path / images.name
    shutil.copytree(images, folder)
    app = Served([folder])
    app.folder = folder
    yield app
    app.server.should_exit = True


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, served):
    """Open the app as a person of one's own; whatever goes wrong in the page fails the test."""
    faults, contexts = [], []

    def opened():
        context = chromium.new_context(viewport={"width": 1280, "height": 800})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(MILLISECONDS)
        home = f"http://127.0.0.1:{served.port}"
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((home, "data:", "blob:"))
                else faults.append(f"asked for {asked.url}")
            ),
        )
        page.goto(f"{home}/?token={served.access.token}")
        page.wait_for_selector("#images tr >> nth=2")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert faults == []


def count(page):
    page.click("#start")
    page.wait_for_selector("#result:not([hidden])")


def click_at(page, row, column):
    """Click on a place of the image, which is shown whole."""
    view = page.evaluate(
        "async () => { const { viewer } = await import('/static/app.js');"
        " const box = viewer.canvas.getBoundingClientRect();"
        " return [viewer.view, box.x, box.y, viewer.canvas.width / box.width]; }"
    )
    shown, left, top, ratio = view
    page.mouse.click(
        left + (shown["x"] + (column + 0.5) * shown["scale"]) / ratio,
        top + (shown["y"] + (row + 0.5) * shown["scale"]) / ratio,
    )


def kept(page):
    page.wait_for_selector('#saved:text-is("all kept")')


def test_a_count_is_that_of_the_command(served, visit, tmp_path):
    page = visit()
    count(page)
    with page.expect_download() as download:
        page.click("#csv")
    table = download.value.path().read_bytes()
    ad.count_folder(served.folder, out=tmp_path / "counts.csv")
    assert table == (tmp_path / "counts.csv").read_bytes()
    assert b"0.5" in table.splitlines()[1]
    cells = sum(float(line.split(b",")[1]) for line in table.splitlines()[1:])
    assert f"{round(cells):,} cells in 3 images" in page.inner_text("#sum")
    with page.expect_download() as download:
        page.click("#xlsx")
    assert download.value.path().read_bytes()[:2] == b"PK"


def test_a_name_of_a_file_is_text_and_groups_follow_names(visit):
    page = visit()
    assert page.locator("#images tr").nth(0).locator("td").first.get_attribute("title") == NASTY
    count(page)
    page.fill("#pattern", "^([ab])")
    assert [row.split("\t")[0] for row in page.inner_text("#groups").splitlines()] == [
        "Group",
        "a",
        "b",
    ]


def test_corrections_are_kept_when_the_page_dies(served, visit):
    page = visit()
    count(page)
    page.click("#images tr >> nth=1")
    page.click("[data-tab=correct]")
    page.click("#take")
    kept(page)
    before = int(page.inner_text("#cells"))
    click_at(page, 3, 250)
    assert int(page.inner_text("#cells")) == before + 1
    page.keyboard.press("Control+z")
    assert int(page.inner_text("#cells")) == before
    page.keyboard.press("Control+y")
    page.check("#finished")
    kept(page)
    page.context.close()
    again = visit()
    again.click("#images tr >> nth=1")
    again.click("[data-tab=correct]")
    again.wait_for_selector("#acts:not([hidden])")
    assert int(again.inner_text("#cells")) == before + 1
    assert again.is_checked("#finished")
    labels = open_counted_images(served.folder / "adaptoscope" / "labels", root=served.folder)
    assert [record.name for record in labels] == ["a.tif"]
    points = labels.points(labels.records[0])
    assert len(points) == before + 1
    assert np.abs(points - [3, 250]).sum(axis=1).min() < 1.5


def test_a_click_on_a_ring_takes_the_cell_away(visit):
    page = visit()
    page.click("[data-tab=correct]")
    page.click("#blank")
    kept(page)
    for row, column in ((50, 60), (90, 100)):
        click_at(page, row, column)
    click_at(page, 50, 60)
    assert page.inner_text("#cells") == "1"
    kept(page)


def test_of_two_windows_the_slower_one_is_told(visit):
    pages = [visit(), visit()]
    for page in pages:
        page.click("[data-tab=correct]")
        page.wait_for_selector("#blank:not([hidden])")
    pages[0].click("#blank")
    kept(pages[0])
    pages[1].click("#blank")
    pages[1].wait_for_selector("#problem:not([hidden])")
    assert "another window" in pages[1].inner_text("#problem")


def test_a_job_is_found_again_and_others_do_not_see_it(visit):
    page, other = visit(), visit()
    page.click("#start")
    page.wait_for_selector(".job")
    page.reload()
    page.wait_for_selector("#result:not([hidden])")
    page.click("[data-tab=runs]")
    page.wait_for_selector("#runs .job")
    assert "adaptoscope count predict" in page.text_content("#runs code")
    other.click("[data-tab=runs]")
    time.sleep(1.2)
    assert other.locator("#runs .job").count() == 0


def test_an_image_that_cannot_be_read_says_why(served, visit):
    (served.folder / "a.tif").write_bytes(b"no image")
    page = visit()
    page.click("#images tr >> nth=1")
    page.wait_for_selector("#problem:not([hidden])")
    assert "not an image that can be read" in page.inner_text("#problem")


def test_a_check_ends_in_a_sentence_for_the_paper(served, visit):
    tifffile.imwrite(served.folder / "c.tif", tifffile.imread(served.folder / "b.tif"))
    page = visit()
    page.click("[data-tab=trust]")
    page.fill("#number", "4")
    page.click("#draw")
    page.wait_for_selector("#drawn:not([hidden])")
    for place in page.locator("#rows input").all():
        place.fill("20")
    page.click("#finish")
    page.wait_for_selector("#answer:not([hidden])")
    assert "Over your 4 images" in page.inner_text("#sentence")
    assert "counter nuclei" in page.inner_text("#methods")


def test_a_counter_is_fitted_to_finished_images_and_measured(visit):
    page = visit()
    count(page)
    for index in range(2):
        page.click(f"#images tr >> nth={index}")
        page.click("[data-tab=correct]")
        page.click("#take")
        kept(page)
        page.check("#finished")
        kept(page)
    page.click("[data-tab=learn]")
    page.wait_for_selector("#start:enabled")
    page.select_option("#head", "dog")
    page.click("#start")
    page.wait_for_selector("#counters li >> nth=1 >> text=Not decided")
    page.click("#counters li >> nth=0 >> button")
    # The corrections are those of the counter itself, so it is not off.
    page.wait_for_selector("#counters li >> nth=0 >> text=MAE 0.0")
