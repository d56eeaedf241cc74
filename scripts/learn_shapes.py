"""Learn Okta's shapes of answers from recordings and contract: keys, nulls, constants, links.

Run: ``uv run python scripts/learn_shapes.py FOLDER [--write]``, where FOLDER holds
``open/okta.interaction.jsonl`` and ``contracts/okta/*.yaml``. Only texts that stand in the vendor's
contract may stay constants, so that no id, name or value of a recording gets into the table.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from unlit.twins.fidelity.learn import Learner
from unlit.twins.kit.contract import Contract

PACKAGE = "unlit.twins.services.okta"
STORED = Path("src/unlit/twins/services/okta/shapes.json")
DOCUMENTS = ("management", "oauth", "governance")
BY = {
    "/api/v1/apps": "signOnMode",
    "/api/v1/idps": "type",
    "/api/v1/policies": "type",
    "/api/v1/policies/{policyId}/rules": "type",
}
# derived by hand in services/okta/apps.py
SKIP = {"/api/v1/apps": ("_links", "name", "orn", "signOnMode", "universalLogout")}
LONGEST = 60


def words(value: Any) -> Iterator[str]:
    """Yield the keys and short texts of a document."""
    if isinstance(value, str) and len(value) < LONGEST:
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from words(inner)


def learnt(folder: Path, date: str) -> str:
    """Return the table as it is stored."""
    known: set[str] = set()
    for name in DOCUMENTS:
        text = (folder / f"contracts/okta/{name}-minimal.yaml").read_text(encoding="utf-8")
        known.update(words(yaml.load(text, yaml.CSafeLoader)))  # a safe loader
    contract = Contract.load(PACKAGE)
    learner = Learner(contract, frozenset(known), BY, SKIP)
    with (folder / "open/okta.interaction.jsonl").open(encoding="utf-8") as lines:
        learner.see(json.loads(line) for line in lines)
    source = (
        "okta-sdk-python and terraform-provider-okta test recordings (Apache-2.0, MPL-2.0); "
        f"contract {contract.source}"
    )
    table = learner.document(source, date)
    kinds = ",\n".join(_line(name, shape) for name, shape in table["kinds"].items())
    heads = [_line(k, v) for k, v in table.items() if k != "kinds"]
    return "{\n" + ",\n".join([*heads, '"kinds":{\n' + kinds + "\n}"]) + "\n}\n"


def _line(name: str, value: Any) -> str:
    return f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}"


def main() -> int:
    """Learn, and compare with what is stored or write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--date", help="that of the stored table by default")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    stored = STORED.read_text(encoding="utf-8")
    found = learnt(options.folder, options.date or json.loads(stored)["date"])
    if options.write:
        STORED.write_text(found, encoding="utf-8")
    same = found == stored
    print("the stored table is what is learnt" if same else "the stored table differs")
    return 0 if same or options.write else 1


if __name__ == "__main__":
    sys.exit(main())
