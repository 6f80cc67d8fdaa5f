import pytest

from analysis.study.runs import build_runs_frame
from analysis.tables.notes import note_reference_file, note_verifier_errors
from analysis.tables.scores import build_study_table
from harness.common.repository import REFERENCE_RESULTS
from harness.records.record import AuditCount, AuditReport
from tests.analysis.samples import STUDY, run
from tests.harness.audit.samples import counts, report

REAL = {"final/accuracy": 0.5, "final/math500/avg@8": 0.4}
ARITHMETIC = {"final/accuracy": 0.5, "final/arithmetic/avg@8": 0.5}


def frame(*scores):
    return build_runs_frame([run(0, seed, scores=named) for seed, named in enumerate(scores)])


def note(tmp_path, *scores):
    return list(note_verifier_errors(frame(*scores), tmp_path))


@pytest.fixture
def audited(tmp_path):
    found = report(verifier=counts(amc=AuditCount(right=100, wrong=200, false_positives=2, false_negatives=4)))
    (tmp_path / "verifier.json").write_text(found.to_json())
    return tmp_path


def test_runs_on_real_problems_carry_the_verifiers_error(audited):
    # Of 4 forms with 100 right and 200 wrong pairs each.
    (said,) = note(audited, REAL)
    assert "rewards 2 of 800 [0.1 %, 0.9 %] wrong answers and refuses 4 of 400 [0.4 %, 2.5 %] right ones" in said
    assert "commit 0123456789, `make audit`" in said


def test_arithmetic_is_compared_as_integers_and_needs_no_such_note(audited):
    assert note(audited, ARITHMETIC) == []
    assert list(note_verifier_errors(build_runs_frame([]), audited)) == []


def test_one_run_on_real_problems_is_enough(audited):
    assert len(note(audited, ARITHMETIC, REAL)) == 1


def test_a_missing_audit_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("harness.common.repository.REFERENCE_RESULTS", tmp_path / "none")  # as in an installed package
    (said,) = note(tmp_path, REAL)
    assert "is missing (`make audit`)" in said
    assert note_reference_file(frame(REAL), tmp_path) is None


def test_without_an_audit_of_ones_own_the_reference_speaks_and_is_named(tmp_path):
    committed = AuditReport.from_json((REFERENCE_RESULTS / "verifier.json").read_text(encoding="utf-8"))
    (said,) = note(tmp_path, REAL)
    assert f"commit {committed.commit[:10]}, `make audit`" in said
    line = note_reference_file(frame(REAL), tmp_path)
    assert "results/reference/verifier.json" in line
    assert f"{tmp_path / 'verifier.json'} is missing" in line
    assert note_reference_file(frame(ARITHMETIC), tmp_path) is None


def test_an_audit_of_ones_own_goes_before_the_reference(audited):
    assert "commit 0123456789" in note(audited, REAL)[0]
    assert note_reference_file(frame(REAL), audited) is None


@pytest.mark.parametrize("content", [b"", b"{}", b'{"verifier": 1}', b"not JSON", b"\xff"])
def test_a_file_that_is_no_audit_is_said(tmp_path, content):
    (tmp_path / "verifier.json").write_bytes(content)
    (said,) = note(tmp_path, REAL)
    assert "is no audit (`make audit`)" in said


def test_an_audit_of_changed_code_is_said(tmp_path):
    (tmp_path / "verifier.json").write_text(report(dirty="yes").to_json())
    assert "commit 0123456789 with changes, `make audit`" in note(tmp_path, REAL)[0]


def test_the_note_stands_under_the_table(audited, monkeypatch):
    monkeypatch.setenv("RESULTS_DIR", str(audited))
    (said,) = note(audited, REAL)
    assert said in build_study_table(STUDY, frame(REAL)).notes
    assert not any("verifier" in text for text in build_study_table(STUDY, frame(ARITHMETIC)).notes)
