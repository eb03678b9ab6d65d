"""Make the pictures of docs/app.md: the app on simulated images, at two widths, in Chromium.

python docs/app_pictures.py
"""

import io
import shutil
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

import adaptoscope as ad
from adaptoscope.web.access import Access
from adaptoscope.web.server import create_app
from adaptoscope.web.workspace import open_workspace

PICTURES = Path(__file__).parent / "images"
WIDTHS = (1280, 820)
FIELD = {"height": 512, "width": 640, "cell_diameter_px": 16, "cells_per_mpx": 500}


def show(page: Page, name: str) -> None:
    """Take a picture of the page at both widths."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 760})
        time.sleep(1)
        shown = Image.open(io.BytesIO(page.screenshot()))
        # 128 colours are enough for grey cells and a few signs, at a fifth of the bytes.
        shown.convert("RGB").quantize(128).save(PICTURES / f"app_{name}_{width}.png", optimize=True)
    page.set_viewport_size({"width": WIDTHS[0], "height": 760})


def walk(page: Page) -> None:
    """Count, correct, learn and check, with a picture of each step."""
    page.click("#start")
    page.wait_for_selector("#result:not([hidden])", timeout=90_000)
    page.fill("#pattern", "^(\\w+)_")
    show(page, "count")
    for number in range(2):
        page.click(f"#images tr >> nth={number}")
        page.click("[data-tab=correct]")
        page.click("#take")
        page.check("#finished")
        time.sleep(0.5)
    page.mouse.move(600, 330)
    for _ in range(3):
        page.mouse.wheel(0, -250)
    show(page, "correct")
    page.click("[data-tab=learn]")
    page.select_option("#head", "dog")
    page.click("#start")
    page.wait_for_selector("#counters li >> nth=1", timeout=90_000)
    page.click("#counters li >> nth=0 >> button")
    page.wait_for_selector("#counters li >> nth=0 >> text=MAE", timeout=90_000)
    show(page, "learn")
    page.click("[data-tab=trust]")
    page.fill("#number", "4")
    page.click("#draw")
    page.wait_for_selector("#drawn:not([hidden])", timeout=90_000)
    for number, place in enumerate(page.locator("#rows input").all()):
        place.fill(str(150 + 9 * number))
    page.click("#finish")
    page.wait_for_selector("#answer:not([hidden])", timeout=90_000)
    page.locator("#methods").scroll_into_view_if_needed()
    show(page, "check")
    page.click("[data-tab=runs]")
    page.wait_for_selector("#runs .job")
    page.click("#runs details >> nth=0")
    show(page, "runs")


def main() -> None:
    """Serve eight simulated images of two groups and walk through the app."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "treatment"
        made = ad.simulate(Path(place) / "made", count=8, settings=FIELD)
        folder.mkdir()
        for number, record in enumerate(made.records):
            group = ("control", "treated")[number % 2]
            shutil.copy(made.path(record), folder / f"{group}_{number // 2 + 1}.png")
        access = Access(frozenset({"127.0.0.1"}))
        config = uvicorn.Config(
            create_app([open_workspace(folder)], access), port=0, log_level="error"
        )
        server = uvicorn.Server(config)
        threading.Thread(target=server.run, daemon=True).start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": WIDTHS[0], "height": 760})
            page.goto(f"http://127.0.0.1:{port}/?token={access.token}")
            page.wait_for_selector("#images tr >> nth=7")
            walk(page)
            browser.close()
        server.should_exit = True


if __name__ == "__main__":
    main()
