"""Run OpenRLHF's own functions on batches of ours, release by release, and write the numbers.

    python -m tools.peers.openrlhf 0.5.9 0.11.2     prints which releases agree and writes the recorded numbers

Each release is unpacked into a folder and run by a process of its own. What it runs is the release's: the command line
(``cli/train_ppo_ray.py`` parses and checks the options), the estimator of advantages, the whitening of the replay
buffer, the construction of the policy loss and the training step of the actor. The model's forward pass is replaced by
given log-probs, Ray, DeepSpeed and vLLM by empty modules; DeepSpeed's division by the accumulated micro-batches is
applied by hand.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tools.peers.openrlhf_cases import BATCHES, CASES
from tools.peers.spans import merge_equal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WRITTEN: Final = Path("tests/tricks/dialects/recorded/openrlhf.json")
TOLERANCE: Final = 2e-6  # the framework computes in float32


def unpack_release(release: str, folder: Path) -> Path:
    """Download a wheel without its dependencies and unpack its package.

    Returns the folder to put on the path.
    """
    wheels, target = folder / "wheels" / release, folder / "releases" / release
    if not target.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
        subprocess.run([*command, f"openrlhf=={release}"], check=True)
        with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
            for name in wheel.namelist():
                inside = name.partition("purelib/")[2] or name
                if inside.startswith("openrlhf/") and inside.endswith(".py"):
                    (target / inside).parent.mkdir(parents=True, exist_ok=True)
                    (target / inside).write_bytes(wheel.read(name))
    return target


def run_release(release: str, folder: Path) -> dict[str, Any]:
    """Run every case at a release in a process of its own; returns the results by case."""
    package = unpack_release(release, folder)
    command = [sys.executable, "-m", "tools.peers.openrlhf_child", str(package), release]
    asked = json.dumps({"batches": BATCHES, "cases": [case.asked(release) for case in CASES]})
    done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{release}: {done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def record(releases: Sequence[str], folder: Path) -> dict[str, Any]:
    """Return the document of the recorded numbers for these releases, which are in order."""
    results = {release: run_release(release, folder) for release in releases}
    return {
        "framework": "openrlhf",
        "made_by": "python -m tools.peers.openrlhf",
        "environment": {"python": sys.version.split()[0], "torch": results[releases[-1]]["torch"]},
        "batches": BATCHES,
        "cases": [
            {
                "name": case.name,
                "options": case.options,
                "preset": "vanilla_ppo",
                "tricks": case.tricks,
                "updates_per_rollout": 1,
                "batch": case.batch,
                "tolerance": TOLERANCE,
                "releases": merge_equal(releases, [results[release][case.name] for release in releases], case.words),
            }
            for case in CASES
        ],
    }


def _compact(document: dict[str, Any]) -> Iterator[str]:
    yield "{"
    for key in ("framework", "made_by", "environment"):
        yield f"{json.dumps(key)}: {json.dumps(document[key])},"
    batches = ",\n".join(f"{json.dumps(name)}: {json.dumps(batch)}" for name, batch in document["batches"].items())
    yield f'"batches": {{\n{batches}\n}},'
    yield '"cases": [\n' + ",\n".join(json.dumps(case) for case in document["cases"]) + "\n]"
    yield "}"


def main(releases: Sequence[str]) -> None:
    """Run the releases, all known ones where none is named, and write the recorded numbers."""
    from tricks.dialects import ALL_RELEASES  # noqa: PLC0415 - imports torch

    chosen = releases or ALL_RELEASES["openrlhf"].known_releases
    with tempfile.TemporaryDirectory() as folder:
        document = record(chosen, Path(folder))
    WRITTEN.parent.mkdir(parents=True, exist_ok=True)
    WRITTEN.write_text("\n".join(_compact(document)) + "\n")
    for case in document["cases"]:
        print(f"{case['name']}: {', '.join(case['releases'])}")


if __name__ == "__main__":
    main(sys.argv[1:])
