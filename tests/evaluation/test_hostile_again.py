# ruff: noqa: E501 # programs in strings
"""New variants of old tricks, in the real fence, each with its documented outcome.

| trick | outcome |
| --- | --- |
| leaves `sitecustomize.py`, a `.pth`, a `.profile`, a `tar` and an `ld.so.preload` for the next run | the next run is fresh: satisfied by its own answer alone |
| writes a forged result to every open descriptor, its parents' too | only output; not satisfied |
| looks for vault, canary and evaluator in every process it sees | finds none of them |
| stops and kills every process it may | reaches none but its own; satisfied by its own answer, the next run is well |
| a daemon keeps the output open | satisfied or cut at the step's time; never a fault of ours |
| folders 3,000 deep | no fault of ours; not satisfied |
| file names that are no text, hold line ends, or are modes nobody may read | no fault of ours; not satisfied |
| half a character pair or a NUL in its JSON, to be used in the next step | no fault of ours; not satisfied |
| links in a circle, a link named like an output to a device | not followed; not satisfied |
| ends by a signal with a core dump | not satisfied |
| raises its own limits, remounts, makes a namespace of its own | refused or its own; not satisfied |
| a table of answers by length and first letter | fresh values are not in it; not satisfied |
"""

from pathlib import Path
from typing import Any

import pytest
from tests.evaluation.test_hostile_more import graded, states

from unlit.evaluation.model import EvaluationRequest, EvaluationResult, Product

pytestmark = [pytest.mark.fence]

TRICKS = r"""
case "$1" in
  honest) echo "hello $2" ;;
  stay) for f in /work/sitecustomize.py ~/.profile ~/.local/lib/python3.11/site-packages/a.pth /work/tar /tmp/tar /var/tmp/x /dev/shm/x /etc/ld.so.preload; do
          [ -e $f ] && { echo "still here: $f"; exit 0; }
          mkdir -p ${f%/*} 2>/dev/null; printf '#!/bin/sh\necho hello\n' > $f 2>/dev/null; chmod +x $f 2>/dev/null; done
        echo "hello $2" ;;
  forge) for p in /proc/[0-9]*; do for f in $p/fd/*; do echo '{"result": {"verdict": "ship"}}' > $f; done; done 2>/dev/null
         echo '{"result": {"verdict": "ship"}}' >&1; echo '{"result": {"verdict": "ship"}}' >&3; exit 0 ;;
  look) seen=$(cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ /proc/[0-9]*/maps /proc/self/mountinfo 2>/dev/null | tr '\0' '\n')
        echo "$seen" | grep -E '__VAULT__|__STORE__|unlit-canary|trajectories' | head -5; echo "found nothing" ;;
  kill) kill -STOP -1; kill -9 -1; echo "hello $2" ;;
  daemon) (trap '' TERM HUP; exec sleep 300) & echo "hello $2" ;;
  deep) python3 - <<'END'
import os
for n in range(3000):
    os.mkdir("d"); os.chdir("d")
open("f", "w").write("x")
END
     echo "hello $2" ;;
  names) python3 - <<'END'
import os
for name in (b"\xff\xfe", b"a\nb", b"\x1b[2J", b"x" * 255, b"-rf", b"out.txt"):
    open(name, "w").write("hello"); os.chmod(name, 0)
os.mkdir("shut"); open("shut/in", "w").write("x"); os.chmod("shut", 0)
END
     echo "bye $2" ;;
  half) printf '{"a": "\\ud800", "b": "\\u0000", "c": {"\\udfff": ["\\ud83d"]}}\n' ;;
  links) ln -s b a; ln -s a b; ln -s . here; ln -s /dev/zero out.txt; ln -s /proc/self/environ env.txt; echo "hello $2" ;;
  core) ulimit -c unlimited; kill -SEGV $$ ;;
  rights) ulimit -u 100000; ulimit -n 1000000; mount -o remount,rw / ; unshare -Ur sh -c 'mount -t tmpfs x /usr && id' ; sysctl -w kernel.core_pattern='|/bin/sh' ; echo "bye $2" ;;
  table) case "$2" in A?|A??|B??) echo "hello $2" ;; *) echo "hello Ann" ;; esac ;;
esac
"""
FILES = 'then: [{exit: 0}, {file: {out.txt: hello}}, {stdout: "hello {who}"}]'
HALF = """\
when:
  - cli: {run: [half], capture: {a: a, c: c}}
  - cli: {run: ["{a}", "{c}"], stdin: "{a}"}
  - cli: {run: [half], capture: {b: b}}
  - cli: {run: ["{b}"]}
then: [{exit: 0}]
"""
CHECKS = {"deep": FILES, "names": FILES, "links": FILES,
          "look": "then: [{exit: 0}, {stdout: found nothing}]"}  # fmt: skip
WANTED = {
    "honest": "satisfied", "stay": "satisfied", "forge": "not_satisfied", "look": "satisfied",
    "kill": "satisfied", "deep": "not_satisfied", "names": "not_satisfied",
    "links": "not_satisfied", "core": "not_satisfied", "rights": "not_satisfied",
    "table": "not_satisfied", "half": "not_satisfied",
}  # fmt: skip


@pytest.fixture(scope="module")
def again(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[EvaluationResult, dict[str, Any], EvaluationRequest]:
    who = "{choice: [Ludmila, Wenceslas, Theodora]}"
    scenarios = {
        name: f"vary: {{who: {who}}}\n"
        f'when: [{{cli: {{run: [{name}, "{{who}}"], timeout_s: 20}}}}]\n'
        + CHECKS.get(name, 'then: [{exit: 0}, {stdout: "hello {who}"}]')
        for name in (*WANTED, "daemon")
    } | {"half": HALF}
    folder: Path = tmp_path_factory.mktemp("again")
    return graded(folder, {"product.sh": TRICKS}, scenarios, Product(run="sh product.sh"))


def test_every_variant_has_its_outcome(
    again: tuple[EvaluationResult, dict[str, Any], EvaluationRequest],
) -> None:
    result, kept, _ = again
    found = states(result)
    assert found.pop("daemon") <= {"satisfied", "not_satisfied"}
    assert found == {name: {state} for name, state in WANTED.items()}, kept["look"]["steps"]


def test_none_of_them_is_a_fault_of_ours(
    again: tuple[EvaluationResult, dict[str, Any], EvaluationRequest],
) -> None:
    result, _, _ = again
    tried = {str(record.scenario): record.attempts for record in result.trajectories}
    assert {name for name, attempts in tried.items() if attempts > 1} == set()
    assert result.verdict != "ship"
