import json
import re
from collections import Counter
from fractions import Fraction

import pytest

from tests.data_folder import data_folder
from tools.verifier_audit.counts import labelled

PAIRS = labelled()
NUMBER = re.compile(
    r"(?P<whole>-?\d+(\.\d*)?|-?\.\d+)|(?P<sign>-?)\\[dt]?frac\{(?P<top>-?\d+)\}\{(?P<bottom>[1-9]\d*)\}"
)
WORDS_QUOTED = 8  # so many in a row are no accident


def test_every_form_has_its_share_and_right_and_wrong_are_balanced():
    forms = Counter(pair.form for pair in PAIRS)
    right = sum(pair.right for pair in PAIRS)
    assert len(PAIRS) >= 600
    assert forms.keys() == {"aime", "amc", "gsm8k", "math500", "olympiadbench", "minerva"}
    assert min(forms.values()) >= 60
    assert 0.4 < right / len(PAIRS) < 0.6


def test_no_id_and_no_pair_stands_twice():
    assert len({pair.id for pair in PAIRS}) == len(PAIRS)
    assert len({(pair.gold, pair.response) for pair in PAIRS}) == len(PAIRS)


def test_equivalent_means_right_and_a_near_miss_is_wrong():
    labels = {(pair.kind, pair.right) for pair in PAIRS}
    assert labels == {("equivalent", True), ("near_miss", False), ("trap", True), ("trap", False)}


def number(text):
    """Its value where the text is a plain number, and nothing else."""
    found = NUMBER.fullmatch(re.sub(r"(?<=\d)(,|\{,\}|\\,)(?=\d{3})", "", text).strip("$ "))
    if not found:
        return None
    if found["whole"]:
        return Fraction(found["whole"].removesuffix("."))
    return (-1 if found["sign"] else 1) * Fraction(int(found["top"]), int(found["bottom"]))


def test_labels_are_those_of_arithmetic_where_gold_and_box_are_plain_numbers():
    compared = 0
    for pair in PAIRS:
        boxes = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", pair.response)
        values = number(pair.gold), number(boxes[-1]) if boxes else None
        if None not in values:
            assert (values[0] == values[1]) is pair.right, pair.id
            compared += 1
    assert compared > 100


def test_a_response_without_a_closed_box_is_wrong():
    without = [pair for pair in PAIRS if not re.search(r"\\boxed\s*\{.*\}", pair.response, re.DOTALL)]
    assert len(without) > 8
    assert not any(pair.right for pair in without)


def shingles(text):
    words = re.findall(r"[a-z]+", text.lower())
    return {tuple(words[start : start + WORDS_QUOTED]) for start in range(len(words) - WORDS_QUOTED + 1)}


@pytest.mark.parametrize("name", ["math500", "olympiadbench", "minerva_math", "aime24", "aime25", "amc23", "gsm8k"])
def test_no_response_quotes_a_benchmark(name):
    text = (data_folder() / "eval" / f"{name}.jsonl").read_text(encoding="utf-8")
    known = set().union(*(shingles(json.loads(line)["problem"]) for line in text.splitlines()))
    assert [pair.id for pair in PAIRS if shingles(pair.response) & known] == []
