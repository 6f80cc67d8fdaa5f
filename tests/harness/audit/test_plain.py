import pytest

from tests.harness.audit.samples import pair
from tools.verifier_audit.plain import PlainError, plain_words


def test_math_verify_judges_as_it_comes():
    # The third is one of its known mistakes: the base does not count.
    pairs = [pair(1), pair(2, box="37", right=False), pair(3, gold="213_5", box="213_6", right=False)]
    assert [word.right for word in plain_words(pairs)] == [True, False, True]


def test_it_is_ended_where_it_takes_too_long():
    with pytest.raises(PlainError, match=r"more than 0\.01 s"):
        plain_words([pair()], patience=0.01)
