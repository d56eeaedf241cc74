"""Cold start of `unlit --help` against the floor of `python -c pass`, in the same run."""

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def seconds(argv: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    floor_argv = [sys.executable, "-c", "pass"]
    help_argv = [sys.executable, "-m", "unlit", "--help"]
    floor, ours = [], []
    for _ in range(ROUNDS):
        floor.append(seconds(floor_argv))
        ours.append(seconds(help_argv))
    low, high = statistics.median(floor), statistics.median(ours)
    print(f"python -c pass   median {low * 1000:6.1f} ms  max {max(floor) * 1000:6.1f} ms")
    print(f"unlit --help     median {high * 1000:6.1f} ms  max {max(ours) * 1000:6.1f} ms")
    print(f"ratio            {high / low:.2f}")


if __name__ == "__main__":
    main()
