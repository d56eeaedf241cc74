"""A result as an Inspect log (`.eval`): a plain zip that inspect-ai reads back."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_VERSION: Final = 2
_EPOCH_TIME: Final = (2026, 1, 1, 0, 0, 0)
_SCORES: Final = {"satisfied": "C", "not_satisfied": "I", "harness_fault": "N"}


def write_eval_log(result: Mapping[str, Any], path: Path, *, created: str | None = None) -> None:
    """Write an `unlit.evaluation/1` document as an Inspect log.

    A sample is a scenario, an epoch one of its trajectories; the target is the word `satisfied`.
    A scenario's content is not in the result, so it is not in the log either.

    Args:
        result: The document.
        path: Where to write; replaced whole.
        created: Time of the grading, ISO 8601; the log's format demands one.
    """
    when = created or "2026-01-01T00:00:00+00:00"
    samples = _samples(result, when)
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "_journal/start.json", {"version": _VERSION, **_start(result, when)})
        for sample in samples:
            name = f"samples/{sample['id']}_epoch_{sample['epoch']}.json"
            _put(archive, name, sample)
        _put(archive, "summaries.json", [_summary(sample) for sample in samples])
        _put(archive, "header.json", _header(result, samples, when))
    partial.replace(path)


def _put(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, json.dumps(value, ensure_ascii=False))


def _start(result: Mapping[str, Any], when: str) -> dict[str, Any]:
    names = sorted({entry["scenario"] for entry in result["trajectories"]})
    runs = [entry["scenario"] for entry in result["trajectories"]]
    return {
        "eval": {
            "eval_id": _id(result, "eval"),
            "run_id": _id(result, "run"),
            "created": when,
            "task": f"unlit-{result.get('partition') or 'scenarios'}",
            "task_id": _id(result, "task"),
            "task_version": 1,
            "task_args": {},
            "dataset": {
                "name": "vault",
                "samples": len(names),
                "sample_ids": names,
                "shuffled": True,
            },
            "model": "unlit/candidate",
            "model_args": {},
            "config": {"epochs": max((runs.count(name) for name in names), default=1)},
            "packages": {},
            "metadata": {
                "tree": result.get("tree"),
                "vault_digest": result.get("vault_digest"),
                "verdict": result["verdict"],
            },
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
    }


def _id(result: Mapping[str, Any], kind: str) -> str:
    digest = str(result.get("vault_digest") or result.get("tree") or "none").rpartition(":")[2]
    return f"{kind}-{digest[:16]}-{result.get('seed')}"


def _samples(result: Mapping[str, Any], when: str) -> list[dict[str, Any]]:
    epochs: dict[str, int] = {}
    samples = []
    for entry in result["trajectories"]:
        name = entry["scenario"]
        epochs[name] = epochs.get(name, 0) + 1
        sample: dict[str, Any] = {
            "id": name,
            "epoch": epochs[name],
            "input": f"scenario {name}, seed {entry['seed']}",
            "target": "satisfied",
            "uuid": f"{name}-{entry['n']}",
            "started_at": when,
            "completed_at": when,
            "total_time": entry.get("duration_s") or 0,
            "messages": [],
            "output": {"model": "unlit/candidate", "choices": [], "completion": entry["state"]},
            "scores": {},
            "metadata": {
                "criteria": entry["criteria"],
                "reasons": entry["reasons"],
                "seed": entry["seed"],
                "state": entry["state"],
            },
            "store": {},
            "events": [],
            "model_usage": {},
            "attachments": {},
        }
        if entry["state"] in _SCORES:
            sample["scores"] = {
                "satisfied": {
                    "value": _SCORES[entry["state"]],
                    "answer": entry["state"],
                    "explanation": ", ".join(entry["reasons"]) or None,
                }
            }
        samples.append(sample)
    return samples


def _summary(sample: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("id", "epoch", "input", "target", "scores", "metadata", "uuid", "model_usage")
    return {key: sample[key] for key in kept} | {"completed": True}


def _header(result: Mapping[str, Any], samples: list[dict[str, Any]], when: str) -> dict[str, Any]:
    found = result["satisfaction"]
    metrics = {
        name: {"name": name, "value": found[key], "params": {}, "metadata": {}}
        for name, key in (("accuracy", "estimate"), ("lower", "lower"), ("upper", "upper"))
        if found[key] is not None
    }
    return {
        "version": _VERSION,
        "status": "success",
        **_start(result, when),
        "results": {
            "total_samples": len(samples),
            "completed_samples": len(samples),
            "scores": [
                {
                    "name": "satisfied",
                    "scorer": "satisfied",
                    "params": {},
                    "metrics": metrics,
                    "metadata": {"method": found["method"]},
                }
            ],
        },
        "stats": {"started_at": when, "completed_at": when, "model_usage": {}},
    }
