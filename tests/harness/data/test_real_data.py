"""The real sources, where a machine has them; no row of them is written down here."""

import json
import random
import re
from pathlib import Path

import pytest

from harness.data.benchmarks import BENCHMARKS, load_benchmark
from harness.data.catalog import TABLES
from harness.data.sources import load_table
from harness.data.tiers import SOURCES, TIERS, load_tier
from tests.data_folder import data_folder

NAMES = [(source, difficulty) for source in SOURCES for difficulty in TIERS]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """All six tiers, built once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(data_folder()))
        patch.setenv("RESULTS_DIR", str(tmp_path_factory.mktemp("results")))
        yield {f"{source}_{difficulty}": load_tier(source, difficulty) for source, difficulty in NAMES}


def bare(statement):
    """Letters and digits alone: another way than the harness's to see that two statements are one."""
    without = re.sub(r"\[asy\].*?\[/asy\]", "", statement, flags=re.DOTALL)
    without = re.sub(r"\\(?:d|t)?frac|\\left|\\right|\\text|\\mathrm", "", without)
    return re.sub(r"[^a-z0-9]", "", without.lower())


def words(statement):
    return re.sub(r"\[asy\].*?\[/asy\]", "", statement, flags=re.DOTALL).lower().split()


def fives(statement):
    found = words(statement)
    return {tuple(found[start : start + 5]) for start in range(max(1, len(found) - 4))}


def test_every_known_file_is_the_known_one(built):
    sources = {source.name: source for found in built.values() for source in found.card.sources}
    assert sources
    for source in sources.values():
        assert source.known
        assert source.rows == source.official or source.title == TABLES["deepmath"].title


def test_the_known_files_give_the_documented_bytes(built):
    document = (Path(__file__).parents[3] / "docs/guides/data.md").read_text()
    documented = dict(re.findall(r"^\| (\w+) \|.*\| `([0-9a-f]{64})` \|$", document, re.MULTILINE))
    assert {name: found.card.sha256 for name, found in built.items()} == documented


def test_sizes_and_shares_are_as_documented(built):
    assert len(built["paper_easy"].problems) == 5000
    for name in ("paper_medium", "paper_hard"):
        card = built[name].card
        assert "from a part of DeepMath-103K: only 4,994 of its 103,022 rows are here" in card.headline
        guesses = card.answers.get("boolean", 0) + card.answers.get("option letter", 0)
        assert guesses <= 0.05 * card.rows


def test_no_wording_of_a_benchmark_is_left(built):
    asked = {bare(problem.prompt) for name in BENCHMARKS for problem in load_benchmark(name)}
    for found in built.values():
        left = [problem.problem_id for problem in found.problems if bare(problem.prompt) in asked]
        assert left == []


def test_a_sample_has_no_near_problem_left_by_brute_force(built):
    asked = [fives(problem.prompt) for name in BENCHMARKS if name != "gsm8k" for problem in load_benchmark(name)]
    rng = random.Random(0)
    for found in built.values():
        for problem in rng.sample(found.problems, 40):
            grams = fives(problem.prompt)
            assert max(len(grams & other) / max(len(grams), len(other)) for other in asked) < 0.8, problem.problem_id


def test_the_known_overlaps_are_found(built):
    overlaps = {item.other for item in built["simplerl_zoo_hard"].card.contaminated}
    assert overlaps >= {f"olympiadbench/{number}" for number in (2890, 2791, 2713, 2895, 2607)}
    template = {f"math500/test/{name}" for name in ("number_theory/466", "geometry/178", "algebra/2430")}
    assert template <= {item.other for name in built for item in built[name].card.contaminated}


def test_what_was_removed_is_not_in_the_tier(built):
    for found in built.values():
        kept = {problem.problem_id for problem in found.problems}
        assert kept.isdisjoint(item.problem_id for item in found.card.contaminated)


def test_medium_is_easier_than_hard(built):
    difficulty = {row.row_id: row.difficulty for row in load_table("deepmath").rows}
    medium = [difficulty[problem.problem_id] for problem in built["paper_medium"].problems]
    hard = [difficulty[problem.problem_id] for problem in built["paper_hard"].problems]
    drawn = sum(value**2 for value in difficulty.values()) / sum(difficulty.values())  # mean of a proportional draw
    assert max(medium) <= 5.0
    assert sum(hard) / len(hard) == pytest.approx(drawn, abs=0.25)


def test_the_benchmarks_have_their_sizes(monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(data_folder()))
    sizes = {name: len(load_benchmark(name)) for name in BENCHMARKS}
    assert list(sizes.values()) == [500, 675, 272, 30, 30, 40, 1319]
    assert len(load_benchmark("olympiadbench", olympiadbench=170)) == 170
    first = [problem.problem_id for problem in load_benchmark("aime25", aime25=15)]
    assert first == [f"aime25/I-{number:02}" for number in range(1, 16)]
    assert [problem.problem_id for problem in load_benchmark("olympiadbench") if problem.tolerance] == [
        "olympiadbench/2592"
    ]


def test_a_card_is_all_json(built):
    for found in built.values():
        assert json.loads(json.dumps(found.card.to_json()))["sha256"] == found.card.sha256
