"""How many planted faults the tests catch: ``python -m tests.mutations [--tier default|all] [NAME ...]``."""

import argparse
import hashlib
import json
import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from tests.mutations.faults import ROOT, FaultError, chosen, problems, read_faults
from tests.mutations.tree import Tree
from tests.mutations.trial import TIERS, Interrupted, Pytest, Result, tried


def main(words):
    """Run the command; return its exit status, 1 where a fault was missed."""
    asked = _parser().parse_args(words)
    faults = read_faults()
    if found := problems(faults):
        print(*found, sep="\n", file=sys.stderr)
        return 1
    try:
        wanted = chosen(faults, asked.names)
    except FaultError as error:
        print(error, file=sys.stderr)
        return 2
    if asked.check or asked.list:
        print(*(f"{fault.name}: {fault.why} ({fault.file})" for fault in wanted if asked.list), sep="\n", end="")
        print(f"{len(faults)} faults, each on a line that occurs once")
        return 0
    file = asked.results or ROOT / "build" / f"mutations.{asked.tier}.json"
    known = {} if asked.again else _known(file)
    left = [fault for fault in wanted if not _is_known(fault, known, asked)]
    whole = _run(left, known, file, asked)
    return _report(wanted, known) or int(not whole)


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="faults to try; all by default")
    parser.add_argument("--tier", choices=TIERS, default="default", help="tests that may catch them")
    parser.add_argument("--check", action="store_true", help="only check that every fault fits the code")
    parser.add_argument("--list", action="store_true", help="only list the faults")
    parser.add_argument("--targeted", action="store_true", help="only run the tests that a fault names")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument("--processes", type=int, default=2, help="faults at a time")
    parser.add_argument("--results", type=Path, help="JSON file of results; build/mutations.TIER.json by default")
    return parser


def _run(faults, known, file, asked):
    """Try the faults; keep each result as it comes. Return False where the user stopped it."""
    pytest = Pytest()
    with tempfile.TemporaryDirectory(prefix="mutations-", ignore_cleanup_errors=True) as folder:
        trees = SimpleQueue()
        for number in range(min(asked.processes, len(faults))):
            trees.put(Tree(ROOT, Path(folder) / str(number)))

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
                    fault, result = coming[ended], ended.result()
                    known[fault.name] = {"digest": _digest(fault), **result.as_json()}
                    _keep(known, file)
                    print(_line(fault, result), flush=True)
            except (KeyboardInterrupt, Interrupted):
                return False
            finally:
                pytest.stop()
                for other in coming:
                    other.cancel()
    return True


def _report(wanted, known):
    """Print what came of all faults; return 1 where one was missed."""
    results = {
        fault: Result(**{key: value for key, value in known[fault.name].items() if key != "digest"})
        for fault in wanted
        if fault.name in known
    }
    print()
    for fault, result in results.items():
        print(_line(fault, result))
    caught = sum(result.outcome == "caught" for result in results.values())
    print(f"\n{caught} of {len(results)} faults are caught; {len(wanted) - len(results)} were not tried")
    return int(caught < len(results))


def _line(fault, result):
    return f"{result.outcome:8} {result.seconds:7.1f} s  {fault.name:40} {result.test}".rstrip()


def _is_known(fault, known, asked):
    """Return whether an earlier result holds: the fault is the same, and it was missed by all tests asked for now."""
    found = known.get(fault.name)
    if found is None or found["digest"] != _digest(fault):
        return False
    return found["outcome"] == "caught" or found["stage"] == "tier" or asked.targeted


def _digest(fault):
    return hashlib.sha256(repr(fault).encode()).hexdigest()[:16]


def _known(file):
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _keep(known, file):
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
    draft.replace(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
