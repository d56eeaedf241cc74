"""Time of one policy decision, over a policy of 22 rules; the target is 100 µs."""

import json
import statistics
import sys
import time

from unlit.policy import Request, decide, parse_policy
from unlit.policy.rules.diff import diff

ROUNDS = 50_000


def text(more: str = "") -> str:
    rules = "version = 1\n"
    for number in range(20):
        rules += (
            f'[[allow]]\nrole = "coder"\nhost = "h{number}.example.com"\n'
            f'methods = ["GET", "POST"]\n'
            f'paths = ["/v1/a{number}/*", "/v1/b{number}/**"]\n'
        )
    rules += '[[forbid]]\nhost = "*.example.com"\npaths = ["/v1/*/admin/**"]\n'
    return rules + '[[allow]]\nrole = "product"\nhost = "*.okta.test"\ntwin = "okta"\n' + more


def measured(policy_text: str, requests: list[Request]) -> dict[str, float]:
    policy = parse_policy(policy_text)
    took = []
    for _ in range(ROUNDS // len(requests)):
        for request in requests:
            started = time.perf_counter_ns()
            decide(policy, request)
            took.append(time.perf_counter_ns() - started)
    took.sort()
    return {
        "median_us": statistics.median(took) / 1000,
        "p99_us": took[int(len(took) * 0.99)] / 1000,
    }


def main() -> None:
    requests = [
        Request("coder", "https", f"h{n}.example.com", 443, "POST", f"/v1/b{n}/x/y")
        for n in range(20)
    ]
    denied = [Request("coder", "https", f"x{n}.example.com", 443, "GET", "/") for n in range(20)]
    before = parse_policy(text())
    after = parse_policy(text().replace("/v1/a3/*", "/v1/a3/**"))
    started = time.perf_counter()
    changed = diff(before, after)
    diff_ms = (time.perf_counter() - started) * 1000
    result = {
        "allowed": measured(text(), requests),
        "denied": measured(text(), denied),
        "diff_ms": diff_ms,
        "diff_changes": len(changed.changes),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
