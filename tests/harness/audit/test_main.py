import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from harness.records.record import AuditReport
from harness.verify.model.verdict import Gold
from harness.verify.process_pool import Verifier
from tests.harness.audit.samples import pair, report
from tools.verifier_audit.__main__ import main, measure, missed, write
from tools.verifier_audit.counts import AuditWord, count, labelled

COMMITTED = Path(__file__).resolve().parents[3] / "results" / "reference" / "verifier.json"


def test_the_verifier_meets_its_bar_on_every_labelled_pair():
    pairs = labelled()
    with closing(Verifier(processes=1)) as verifier:
        verdicts = verifier.verify([(Gold(pair.gold), pair.response) for pair in pairs])
    words = [AuditWord(verdict.right, verdict.reason, verdict.answer, verdict.undecided) for verdict in verdicts]
    assert list(missed(count(pairs, words))) == []


def test_the_committed_audit_is_of_these_pairs():
    found = AuditReport.from_json(COMMITTED.read_text(encoding="utf-8")).verifier
    pairs = labelled()
    assert found.total.right == sum(pair.right for pair in pairs)
    assert found.total.wrong == sum(not pair.right for pair in pairs)


def test_an_audit_lists_where_label_and_verdict_differ():
    mislabelled = pair(3, "gsm8k", gold="36", box="37", right=True)
    found = measure([pair(1), pair(2, "amc", box="37", right=False), mislabelled])
    assert [mistake.id for mistake in found.mistakes] == ["gsm8k-003"]
    assert found.mistakes[0].kind == "false negative"
    assert found.verifier.total.false_negatives == found.plain.total.false_negatives == 1


def test_what_was_found_is_written_whole_or_not_at_all(tmp_path):
    (tmp_path / "tables").mkdir()
    write(report(), tmp_path)
    assert AuditReport.from_json((tmp_path / "verifier.json").read_text(encoding="utf-8")) == report()
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*"))
    assert names == sorted(
        [os.path.join("tables", "verifier.csv"), os.path.join("tables", "verifier.md"), "verifier.json"]
    )


def test_a_folder_that_cannot_be_is_refused_before_any_work(tmp_path, monkeypatch, capsys):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("RESULTS_DIR", str(file))
    assert main([]) == 1
    assert f"{file}" in (said := capsys.readouterr().err)
    assert "RESULTS_DIR" in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["pairs=10"], 2, "pairs: no such argument; this command takes no arguments"),
        (["--help"], 0, "python -m harness.audit"),
    ],
)
def test_a_wrong_call_is_named(words, code, says, capsys):
    assert main(words) == code
    said = capsys.readouterr()
    assert says in said.out + said.err


def test_a_pair_that_does_not_fit_is_named_by_file_and_line(tmp_path):
    from harness.common.schema import SchemaError
    from tools.verifier_audit.counts import read_pairs

    file = tmp_path / "aime.jsonl"
    good = {"id": "a", "form": "aime", "gold": "1", "response": "", "right": False, "kind": "trap", "why": ""}
    file.write_text(f"{json.dumps(good)}\n{json.dumps({**good, 'right': 'no'})}\n")
    with pytest.raises(SchemaError, match=r"aime\.jsonl:2\.right"):
        read_pairs(file)
