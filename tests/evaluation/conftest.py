"""What the tests of evaluation share: a small product and scenarios about it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from unlit.evaluation.scenarios.model import Scenario
from unlit.evaluation.scenarios.parse import parse_scenario

HEAD = """\
id: {name}
story: s
criterion: [AC-1]
partition: validation
oracle: contract
author: {{by: person}}
owner: o
because: b
"""

PRODUCT = """\
case "$1" in
  greet) echo "hello $2"; [ "$2" != nobody ] || { echo "who?" >&2; exit 3; } ;;
  write) printf %s "$3" > "$2" ;;
  read) cat "$2" ;;
  hang) sleep 60 ;;
  leak) echo "$SLACK_TOKEN" ;;
  count) n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n; echo $n ;;
  *) exit 2 ;;
esac
"""


@pytest.fixture
def candidate(tmp_path: Path) -> Path:
    folder = tmp_path / "candidate"
    folder.mkdir()
    (folder / "product.sh").write_text(PRODUCT, encoding="utf-8")
    return folder


@pytest.fixture
def make() -> Callable[..., Scenario]:
    def build(body: str, name: str = "one") -> Scenario:
        result = parse_scenario(HEAD.format(name=name) + body, f"{name}.yaml")
        assert isinstance(result, Scenario), result
        return result

    return build
