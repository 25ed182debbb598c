"""The report in Debian's chromium, driven by its own driver."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from selenium import webdriver

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Debian's chromium and chromium-driver")
FLAGS = (
    "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "disable-dev-shm-usage", "window-size=1280,900",
)  # fmt: skip


@contextmanager
def browser(profile: Path, downloads: Path | None = None) -> Iterator[webdriver.Chrome]:
    """A browser without a window; what it downloads lands in `downloads`."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for flag in (*FLAGS, f"user-data-dir={profile}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    if downloads:
        options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def open_page(driver: webdriver.Chrome, path: Path, fragment: str = "") -> None:
    """Load a page anew and wait until it has drawn itself."""
    driver.get("about:blank")
    driver.get(path.as_uri() + fragment)
    until(lambda: driver.execute_script("return document.body.dataset.ready"))


def until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "the page did not get there"
        time.sleep(0.05)


def shown(page: webdriver.Chrome) -> str:
    return str(page.execute_script("return document.getElementById('count').textContent"))


def choose(page: webdriver.Chrome, name: str, text: str) -> None:
    page.execute_script(
        "const select = document.getElementById('filter-' + arguments[0]);"
        "select.value = [...select.options].find((option) => option.text.includes(arguments[1])).value;"
        "select.dispatchEvent(new Event('change'))", name, text,
    )  # fmt: skip


def search(page: webdriver.Chrome, text: str) -> None:
    page.execute_script(
        "const input = document.getElementById('search'); input.value = arguments[0];"
        "input.dispatchEvent(new Event('input'))", text,
    )  # fmt: skip
