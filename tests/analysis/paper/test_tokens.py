import json

import pytest

from analysis.paper.tokens import (
    TOP,
    clip_rate,
    clipped_classes,
    clipped_tokens,
    replace_missing_glyphs,
    show_spaces,
    token_class,
)
from analysis.stats.estimates import estimate_mean
from harness.tracking.errors import StoreError
from tests.analysis.paper.samples import source
from tests.analysis.paper.test_tables import pick, rows
from tests.analysis.takeaways.samples import record, study

P5 = study("p5_clip_tokens")
AT = {"model": "small_aligned", "difficulty": "medium", "upper_bound": "0.20"}


def entry(token, text, occurrences, high):
    return {"token": token, "text": text, "occurrences": occurrences, "high": high, "low": 7}


def document(*tokens):
    return {
        "occurrences": sum(each["occurrences"] for each in tokens),
        "high": sum(each["high"] for each in tokens),
        "low": 7 * len(tokens),
        "tokens": list(tokens),
    }


# Seed 0: six of ten clips are of " so", four of "7". Seed 1: two of ten are of " so", eight of ",".
SEEDS = {
    0: document(entry(1, " so", 20, 6), entry(2, "7", 80, 4)),
    1: document(entry(1, " so", 20, 2), entry(3, ",", 30, 8)),
}


def test_shares_are_of_the_clips_of_a_seed_and_a_token_that_a_seed_does_not_list_has_none_there():
    found = {row.name: row for row in clipped_tokens(SEEDS)}
    assert list(found) == [",", "␣so", "7"] or list(found) == ["␣so", ",", "7"]
    assert found["␣so"].share.mean == pytest.approx((0.6 + 0.2) / 2)
    assert found[","].share.mean == pytest.approx((0.0 + 0.8) / 2)
    assert found["7"].share == estimate_mean([0.4, 0.0])


def test_rates_are_of_the_times_that_an_update_learnt_from_the_token():
    found = {row.name: row for row in clipped_tokens(SEEDS)}
    assert found["␣so"].rate == estimate_mean([6 / 20, 2 / 20])
    assert found["7"].rate == estimate_mean([4 / 80])
    assert clip_rate(SEEDS) == estimate_mean([10 / 100, 10 / 50])


def test_classes_add_their_tokens_up():
    found = {row.name: row.share.mean for row in clipped_classes(SEEDS)}
    assert found == pytest.approx({"connective": 0.4, "punctuation": 0.4, "number or sign": 0.2})
    assert list(found) == ["connective", "punctuation", "number or sign"]


def test_a_seed_without_a_clip_has_no_shares_but_a_rate():
    found = clipped_tokens({**SEEDS, 2: document(entry(1, " so", 10, 0))})
    so = next(row for row in found if row.name == "␣so")
    assert so.share.n == 2
    assert so.rate is not None
    assert so.rate.n == 3


def test_nothing_clipped_gives_no_rows():
    assert clipped_tokens({0: document(entry(1, "so", 10, 0))}) == ()
    assert clipped_tokens({}) == ()
    assert clip_rate({0: document()}) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (" Therefore", "connective"),
        ("the", "function word"),
        (",", "punctuation"),
        ("\n\n", "punctuation"),
        ("", "punctuation"),
        ("42", "number or sign"),
        ("=", "number or sign"),
        ("\\boxed{", "other"),
        ("triangle", "other"),
    ],
)
def test_a_token_s_class_goes_by_its_text(text, kind):
    assert token_class(text) == kind


def test_what_cannot_be_seen_is_written_out():
    assert show_spaces(" a\n\t") == "␣a⏎⇥"
    assert show_spaces("\x07") == "\\u0007"
    assert show_spaces("") == "(empty)"
    assert replace_missing_glyphs("a␣中") == "a␣\\u4e2d"  # the figure's font has no Chinese


def files(folder, runs, found):
    for run in runs:
        place = folder / f"{P5.name}.{run.run_id}"
        place.mkdir()
        (place / "clipped_tokens.json").write_text(json.dumps(found[run.seed]))


def test_tables_show_the_text_of_the_most_clipped_tokens_and_their_classes(tmp_path):
    runs = [record(P5, AT, seed) for seed in (0, 1)]
    files(tmp_path, runs, SEEDS)
    made = source(P5, runs, folder=tmp_path)
    first = pick(rows("fig10", made), upper_bound="0.20", token="7")
    assert (first["rank"], first["class"]) == ("3", "number or sign")
    assert first["share of all clips at the upper bound"].startswith("0.200 ±")
    assert pick(rows("fig10", made), upper_bound="0.28")["share of all clips at the upper bound"] == "— not run yet"
    classes = rows("fig19", made)
    assert pick(classes, upper_bound="0.20", **{"class": "connective"})[
        "share of all clips at the upper bound"
    ].startswith("0.400 ±")
    assert pick(classes, upper_bound="0.20", **{"class": "all tokens"})["share of its own occurrences"].startswith(
        "0.15"
    )


def test_only_the_twenty_most_clipped_tokens_are_rows(tmp_path):
    runs = [record(P5, AT, 0)]
    files(tmp_path, runs, {0: document(*(entry(place, f"w{place}", 100, 90 - place) for place in range(30)))})
    made = [row for row in rows("fig10", source(P5, runs, folder=tmp_path)) if row["upper_bound"] == "0.20"]
    assert [row["token"] for row in made] == [f"w{place}" for place in range(TOP)]


def test_runs_whose_files_are_elsewhere_say_so(tmp_path):
    made = source(P5, [record(P5, AT, 0)], folder=tmp_path)
    assert pick(rows("fig10", made), upper_bound="0.20")["share of all clips at the upper bound"] == (
        "— files of the runs not here"
    )


@pytest.mark.parametrize("content", ["{", '{"high": 3}', "[]"])
def test_a_broken_file_is_named_with_the_way_out(tmp_path, content):
    runs = [record(P5, AT, 0)]
    files(tmp_path, runs, SEEDS)
    (tmp_path / f"{P5.name}.{runs[0].run_id}" / "clipped_tokens.json").write_text(content)
    with pytest.raises(StoreError, match=r"clipped_tokens\.json cannot be read .*; run its cell again"):
        rows("fig10", source(P5, runs, folder=tmp_path))
