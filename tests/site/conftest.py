"""The page of the tier that is kept, and a browser to look at it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import make_site
from support import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

Opened = Callable[..., Page]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper tier's page, from what is kept."""
    results, figures = ROOT / "results" / "paper", ROOT / "figures" / "paper"
    if not (results / "claims.json").exists():
        pytest.skip("no results of the paper tier are kept in this checkout: `make paper`")
    page = tmp_path_factory.mktemp("site") / "index.html"
    options = ["--results", results, "--figures", figures, "--output", page]
    assert make_site.main(["--tier", "paper", *map(str, options)]) == 0
    return page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The system's; without one tests are passed over, but not in continuous integration."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        missing = "no Chromium here: apt-get install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        # Root and small containers have no sandbox and little shared memory.
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        started = playwright.chromium.launch(executable_path=found, args=options)
        yield started
        started.close()


def leaves(address: str, own: str) -> bool:
    """Whether what is asked for is neither the page itself nor in it."""
    return address.split("#")[0] != own and not address.startswith(("data:", "blob:"))


@pytest.fixture
def opened(browser: Browser, site: Path) -> Iterator[Opened]:
    """Opens the page as a reader does and waits until its scripts have run; options: of the browser's context.

    In the end the console must have had no error, and nothing may have been asked for but the file itself.
    """
    contexts, faults = [], []

    def open_page(address: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # a busy machine is no fault of the page
        page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        own = site.as_uri()
        page.on("request", lambda asked: faults.append(asked.url) if leaves(asked.url, own) else None)
        page.goto(own + address)
        if options.get("java_script_enabled", True):
            page.wait_for_selector("#explorer[data-ready]", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
