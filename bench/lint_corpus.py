"""Hints and questions on the shipped corpus: precision, recall, splitting inputs, time.

Run `python bench/lint_corpus.py`. The corpus lies in tests/fixtures/intent; its specs and planted
defects were written by the authors of the rules, so expect less on other people's specs. Held-out
specs were written after the rules and are never used to tune them. The fifteen specs k-* were
written as a held-out set of 44 labelled defects; measured before any rule changed they gave
precision .67 and recall .75 (.86 and .82 with eight true findings that the labels had missed), and
are tuned on since. The five specs m-* were written after that.
"""

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.intent.corpus import Entry, entries, run, score

from unlit.intent.ask import ask
from unlit.intent.rules.divergence import Reading
from unlit.intent.rules.examples import Input, Observed


def show(name: str, rows: Sequence[Entry]) -> None:
    found = score(rows)
    print(
        f"{name:34} {len(rows):3} specs, {found.planted:3} planted, {found.found:3} found, "
        f"{found.extra:2} extra: precision {found.precision:.3f}, recall {found.recall:.3f}"
    )


async def questions(entry: Entry, inputs: int) -> int:
    programs = {program.stem: program for program in entry.programs}

    async def runner(reading: Reading, wanted: Sequence[Input]) -> Mapping[Input, Observed]:
        found = {}
        for made in wanted:
            ran = run(programs[reading.name], made.args)
            found[made] = Observed(ran.exit_code, ran.stdout)
        return found

    readings = [Reading(name, "first" if int(name) <= 3 else "second") for name in programs]
    asked = await ask(entry.text, entry.name, readings, runner, inputs=inputs)
    return len(asked.questions)


def main() -> None:
    rows = list(entries())
    defective = [row for row in rows if row.defects]
    print(f"corpus: {len(rows)} specs, {len(defective)} with planted defects")
    show("hints, specs the rules were tuned on", [r for r in rows if not r.held_out])
    show("hints, held-out specs", [r for r in rows if r.held_out])
    for inputs in (60, 120, 400):
        start = time.perf_counter()
        ambiguous = [asyncio.run(questions(r, inputs)) for r in rows if r.ambiguous]
        sound = [asyncio.run(questions(r, inputs)) for r in rows if r.ambiguous is False]
        found = sum(n > 0 for n in ambiguous)
        print(
            f"questions, {inputs:3} inputs: splitting input found in {found} of {len(ambiguous)} "
            f"ambiguous specs ({found / len(ambiguous):.0%}); {sum(sound)} questions on "
            f"{len(sound)} sound specs; {time.perf_counter() - start:.1f} s"
        )


if __name__ == "__main__":
    main()
