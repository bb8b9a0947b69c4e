"""`python -m tests.fuzz N`: N inputs in all, a table of what they did. Status 1 with findings."""

import argparse
import contextlib
import gc
import sys
import time
import traceback
import warnings

from tests.fuzz.files import FILES, clear
from tests.fuzz.targets import PARSERS, Target

TARGETS = (*PARSERS, *FILES)
MOST_S = 2.0
"""Processor time; the clock on the wall goes on while others compute."""


def feed(target: Target, count: int, seed: int) -> tuple[float, list[str]]:
    """Feeds `count` inputs; returns the longest time one took, in seconds, and what was found."""
    slowest, found = 0.0, dict[str, str]()
    with contextlib.suppress(Exception):  # found below, where it comes again
        target.try_one(seed)  # loads the library that reads it, which takes seconds of its own
    for number in range(seed, seed + count):
        began = time.process_time()
        try:
            target.try_one(number)
        except Exception as error:  # noqa: BLE001 - whatever was not promised is a finding
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} in {where.filename}:{where.lineno}"
            found.setdefault(place, f"seed {number}: {place}: {str(error)[:200]}")
        spent = time.process_time() - began
        if spent > MOST_S:
            found.setdefault("slow", f"seed {number}: took {spent:.1f} s")
        slowest = max(slowest, spent)
    return slowest, list(found.values())


def main() -> int:
    """Runs the targets one after the other."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("inputs", type=int)
    parser.add_argument("--only", default="", help="targets whose name holds this")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    targets = [target for target in TARGETS if args.only in target.name]
    whole = sum(target.share for target in targets)
    print(f"{'parser':<32}{'inputs':>9}{'CPU s':>8}{'slowest ms':>12}  findings", flush=True)
    total, everything = 0, list[str]()
    for target in targets:
        count = max(1, round(args.inputs * target.share / whole))
        began = time.process_time()
        slowest, found = feed(target, count, args.seed)
        spent = time.process_time() - began
        line = f"{target.name:<32}{count:>9}{spent:>8.1f}{slowest * 1000:>12.0f}  {len(found)}"
        print(line, *found, sep="\n    ", flush=True)
        total, everything = total + count, everything + found
        gc.collect()
    print(f"{total} inputs, {len(everything)} findings", flush=True)
    clear()
    return 1 if everything else 0


if __name__ == "__main__":
    sys.exit(main())
