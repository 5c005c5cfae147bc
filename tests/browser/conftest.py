"""A real Chromium on the running application: a phone's size, in Chinese, watched for faults.

`phone` is the page of one person's phone and `new_phone()` that of another; `camera_phone(film)` is one whose camera
shows a film made by `film(png)`. What a browser complains of fails the test, unless `faults.ignore(text)` was said.
"""

import io
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

HERE = Path(__file__).parent
CONTEXT = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "locale": "zh-CN",
    "timezone_id": "Asia/Shanghai",
}
ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage"]
TIMEOUT = 10_000  # milliseconds
AXE = django_settings.NODE_MODULES / "axe-core" / "axe.min.js"
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FRAME = (640, 480)
FRAMES = 30


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder drives a browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


class Faults:
    """What browsers complained of: console errors, CSP violations, exceptions in scripts, requests that failed."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.ignored: list[str] = []

    def ignore(self, text: str) -> None:
        """Complaints that contain this are meant to happen in this test."""
        self.ignored.append(text)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", lambda message: message.type == "error" and self.found.append(f"console: {message.text}"))
        context.on("weberror", lambda error: self.found.append(f"script: {error.error}"))
        context.on("requestfailed", lambda request: self.found.append(f"request: {request.url} {request.failure}"))

    def unexpected(self) -> list[str]:
        """Without what is ignored, and without requests that a click on a link cut short."""
        ignored = [*self.ignored, "net::ERR_ABORTED"]
        return [fault for fault in self.found if not any(text in fault for text in ignored)]


class Outbox:
    """The text messages that the application has sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def messages(self) -> list[dict]:
        """Oldest first: `to`, `text`, `at`."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines]

    def code(self, phone: str) -> str:
        """The one-time code in the latest message to this number (E.164)."""
        texts = [message["text"] for message in self.messages() if message["to"] == phone]
        return re.search(r"(?<!\d)\d{6}(?!\d)", texts[-1])[0]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    # Playwright runs an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as started:
        yield started
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def launch(playwright: Playwright, *arguments: str) -> Browser:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "Chromium is not installed: apt-get install chromium"
    return playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    started = launch(playwright)
    yield started
    started.close()


@pytest.fixture
def site(live_server, transactional_db, settings, tmp_path) -> str:
    """The address of the running application, which knows it and writes its text messages to a file."""
    settings.PUBLIC_URL = live_server.url
    settings.SMS_URL = f"file:{tmp_path / 'outbox.jsonl'}"
    return live_server.url


@pytest.fixture
def outbox(site, tmp_path) -> Outbox:
    return Outbox(tmp_path / "outbox.jsonl")


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Fails the test at its end when a browser has complained."""
    faults = Faults()
    yield faults
    assert faults.unexpected() == []


@pytest.fixture
def closing(faults: Faults) -> Iterator[ExitStack]:
    """Closes what a test has opened, before the faults are counted."""
    with ExitStack() as stack:
        yield stack


def open_page(browser: Browser, site: str, faults: Faults, **options) -> Page:
    context = browser.new_context(base_url=site, **{**CONTEXT, **options})
    context.set_default_timeout(TIMEOUT)
    faults.watch(context)
    return context.new_page()


@pytest.fixture
def new_phone(browser, site, faults, closing) -> Callable[..., Page]:
    """Another person's phone: nothing shared with the first. Options are those of Playwright's `new_context`."""

    def open_phone(**options) -> Page:
        page = open_page(browser, site, faults, **options)
        closing.callback(page.context.close)
        return page

    return open_phone


@pytest.fixture
def phone(new_phone) -> Page:
    """The page of a phone: 360 x 740, Chinese. `phone.goto("/")` opens the application."""
    return new_phone()


@pytest.fixture
def film(tmp_path) -> Callable[..., Path]:
    """Make a film of a picture, as a phone held in front of a camera shows it: JPEGs end to end."""

    def make(png: bytes, *, height: int = 420) -> Path:
        picture = Image.open(io.BytesIO(png)).convert("RGB")
        picture = picture.resize((round(picture.width * height / picture.height), height))
        frame = Image.new("RGB", FRAME, (200, 200, 200))
        frame.paste(picture, ((FRAME[0] - picture.width) // 2, (FRAME[1] - height) // 2))
        jpeg = io.BytesIO()
        frame.save(jpeg, "JPEG", quality=85)
        path = tmp_path / f"camera-{len(list(tmp_path.glob('camera-*')))}.mjpeg"
        path.write_bytes(jpeg.getvalue() * FRAMES)
        return path

    return make


@pytest.fixture
def camera_phone(playwright, site, faults, closing) -> Callable[..., Page]:
    """A phone, in a browser of its own, whose camera shows this film. A film written anew shows in the next phone."""

    def open_phone(path: Path, **options) -> Page:
        browser = launch(
            playwright,
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={path}",
        )
        closing.callback(browser.close)
        return open_page(browser, site, faults, permissions=["camera"], **options)

    return open_phone


@pytest.fixture
def check_accessibility() -> Callable[[Page], None]:
    """Run axe on a page: WCAG 2.2 AA and its best practices."""
    assert AXE.exists(), "axe is not installed: make browser"
    source = AXE.read_text(encoding="utf-8")

    def check(page: Page) -> None:
        page.wait_for_load_state()  # or half a page would be judged
        page.evaluate(source)  # a script tag would meet the CSP
        # Without preloading, which copies stylesheets that import others into the page, where the CSP stops them.
        options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "preload": False}
        result = page.evaluate("options => axe.run(document, options)", options)
        problems = [
            f"{violation['id']}: {violation['help']}\n    {node['html']}\n    {node['failureSummary']}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]
        assert not problems, f"{page.url} has accessibility problems:\n" + "\n".join(problems)

    return check
