import pytest

from analysis.stats.estimates import wilson_interval
from harness.records.record import AuditCount
from tests.harness.audit.samples import counts, pair
from tools.verifier_audit.__main__ import missed
from tools.verifier_audit.counts import AuditWord, count

RIGHT, WRONG, LOST = AuditWord(right=True), AuditWord(right=False), AuditWord(right=False, undecided=True)


def test_the_interval_is_that_of_wilson():
    # z = 1.959964; of 0 in 100 the upper end is z**2 / (100 + z**2), and 50 of 100 lies in the middle.
    assert wilson_interval(0, 100) == pytest.approx((0, 0.036993), abs=1e-6)
    assert wilson_interval(50, 100) == pytest.approx((0.403832, 0.596168), abs=1e-6)
    assert wilson_interval(0, 0) == (0, 1)


def test_mistakes_are_counted_by_label():
    pairs = [pair(1), pair(2), pair(3, box="37", right=False), pair(4, box="38", right=False)]
    assert count(pairs, [RIGHT, WRONG, WRONG, RIGHT]).total == AuditCount(2, 2, 1, 1, 0)


def test_an_undecided_pair_is_a_mistake_only_where_its_label_is_right():
    pairs = [pair(1), pair(2, box="37", right=False)]
    assert count(pairs, [LOST, LOST]).total == AuditCount(1, 1, 0, 1, 2)


def test_forms_and_kinds_are_counted_apart():
    pairs = [pair(1, "aime"), pair(2, "amc", right=False, kind="trap"), pair(3, "amc", right=False, kind="near_miss")]
    found = count(pairs, [RIGHT, RIGHT, WRONG])
    assert found.forms == {"aime": AuditCount(right=1), "amc": AuditCount(wrong=2, false_positives=1)}
    assert found.kinds["trap"] == AuditCount(wrong=1, false_positives=1)
    assert found.kinds["near_miss"] == AuditCount(wrong=1)


def test_words_for_other_pairs_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        count([pair(1), pair(2)], [RIGHT])


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({}, []),
        ({"gsm8k": AuditCount(100, 200, 1, 0, 0)}, ["1 false positives on gsm8k: none is allowed"]),
        ({"math500": AuditCount(100, 200, 4, 0, 0)}, []),
        ({"math500": AuditCount(100, 200, 5, 0, 0)}, ["5 false positives of 800: more than 0.5 %"]),
        ({"math500": AuditCount(100, 200, 0, 8, 8)}, []),
        ({"math500": AuditCount(100, 200, 0, 9, 0)}, ["9 false negatives of 400: more than 2 %"]),
    ],
)
def test_a_missed_bar_is_named(changed, fault):
    assert list(missed(counts(**changed))) == fault
