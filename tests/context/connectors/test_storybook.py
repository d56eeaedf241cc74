"""Storybook, the real one: a book is built from stories and read as its host serves it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.context.served import Answer, Asked, serving

from unlit.context.connectors.storybook import Storybook
from unlit.context.model import Ref
from unlit.core.clock import FakeClock

MODULES = Path(os.environ.get("UNLIT_STORYBOOK", "node_modules")).absolute()
STORY = """
export default {{ title: "{title}", render: () => document.createElement("button") }};
export const Primary = {{ args: {{ label: "Save" }} }};
export const InAHurry = {{ args: {{ label: "Now" }}, tags: ["!dev"] }};
"""
MAIN = """
export default {
  stories: ["../src/**/*.stories.js"],
  framework: "@storybook/html-vite",
  core: { disableTelemetry: true, disableWhatsNewNotifications: true },
};
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        shutil.which("node") is None or not (MODULES / "storybook").exists(),
        reason="Storybook is not installed (just servers)",
    ),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("book")
    for path, text in {
        "package.json": '{"type": "module", "private": true}',
        ".storybook/main.js": MAIN,
        "src/Button.stories.js": STORY.format(title="Forms/Button"),
        "src/Gate.stories.js": STORY.format(title="Gate"),
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (folder / "node_modules").symlink_to(MODULES)
    argv = ["node", str(MODULES / "storybook/dist/bin/dispatcher.js")]
    done = subprocess.run(
        [*argv, "build", "--quiet", "-o", "out"],
        cwd=folder,
        env={**os.environ, "CI": "1", "STORYBOOK_DISABLE_TELEMETRY": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return folder / "out"


def test_a_built_book_is_read(book: Path, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        path = book / asked.path.lstrip("/")
        return (200, path.read_bytes()) if path.is_file() else (404, {"message": "no"})

    with serving(tmp_path, answer, contract="storybook") as served:
        storybook = Storybook(served.api, FakeClock())
        assert [ref.key for ref in storybook.search("")] == ["Forms/Button", "Gate"]
        (ref,) = storybook.search("forms")
        item = storybook.fetch(ref)
        assert item is not None
        assert item.body.splitlines() == [
            "- Primary (story): ./src/Button.stories.js",
            "- In A Hurry (story): ./src/Button.stories.js",
        ]
        assert storybook.owns(str(item.url)) == ref
        assert storybook.fetch(Ref("storybook", "component", "Gone")) is None
