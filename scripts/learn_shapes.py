"""Learn Okta's shapes of answers from recordings and contract: keys, nulls, constants, links.

What nobody recorded is learnt from the contract's own examples, by keys and enumerated words alone.

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

from unlit.twins.fidelity import examples
from unlit.twins.fidelity.learn import Learner
from unlit.twins.kit.contract import Contract
from unlit.twins.kit.shapes import DROP, over

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
    documents = [
        yaml.load(  # a safe loader
            (folder / f"contracts/okta/{name}-minimal.yaml").read_text(encoding="utf-8"),
            yaml.CSafeLoader,
        )
        for name in DOCUMENTS
    ]
    known: set[str] = set()
    for document in documents:
        known.update(words(document))
    contract = Contract.load(PACKAGE)
    learner = Learner(contract, frozenset(known), BY, SKIP)
    with (folder / "open/okta.interaction.jsonl").open(encoding="utf-8") as lines:
        learner.see(json.loads(line) for line in lines)
    source = (
        "okta-sdk-python and terraform-provider-okta test recordings (Apache-2.0, MPL-2.0); "
        f"contract {contract.source}"
    )
    table = learner.document(source, date)
    table["kinds"] = with_promised(table["kinds"], promised(documents, contract))
    kinds = ",\n".join(_line(name, shape) for name, shape in table["kinds"].items())
    heads = [_line(k, v) for k, v in table.items() if k != "kinds"]
    return "{\n" + ",\n".join([*heads, '"kinds":{\n' + kinds + "\n}"]) + "\n}\n"


def promised(documents: list[Any], contract: Contract) -> dict[str, Any]:
    """Return the kinds that the contract's examples show."""
    learner = Learner(
        contract,
        frozenset().union(*(examples.words(document) for document in documents)),
        BY,
        SKIP,
        frozenset(),
    )
    for document in documents:
        learner.see(examples.interactions(document, contract))
    kinds: dict[str, Any] = learner.document("", "")["kinds"]
    for entry in kinds.values():
        entry["any"] = only_keys(entry["any"])
        entry["variants"] = {name: only_keys(one) for name, one in entry["variants"].items()}
    return kinds


def only_keys(shape: Any) -> Any:
    """Return the keys of a shape, and what its links and false flags are.

    What an example says of one thing (a status, a count, that something is on) is said of no other,
    and a key that it leaves out is not dropped.
    """
    if isinstance(shape, dict):
        return {
            key: without_dropped(inner) if key == "_links" else only_keys(inner)
            for key, inner in shape.items()
            if key != DROP
        }
    if isinstance(shape, list):
        return "$list"
    computed = isinstance(shape, str) and shape.startswith("$") and not shape.startswith("$const")
    return shape if computed or shape is False else "$null"


def without_dropped(shape: Any) -> Any:
    """Return links that drop no key; the contract's routes tell those that follow a status."""
    left_out = (DROP, "activate", "deactivate")
    if isinstance(shape, dict):
        return {key: without_dropped(inner) for key, inner in shape.items() if key not in left_out}
    return [without_dropped(inner) for inner in shape] if isinstance(shape, list) else shape


def with_promised(recorded: dict[str, Any], shown: dict[str, Any]) -> dict[str, Any]:
    """Return the recorded kinds, and of those in examples the kinds and variants not recorded."""
    out = dict(recorded)
    for name, entry in shown.items():
        have = recorded.get(name)
        if have is None:
            out[name] = {**entry, "links": {}, "statuses": {}, "promised": True}
        else:
            fresh = {word: over(have["any"], one) for word, one in entry["variants"].items()}
            out[name] = {
                **have,
                "variants": dict(sorted({**fresh, **have["variants"]}.items())),
                "asked": have["asked"] or entry["asked"],
            }
    return dict(sorted(out.items()))


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
