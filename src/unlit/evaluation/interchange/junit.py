"""A result as JUnit XML, one test case for each trajectory; ids and labels only."""

from collections import Counter
from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring


def junit_xml(result: Mapping[str, Any]) -> str:
    """Return the JUnit form of an `unlit.evaluation/1` document.

    `not_satisfied` is a failure, `harness_fault` an error, `not_exercised` skipped; the verdict
    and the satisfaction rate are properties of the suite, since JUnit has no word for them.
    """
    trajectories = result["trajectories"]
    states = Counter(str(entry["state"]) for entry in trajectories)
    suites = Element("testsuites")
    suite = SubElement(
        suites,
        "testsuite",
        {
            "name": f"unlit {result.get('partition') or ''}".strip(),
            "tests": str(len(trajectories)),
            "failures": str(states["not_satisfied"]),
            "errors": str(states["harness_fault"]),
            "skipped": str(states["not_exercised"]),
            "time": f"{sum(entry.get('duration_s') or 0 for entry in trajectories):.3f}",
        },
    )
    _properties(suite, result)
    for entry in trajectories:
        _case(suite, entry)
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode") + "\n"


def _properties(suite: Element, result: Mapping[str, Any]) -> None:
    found = result["satisfaction"]
    properties = SubElement(suite, "properties")
    values = {
        "unlit.verdict": result["verdict"],
        "unlit.tree": result.get("tree"),
        "unlit.satisfaction.estimate": found["estimate"],
        "unlit.satisfaction.lower": found["lower"],
        "unlit.satisfaction.upper": found["upper"],
        "unlit.claim_a": found["claim_a"]["sentence"],
        "unlit.claim_b": found["claim_b"]["sentence"],
    }
    for name, value in values.items():
        if value is not None:
            SubElement(properties, "property", {"name": name, "value": _clean(str(value))})


def _case(suite: Element, entry: Mapping[str, Any]) -> None:
    case = SubElement(
        suite,
        "testcase",
        {
            "classname": ".".join(entry["criteria"]) or "unlit",
            "name": f"{entry['scenario']} #{entry['n']} seed {entry['seed']}",
            "time": f"{entry.get('duration_s') or 0:.3f}",
        },
    )
    labels = _clean(", ".join(entry["reasons"])) or str(entry["state"])
    kind = {"not_satisfied": "failure", "harness_fault": "error", "not_exercised": "skipped"}
    if entry["state"] in kind:
        detail = SubElement(case, kind[entry["state"]], {"message": labels})
        if entry.get("replay"):
            detail.text = _clean(f"replay: {entry['replay']}")


def _clean(text: str) -> str:
    """Drop what XML cannot hold."""
    return "".join(char for char in text if char in "\t\n" or char >= " ")
