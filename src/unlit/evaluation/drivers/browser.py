"""Browser driver: Playwright on the system's Chromium, through one forwarded port."""

import shutil
from collections.abc import Mapping, Sequence
from typing import Any, Final

from unlit.evaluation.checks.observation import Observation
from unlit.evaluation.stage import NotExercised, ProductFailed, Stage

_PICTURE_QUALITY: Final = 55
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--no-first-run",
    # the one of the two that this Chromium's version knows: WebRTC asks no resolver
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
)  # fmt: skip


def arguments(host: str, port: int) -> list[str]:
    """Return Chromium's arguments: a page reaches the product's port, and nothing else at all.

    The browser stands outside the product's fence, so that the product cannot forge what it shows:
    in one of its own, or as the evaluator's user where there is none. What the product's page asks
    it to fetch must not be a service of this machine.
    """
    only = f"MAP {host}:{port} {host}:{port}, MAP * ~NOTFOUND"
    return [*_ARGUMENTS, f"--host-resolver-rules={only}"]


def find_browser() -> str | None:
    """Return the path of the system's Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


async def perform(params: Mapping[str, Any], stage: Stage) -> None:
    """Do what the step says, in this order: open, fill, click, press, see, not_see."""
    from playwright.async_api import Error

    page = await _page(stage)
    timeout_ms = float(params.get("timeout_s", 5)) * 1000
    try:
        if "open" in params:
            base = stage.extra["ui_base"]
            answer = await page.goto(f"{base}{params['open']}", timeout=timeout_ms)
            stage.extra["ui_status"] = None if answer is None else answer.status
        for name, value in (params.get("fill") or {}).items():
            await _field(page, name).fill(str(value), timeout=timeout_ms)
        if "click" in params:
            await _clickable(page, str(params["click"])).click(timeout=timeout_ms)
        if "press" in params:
            await page.keyboard.press(str(params["press"]))
        for sight in _many(params.get("see")):
            await _see(page, sight, timeout_ms)
        for sight in _many(params.get("not_see")):
            await _not_see(page, sight, timeout_ms)
        body = await page.content()
        picture = await page.screenshot(type="jpeg", quality=_PICTURE_QUALITY)
    except Error as error:
        raise ProductFailed(f"on the page: {str(error).splitlines()[0][:200]}") from error
    stage.note(
        Observation(
            stage.step, "ui", status=stage.extra.get("ui_status"), body=body,
            stderr="\n".join(stage.extra.get("ui_console", [])), picture=picture,
        )
    )  # fmt: skip


async def text_at(stage: Stage, where: str) -> str:
    """Return the text of a place on the page, as people see it; empty when it is not there."""
    from playwright.async_api import Error

    page = await _page(stage)
    try:
        return str(await _clickable(page, where).inner_text(timeout=2000))
    except Error:
        return ""


async def _page(stage: Stage) -> Any:
    if "ui_page" in stage.extra:
        return stage.extra["ui_page"]
    try:
        from playwright.async_api import async_playwright
    except ImportError as error:
        raise NotExercised("Playwright is not installed (unlit[browser])") from error
    path = find_browser()
    if path is None:
        raise NotExercised("no Chromium on this machine")
    if stage.server is None:
        await stage.start_server()
    closers = stage.extra.setdefault("close", [])
    port = stage.launch.port or 0
    confined = await stage.sandbox.browse(path, port)
    house = confined or await stage.sandbox.forward(port)
    closers.append(house.aclose)
    playwright = await async_playwright().start()
    closers.append(playwright.stop)
    browser = await playwright.chromium.launch(
        executable_path=confined.program if confined else path,
        args=arguments(house.host, house.port),
    )
    closers.append(browser.close)
    page = await browser.new_page(accept_downloads=False)
    console: list[str] = stage.extra.setdefault("ui_console", [])
    page.on("pageerror", lambda error: console.append(f"uncaught: {error}"))
    page.on("console", lambda line: console.append(line.text) if line.type == "error" else None)
    stage.extra["ui_base"] = f"http://{house.host}:{house.port}"
    stage.extra["ui_page"] = page
    return page


def _clickable(page: Any, target: str) -> Any:
    """Return a button, link or text by its words, or an element by CSS selector."""
    if target[:1] in "#.[" or target.startswith("css="):
        return page.locator(target.removeprefix("css=")).first
    return (
        page.get_by_role("button", name=target, exact=True)
        .or_(page.get_by_role("link", name=target, exact=True))
        .or_(page.get_by_text(target, exact=True))
        .first
    )


def _field(page: Any, name: str) -> Any:
    """Return a form field by its label, placeholder or name, or by CSS selector."""
    if name[:1] in "#.[" or name.startswith("css="):
        return page.locator(name.removeprefix("css=")).first
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return (
        page.get_by_label(name, exact=True)
        .or_(page.get_by_placeholder(name, exact=True))
        .or_(page.locator(f'[name="{escaped}"]'))
        .first
    )


async def _see(page: Any, sight: Mapping[str, Any], timeout_ms: float) -> None:
    found = _locate(page, sight)
    if "count" in sight:
        if await found.count() != int(sight["count"]):
            raise ProductFailed("the page does not show that many")
        return
    await found.first.wait_for(state="visible", timeout=timeout_ms)


async def _not_see(page: Any, sight: Mapping[str, Any], timeout_ms: float) -> None:
    found = _locate(page, sight)
    if await found.count():
        await found.first.wait_for(state="hidden", timeout=timeout_ms)


def _locate(page: Any, sight: Mapping[str, Any]) -> Any:
    if "in" in sight:
        place = page.locator(str(sight["in"]))
        return place.filter(has_text=str(sight["text"])) if "text" in sight else place
    return page.get_by_text(str(sight.get("text", "")))


def _many(value: Any) -> Sequence[Mapping[str, Any]]:
    if value is None:
        return ()
    values = value if isinstance(value, list | tuple) else [value]
    return [item if isinstance(item, Mapping) else {"text": item} for item in values]
