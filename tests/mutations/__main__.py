"""How many planted faults the tests catch: ``python -m tests.mutations [--tier default|all] [NAME ...]``."""

import argparse
import hashlib
import json
import os
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

from tests.mutations.faults import FAULTS, ROOT, FaultError, chosen, problems, read_faults
from tests.mutations.tree import Tree, TreeError
from tests.mutations.trial import TIERS, Interrupted, Pytest, PytestError, Result, tried, unsound


def main(words, root=ROOT, faults_file=FAULTS):
    """Run the command; return its exit status, 1 where a fault was missed."""
    asked = _parser().parse_args(words)
    faults = read_faults(faults_file)
    if found := problems(faults, root):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    try:
        wanted = chosen(faults, asked.names)
    except FaultError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.list:
        print(*(f"{fault.name}: {fault.why} ({fault.file})" for fault in wanted), sep="\n")
    if asked.check or asked.list:
        print(f"{len(faults)} faults, each on a line that occurs once")
        return 0
    results = Results(asked.results or root / "build" / f"mutations.{asked.tier}.json")
    left = [fault for fault in wanted if asked.again or not results.holds(fault)]
    try:
        _run(left, results, root, asked)
    except TreeError as error:
        print(f"{error}; run this in a clone of the project", file=sys.stderr)
        return 2
    return _report(wanted, results)


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults to try; all by default")
    parser.add_argument("--tier", choices=TIERS, default="default", help="tests that may catch them")
    parser.add_argument("--check", action="store_true", help="only check that every fault fits the code")
    parser.add_argument("--list", action="store_true", help="only list the faults")
    parser.add_argument("--targeted", action="store_true", help="only run the tests that a fault names")
    parser.add_argument("--again", action="store_true", help="try them although there are results")
    parser.add_argument("--processes", type=int, default=2, help="faults at a time")
    parser.add_argument("--results", type=Path, help="JSON file of results; build/mutations.TIER.json by default")
    return parser


class Results:
    """Results by fault, in a JSON file that is written after each of them."""

    def __init__(self, file):
        self._file = file
        self._known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}

    def of(self, fault):
        """Return the result of this very fault, or None."""
        found = self._known.get(fault.name)
        if found is None or found["digest"] != _digest(fault):
            return None
        return Result(**{name: value for name, value in found.items() if name != "digest"})

    def holds(self, fault):
        """Return whether it is caught, or was missed by the whole tier."""
        found = self.of(fault)
        return found is not None and (found.outcome == "caught" or (found.outcome, found.stage) == ("missed", "tier"))

    def keep(self, fault, result):
        """Write a result down."""
        self._known[fault.name] = {"digest": _digest(fault), **result.as_json()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        draft.write_text(json.dumps(self._known, indent=1, sort_keys=True), encoding="utf-8")
        draft.replace(self._file)


def _run(faults, results, root, asked):
    """Try the faults, some at a time; what the user interrupts goes on with the next call."""
    if not faults:
        return
    pytest, trees, fresh = Pytest(), SimpleQueue(), []
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="mutations-", ignore_cleanup_errors=True) as folder:
        for number in range(min(asked.processes, len(faults))):
            trees.put(Tree(root, Path(folder) / str(number)))

        def one(fault):
            tree = trees.get()
            try:
                return tried(fault, tree, asked.tier, pytest, targeted_only=asked.targeted)
            finally:
                trees.put(tree)

        with ThreadPoolExecutor(asked.processes) as threads:
            coming = {threads.submit(one, fault): fault for fault in faults}
            try:
                for ended in as_completed(coming):
                    fresh += _heard(coming[ended], ended, results)
                _doubt(fresh, results, trees.get(), asked.tier, pytest)
            except KeyboardInterrupt:
                print("stopped; the same command goes on", file=sys.stderr)
            finally:
                pytest.stop()
                threads.shutdown(wait=False, cancel_futures=True)


def _heard(fault, ended, results):
    try:
        result = ended.result()
    except (PytestError, Interrupted) as error:
        print(f"{fault.name}: {error}", file=sys.stderr)
        return []
    results.keep(fault, result)
    print(_line(fault, result), flush=True)
    return [(fault, result)] if result.outcome == "caught" else []


def _doubt(caught, results, tree, tier, pytest):
    """Run the tests that caught faults once more, without a fault."""
    wrong = unsound([result.test for _, result in caught], tree, tier, pytest) if caught else set()
    for fault, result in caught:
        if result.test in wrong:
            results.keep(fault, replace(result, outcome="unsound"))


def _report(wanted, results):
    """Print what came of all faults; return 1 where one was not caught."""
    found = {fault: result for fault in wanted if (result := results.of(fault)) is not None}
    print()
    for fault, result in found.items():
        print(_line(fault, result))
    caught = sum(result.outcome == "caught" for result in found.values())
    print(f"\n{caught} of {len(found)} faults are caught; {len(wanted) - len(found)} were not tried")
    return int(caught < len(wanted))


def _line(fault, result):
    return f"{result.outcome:8} {result.seconds:7.1f} s  {fault.name:40} {result.test}".rstrip()


def _digest(fault):
    return hashlib.sha256(repr((fault.file, fault.old, fault.new)).encode()).hexdigest()[:16]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
