"""Mutants a second of `unlit scenarios strength` on a small command-line program (target: 7/s).

The program is `ledger.py` below, with nine scenarios in the real fence. Where universalmutator
is installed (`mutate`), the same program is mutated and run by it in the same run, for the ratio.
Then the built-in product, access-review, with N mutants: `python bench/evaluation_strength.py [N]`.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from unlit.core.system import SystemClock
from unlit.evaluation.adapters.fences import FencePool, ProductFence
from unlit.evaluation.fakes import FakeWorlds
from unlit.evaluation.registry import driver
from unlit.evaluation.stage import Launch
from unlit.evaluation.strength.battery import Plan, measure
from unlit.evaluation.trajectory import Setting
from unlit.evaluation.vault import load_vault
from unlit.fence import FenceHost
from unlit.policy import AuditLog, Identity, parse_policy

PROGRAM = """
import sys

RATES = {"eur": 1.0, "usd": 1.1, "gbp": 0.85}

def parse(text):
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        parts = line.split()
        if len(parts) != 3:
            raise ValueError(f"line {number}: three words are needed")
        name, amount, currency = parts
        if currency not in RATES:
            raise ValueError(f"line {number}: no such currency {currency}")
        entries.append((name, float(amount), currency))
    return entries

def total(entries, currency):
    return sum(amount / RATES[own] * RATES[currency] for _, amount, own in entries)

def largest(entries):
    best = None
    for entry in entries:
        value = entry[1] / RATES[entry[2]]
        if best is None or value > best[1] / RATES[best[2]]:
            best = entry
    return best

def fee(amount):
    if amount <= 0:
        return 0
    if amount < 100:
        return 1
    if amount < 1000:
        return round(amount * 0.02, 2)
    return 25

def main(argv):
    if not argv:
        print("usage: ledger COMMAND", file=sys.stderr)
        return 2
    try:
        entries = parse(sys.stdin.read())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 3
    if argv[0] == "total":
        currency = argv[1] if len(argv) > 1 else "eur"
        print(f"{total(entries, currency):.2f}")
    elif argv[0] == "largest":
        found = largest(entries)
        print(found[0] if found else "none")
    elif argv[0] == "fees":
        for name, amount, _ in entries:
            print(name, fee(amount))
    else:
        return 2
    return 0

sys.exit(main(sys.argv[1:]))
"""
CASES: tuple[tuple[list[str], str, int, str], ...] = (
    (["total"], "a 10 eur\nb 11 usd\n", 0, "20.00"),
    (["total", "usd"], "a 10 eur\n# c\n\nb 11 usd\n", 0, "22.00"),
    (["total"], "a 10\n", 3, ""),
    (["total"], "a 10 xyz\n", 3, ""),
    (["largest"], "a 10 gbp\nb 11 usd\nc 9 eur\n", 0, "a"),
    (["largest"], "", 0, "none"),
    (["fees"], "a 0 eur\nb 50 eur\nc 100 eur\nd 999 eur\ne 1000 eur\n", 0,
     "a 0\\nb 1\\nc 2.0\\nd 19.98\\ne 25"),
    (["other"], "", 2, ""),
    ([], "", 2, ""),
)  # fmt: skip


def scenarios(folder: Path) -> None:
    for number, (argv, stdin, code, out) in enumerate(CASES):
        (folder / f"{number}.yaml").write_text(
            f"id: case-{number}\nstory: s\ncriterion: [AC-1]\npartition: validation\n"
            "oracle: contract\nauthor: {by: person}\nowner: o\nbecause: b\n"
            f"when: [{{cli: {{run: {argv}, stdin: {stdin!r}}}}}]\n".replace("'", '"')
            + f'then: [{{exit: {code}}}, {{stdout: "{out}"}}]\n'
        )


async def ours(folder: Path) -> tuple[float, str]:
    (folder / "product").mkdir()
    (folder / "product" / "ledger.py").write_text(PROGRAM)
    (folder / "vault").mkdir()
    scenarios(folder / "vault")
    vault = load_vault(folder / "vault")
    vault.refuse_errors()
    audit = AuditLog.open(folder / "audit", {}, SystemClock())
    host = await FenceHost.start(folder / "state", audit)
    identity = Identity("r", "s", "a", "product")
    pool = FencePool(host, ProductFence(parse_policy("version = 1\n"), identity), "", {})
    setting = Setting(
        FakeWorlds(), Launch("cli", ("/usr/bin/python3", "ledger.py")), SystemClock(), driver
    )
    try:
        report = await measure(Plan(folder / "product", vault.scenarios, setting, pool, 1))
    finally:
        await host.close()
        audit.close()
    return report.sampled / report.seconds, (
        f"{report.sampled} of {report.reachable} reachable mutants, {report.runs} scenario runs, "
        f"{report.seconds:.1f} s; {report.strength.sentence}"
    )


def universal(folder: Path) -> float | None:
    """Mutants a second of universalmutator over the same cases, one after the other."""
    tool = shutil.which("mutate")
    if tool is None:
        return None
    work = folder / "universal"
    work.mkdir()
    (work / "ledger.py").write_text(PROGRAM)
    subprocess.run([tool, "ledger.py", "--noCheck"], cwd=work, capture_output=True, check=False)
    mutants = sorted(work.glob("ledger.mutant.*.py"))[:40]
    started = time.perf_counter()
    for mutant in mutants:
        for argv, stdin, code, out in CASES:
            done = subprocess.run([sys.executable, str(mutant), *argv], input=stdin, text=True,
                                  capture_output=True, check=False)  # fmt: skip
            if (done.returncode, done.stdout.strip()) != (code, out.replace("\\n", "\n")):
                break
    return len(mutants) / (time.perf_counter() - started) if mutants else None


def access_review(mutants: int) -> str:
    """Return the rate on the built-in product, whose nine scenarios call six services."""
    source = Path(__file__).parents[1] / "src" / "unlit" / "wiring" / "demo_product"
    with tempfile.TemporaryDirectory() as name:
        candidate = Path(name) / "candidate"
        shutil.copytree(source / "base", candidate)
        shutil.copytree(source / "candidates" / "3", candidate, dirs_exist_ok=True)
        vault = Path(name) / "vault"
        shutil.copytree(source / "vault", vault)
        command = [
            sys.executable, "-m", "unlit", "scenarios", "strength", "--spec",
            str(candidate / "specs" / "access-review.md"), "--candidate", str(candidate),
            "--vault", str(vault), "--mutants", str(mutants), "--json",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        return f"access-review: not exercised: {done.stderr.strip()[:200]}"
    found = json.loads(done.stdout)
    return (
        f"access-review: {found['sampled'] / found['killing_s']:.2f} mutants/s, "
        f"{found['sampled'] / found['seconds']:.2f} with baseline and stubs: {found['sampled']} of "
        f"{found['reachable']} reachable, {found['runs']} "
        f"scenario runs in {found['seconds']:.0f} s; {found['strength']['sentence']}"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        rate, words = asyncio.run(ours(Path(name)))
        print(f"ledger.py: {rate:.1f} mutants/s (target 7): {words}")
        other = universal(Path(name))
        if other is None:
            print("universalmutator: not exercised, `mutate` is not installed")
        else:
            print(
                f"universalmutator, outside of any fence: {other:.1f}/s, ratio {rate / other:.2f}"
            )
    print(access_review(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
    sys.exit(0)


if __name__ == "__main__":
    main()
