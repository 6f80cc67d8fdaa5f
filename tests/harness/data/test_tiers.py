import hashlib
import json
import multiprocessing
import resource

import pytest

from harness.data.answers import is_guessable
from harness.data.card import TierSettings
from harness.data.catalog import DataError
from harness.data.tiers import load_custom_tier, load_tier, save_custom_tier
from tests.harness.data.folders import row, rows, statement, write_rows

EASY = "simplerl_zoo_easy"


def ids(found):
    return [problem.problem_id for problem in found.problems]


def removed(results, name):
    return [json.loads(line) for line in (results / f"tiers/{name}.removed.jsonl").read_text().splitlines()]


def deepmath(difficulties):
    return [row("deepmath", number, difficulty=difficulty) for number, difficulty in enumerate(difficulties)]


def test_a_tier_is_built_with_its_card_and_read_again(use_folder, results):
    use_folder()
    built = load_tier("simplerl_zoo", "easy")
    again = load_tier("simplerl_zoo", "easy")
    assert built == again
    assert len(built.problems) == 30
    assert {problem.verifier for problem in built.problems} == {"math"}
    rows_file = results / "tiers/simplerl_zoo_easy.jsonl"
    assert built.card.sha256 == hashlib.sha256(rows_file.read_bytes()).hexdigest()
    assert rows_file.with_suffix(".md").read_text() == built.card.text()


def test_the_order_of_the_file_does_not_change_the_bytes(use_folder):
    use_folder(deepmath=deepmath([1, 2, 3, 4, 5] * 10))
    before = load_tier("paper", "hard").card.sha256
    use_folder(deepmath=deepmath([1, 2, 3, 4, 5] * 10)[::-1])
    assert load_tier("paper", "hard").card.sha256 == before


def test_another_seed_draws_another_tier(use_folder):
    use_folder(deepmath=deepmath([1, 2, 3, 4, 5] * 10))
    first = load_tier("paper", "hard", TierSettings(seed=1))
    assert ids(first) != ids(load_tier("paper", "hard", TierSettings(seed=2)))


def test_settings_of_a_tier_on_disk_stand(use_folder):
    use_folder()
    assert load_tier("paper", "medium", TierSettings(part=0.5)) == load_tier("paper", "medium")


def test_medium_is_the_easiest_part(use_folder):
    use_folder(deepmath=deepmath([9, 8, 7, 6, 5, 4, 3, 2, 1, 9]))
    assert ids(load_tier("paper", "medium")) == ["deepmath/7", "deepmath/8"]  # a fifth of ten


def test_the_first_line_of_a_part_says_so(use_folder):
    use_folder()
    first = load_tier("paper", "medium").card.text().splitlines()[0]
    assert first == "paper_medium: 6 problems from a part of DeepMath-103K: only 30 of its 103,022 rows are here"


def test_a_part_gives_its_share_and_no_more(use_folder):
    use_folder()
    assert len(load_tier("paper", "easy").problems) == 18  # 5,000 of 8,388 is 0.596
    assert len(load_tier("paper", "easy", TierSettings(size=10)).problems) == 6  # no less than a fifth
    assert len(load_tier("paper", "easy", TierSettings(size=5, part=1.0)).problems) == 5


def test_rows_without_a_difficulty_are_left_out(use_folder, results):
    use_folder(deepmath=deepmath([-1, 0, 3, 3, 3]))
    load_tier("paper", "hard")
    assert [(item["problem_id"], item["reason"]) for item in removed(results, "paper_hard")] == [
        ("deepmath/0", "no difficulty"),
        ("deepmath/1", "no difficulty"),
    ]


def test_guessable_answers_are_thinned_and_listed(use_folder, results):
    answered = [row(EASY, number, answer="Yes" if number < 10 else "7") for number in range(48)]
    use_folder(**{EASY: answered})
    found = load_tier("simplerl_zoo", "easy")
    assert len(found.problems) == 40
    assert sum(is_guessable(problem.answer) for problem in found.problems) == 2
    assert found.card.removed == {"guessable": 8}
    assert {item["reason"] for item in removed(results, "simplerl_zoo_easy")} == {"guessable"}


def test_duplicates_go_but_for_the_first(use_folder):
    twice = {**row(EASY, 1), "problem": statement(f"{EASY}0").upper() + " ", "answer": "2.0"}
    use_folder(**{EASY: [row(EASY, 0), twice, row(EASY, 2)]})
    assert ids(load_tier("simplerl_zoo", "easy")) == [f"{EASY}/0", f"{EASY}/2"]


def test_of_contradicting_golds_neither_is_kept(use_folder, results):
    said = [(0, "104"), (1, "140"), (2, "7"), (3, r"\frac{14}{2}"), (4, "5"), (5, "5.0"), (6, "6"), (7, "5")]
    wordings = [0, 0, 2, 2, 4, 4, 4, 7]
    use_folder(
        **{
            EASY: [
                row(EASY, n, problem=statement(f"{EASY}{one}"), answer=a)
                for (n, a), one in zip(said, wordings, strict=True)
            ]
        }
    )
    found = load_tier("simplerl_zoo", "easy")
    assert ids(found) == [f"{EASY}/2", f"{EASY}/7"]
    assert found.card.removed == {"duplicate of": 1, "other gold than": 5}
    others = {item["problem_id"]: item["other"] for item in removed(results, "simplerl_zoo_easy")}
    assert others == {
        f"{EASY}/{one}": f"{EASY}/{other}" for one, other in [(0, 1), (1, 0), (3, 2), (4, 6), (5, 6), (6, 4)]
    }
    text = found.card.text()
    assert "other gold than 5" in text
    assert f"- {EASY}/0: other gold than {EASY}/1" in text


def test_a_row_without_a_gold_contradicts_nobody(use_folder):
    same = {"problem": statement(0)}
    use_folder(
        **{EASY: [row(EASY, 0, **same), *(row(EASY, n, **same, answer=a) for n, a in enumerate(("", "Proof", "{"), 1))]}
    )
    found = load_tier("simplerl_zoo", "easy")
    assert ids(found) == [f"{EASY}/0"]
    assert found.card.removed == {"gold is no answer": 1, "no answer": 1, "unreadable answer": 1}
    assert f"- {EASY}/2: gold is no answer 'Proof' refers to text that is not there" in found.card.text()


def test_what_is_doubtful_is_kept_and_named_with_a_count(use_folder, results):
    defects = [
        row(EASY, 0, problem=f"{statement(0)} The answer is 101.", answer="101"),
        row(EASY, 1, problem=f"{statement(1)} Ren\u00c3\u00a9 asks."),
        row(EASY, 2, problem=f"{statement(2)} ![](https://example.org/x.png)"),
        row(EASY, 3, problem=f"{statement(3)} In the figure below, $x &lt; 5$."),
        row(EASY, 4),
    ]
    use_folder(**{EASY: defects})
    card = load_tier("simplerl_zoo", "easy").card
    assert card.rows == 5
    assert card.doubtful == {
        "answer in the statement": (f"{EASY}/0",),
        "text in a wrong encoding": (f"{EASY}/1",),
        "HTML in the text": (f"{EASY}/3",),
        "picture that is not there": (f"{EASY}/2", f"{EASY}/3"),
    }
    assert "- doubtful: answer in the statement 1, " in card.text()
    assert "Kept, to be reviewed (picture that is not there): 2" in card.text()
    assert load_tier("simplerl_zoo", "easy").card == card  # as it is read again


def test_a_card_of_before_these_rules_is_read_and_its_tier_built_anew(use_folder, results):
    use_folder()
    built = load_tier("simplerl_zoo", "easy")
    path = results / "tiers/simplerl_zoo_easy.card.json"
    old = json.loads(path.read_text())
    for name in ("contradicted", "no_answers", "doubtful"):
        del old[name]
    path.write_text(json.dumps(old | {"version": 1}))
    assert load_custom_tier(path.with_name("simplerl_zoo_easy.jsonl")).problems == built.problems
    assert load_tier("simplerl_zoo", "easy") == built
    assert json.loads(path.read_text())["version"] == 2


def test_problems_that_differ_in_their_drawing_are_two(use_folder):
    drawn = [{**row(EASY, n), "problem": f"{statement(0)} [asy]draw({n});[/asy]"} for n in range(2)]
    use_folder(**{EASY: drawn})
    assert len(load_tier("simplerl_zoo", "easy").problems) == 2


@pytest.mark.parametrize("benchmark", ["math500", "olympiadbench", "minerva", "aime24", "aime25", "amc23", "gsm8k"])
def test_a_benchmark_problem_is_removed_and_listed(use_folder, results, benchmark):
    paraphrase = statement(f"{benchmark}2").replace("$2x$", "\\( 2 \\, x \\)").upper()
    planted = {**row(EASY, 9), "problem": paraphrase}
    use_folder(**{EASY: [row(EASY, 1), planted]})
    found = load_tier("simplerl_zoo", "easy")
    assert ids(found) == [f"{EASY}/1"]
    (offender,) = found.card.contaminated
    assert (offender.problem_id, offender.other, offender.similarity) == (f"{EASY}/9", f"{benchmark}/2", 1.0)
    assert removed(results, EASY)[0]["other"] == f"{benchmark}/2"
    assert f"- {EASY}/9: same as {benchmark}/2 (1.00)" in found.card.text()


def test_a_nearly_equal_problem_is_removed(use_folder):
    planted = {**row(EASY, 9), "problem": statement("math5002").replace("Find the", "Please determine the")}
    use_folder(**{EASY: [row(EASY, 1), planted]})
    (offender,) = load_tier("simplerl_zoo", "easy").card.contaminated
    assert (offender.reason, offender.other) == ("near", "math500/2")
    assert 0.7 <= offender.similarity < 1


def test_a_benchmark_problem_with_another_drawing_is_removed(use_folder):
    planted = {**row(EASY, 9), "problem": statement("aime240") + "\n[asy]draw((0,0)--(1,1));[/asy]"}
    use_folder(**{EASY: [row(EASY, 1), planted]})
    assert ids(load_tier("simplerl_zoo", "easy")) == [f"{EASY}/1"]


@pytest.mark.parametrize(
    ("answer", "reason"), [("", "no answer"), ("$$", "no answer"), ("\\frac{1}{", "unreadable answer")]
)
def test_a_problem_without_a_usable_answer_is_removed(use_folder, answer, reason):
    use_folder(**{EASY: [row(EASY, 1), row(EASY, 2, answer=answer)]})
    found = load_tier("simplerl_zoo", "easy")
    assert ids(found) == [f"{EASY}/1"]
    assert found.card.removed == {reason: 1}


def test_an_answer_that_cannot_be_read_is_named_in_the_card(use_folder):
    use_folder(**{EASY: [row(EASY, 1), row(EASY, 2, answer="\\frac{1}{")]})
    assert f"- {EASY}/2: unreadable answer a brace is never closed" in load_tier("simplerl_zoo", "easy").card.text()


def test_an_answer_of_unknown_notation_is_kept_and_named(use_folder):
    use_folder(**{EASY: [row(EASY, 1), row(EASY, 2, answer="3 \\cdot")]})
    found = load_tier("simplerl_zoo", "easy")
    assert len(found.problems) == 2
    assert found.card.unknown == (f"{EASY}/2",)
    assert "Kept, with a gold that our reader does not know (math-verify or text comparison): 1" in found.card.text()


def test_a_missing_benchmark_stops_every_tier(use_folder):
    (use_folder() / "eval/gsm8k.jsonl").unlink()
    with pytest.raises(DataError, match=r"eval/gsm8k\.jsonl: no such file"):
        load_tier("simplerl_zoo", "easy")


def test_a_changed_source_is_built_anew(use_folder):
    use_folder()
    before = load_tier("simplerl_zoo", "easy")
    folder = use_folder(**{EASY: rows(EASY, 31)})
    assert len(load_tier("simplerl_zoo", "easy").problems) == 31
    write_rows(folder / "eval/aime24.jsonl", [{**row("aime24", 0), "problem": before.problems[0].prompt}])
    assert len(load_tier("simplerl_zoo", "easy").problems) == 30


def test_a_tier_of_other_rules_is_built_anew(use_folder, results):
    use_folder()
    before = load_tier("simplerl_zoo", "easy")
    card = results / "tiers/simplerl_zoo_easy.card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "version": 0, "rule": "old"}))
    assert load_tier("simplerl_zoo", "easy") == before


def test_a_tier_stands_without_its_sources(use_folder, monkeypatch):
    use_folder()
    before = load_tier("simplerl_zoo", "easy")
    monkeypatch.delenv("DATA_DIR")
    assert load_tier("simplerl_zoo", "easy") == before


def test_changed_rows_are_refused(use_folder, results):
    use_folder()
    load_tier("simplerl_zoo", "easy")
    path = results / "tiers/simplerl_zoo_easy.jsonl"
    path.write_text(path.read_text().replace('"answer": "3"', '"answer": "4"'))
    with pytest.raises(DataError, match=r"simplerl_zoo_easy\.jsonl: SHA-256 .* the rows have changed; delete"):
        load_tier("simplerl_zoo", "easy")


def test_a_tier_whose_card_cannot_be_read_is_built_anew(use_folder, results):
    use_folder()
    before = load_tier("simplerl_zoo", "easy")
    card = results / "tiers/simplerl_zoo_easy.card.json"
    card.write_text(card.read_text()[:100])
    assert load_tier("simplerl_zoo", "easy") == before
    assert load_custom_tier(results / "tiers/simplerl_zoo_easy.jsonl") == before


def test_a_custom_tier_whose_card_cannot_be_read_is_refused(use_folder, results):
    use_folder()
    load_tier("simplerl_zoo", "easy")
    (results / "tiers/simplerl_zoo_easy.card.json").write_text("{")
    with pytest.raises(DataError, match=r"card\.json: .*delete the file"):
        load_custom_tier(results / "tiers/simplerl_zoo_easy.jsonl")


@pytest.mark.parametrize(("source", "difficulty"), [("papers", "easy"), ("paper", "hardest")])
def test_an_unknown_tier_is_refused(source, difficulty):
    with pytest.raises(DataError, match=r"no tier .*; (did you mean|known)"):
        load_tier(source, difficulty)


def test_a_custom_tier_is_read_as_it_was_saved(use_folder, tmp_path):
    use_folder()
    parent = load_tier("simplerl_zoo", "easy")
    path = tmp_path / "mine.jsonl"
    card = save_custom_tier(path, parent.problems[:3], "solved by a model in 1 to 7 of 8", parent.card)
    found = load_custom_tier(path)
    assert found.problems == parent.problems[:3]
    assert found.card == card
    assert card.headline == "mine: 3 of the 30 problems of simplerl_zoo_easy: solved by a model in 1 to 7 of 8"


def test_a_custom_tier_in_the_place_of_a_tier_is_not_taken_for_it(use_folder, results):
    use_folder()
    before = load_tier("simplerl_zoo", "easy")
    save_custom_tier(results / "tiers/simplerl_zoo_easy.jsonl", before.problems[:3], "three", before.card)
    assert load_tier("simplerl_zoo", "easy") == before


def test_a_custom_tier_without_a_card_or_problems_is_refused(use_folder, tmp_path):
    use_folder()
    with pytest.raises(DataError, match=r"mine\.card\.json: cannot be read"):
        load_custom_tier(tmp_path / "mine.jsonl")
    save_custom_tier(tmp_path / "mine.jsonl", [], "none", load_tier("simplerl_zoo", "easy").card)
    with pytest.raises(DataError, match="holds no problems"):
        load_custom_tier(tmp_path / "mine.jsonl")


def _build_with_little_room(queue):
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        load_tier("simplerl_zoo", "easy")
    except DataError as error:
        queue.put(str(error))


def _build(queue):
    queue.put(load_tier("simplerl_zoo", "easy").card.sha256)


def _said_by(target, processes):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    started = [context.Process(target=target, args=(queue,)) for _ in range(processes)]
    for process in started:
        process.start()
    said = [queue.get(timeout=60) for _ in started]
    for process in started:
        process.join()
    return said


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # fork beside threads of other tests
def test_a_full_disk_leaves_no_tier(use_folder, results):
    use_folder()
    (said,) = _said_by(_build_with_little_room, 1)
    assert "cannot be written: File too large; free some space" in said
    assert [path.name for path in (results / "tiers").iterdir()] == ["simplerl_zoo_easy.lock"]
    assert len(load_tier("simplerl_zoo", "easy").problems) == 30


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_processes_that_build_at_once_agree(use_folder):
    use_folder()
    said = _said_by(_build, 4)
    assert set(said) == {load_tier("simplerl_zoo", "easy").card.sha256}
