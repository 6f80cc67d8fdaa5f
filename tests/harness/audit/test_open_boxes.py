from contextlib import closing

from harness.verify.model.verdict import Gold
from harness.verify.process_pool import Verifier
from tools.verifier_audit.counts import labelled

MOVED = {"aime-027", "aime-033", "math500-136", "minerva-081", "olympiadbench-075"}  # as docs/evidence/verifier.md says


def test_the_rule_of_open_boxes_moves_five_pairs_of_the_audit():
    pairs = labelled()
    asked = [(Gold(pair.gold), pair.response) for pair in pairs]
    with closing(Verifier(processes=1)) as verifier:
        new, old = verifier.verify(asked), verifier.verify(asked, open_box="ignored")
    moved = {pair.id for pair, one, other in zip(pairs, new, old, strict=True) if one.right != other.right}
    assert moved >= MOVED
    for pair, one, other in zip(pairs, new, old, strict=True):
        assert (one.right, other.right) == ((False, True) if pair.id in moved else (one.right, one.right))
        assert (one.reason == "open_box") == (one.reason != other.reason)
        if pair.id in MOVED:
            assert not pair.right
