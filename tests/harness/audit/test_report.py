import csv
from io import StringIO

import pytest

from harness.common.schema import SchemaError
from harness.records.record import AuditCount, AuditReport
from tests.harness.audit.samples import counts, report
from tools.verifier_audit.tables import comma_separated, markdown


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_a_report_is_read_as_it_was_written():
    assert AuditReport.from_json(report().to_json()) == report()
    assert AuditReport.from_json(report(plain=None).to_json()) == report(plain=None)


def test_an_unknown_entry_of_a_report_is_named():
    with pytest.raises(SchemaError, match="comit"):
        AuditReport.from_json(report().to_json().replace('"commit"', '"comit"'))


def test_the_table_gives_shares_with_their_intervals():
    (amc,) = [row for row in rows(markdown(report())) if row[0] == "amc"]
    assert amc == [
        "amc",
        "100",
        "200",
        "1 of 200: 0.5 % [0.1, 2.8]",
        "0 of 100: 0.0 % [0.0, 3.7]",
        "0",
        "9 of 200: 4.5 % [2.4, 8.3]",
        "3 of 100: 3.0 % [1.0, 8.5]",
    ]


def test_the_last_row_is_the_sum():
    assert rows(markdown(report()))[-1][:4] == ["**all**", "400", "800", "1 of 800: 0.1 % [0.0, 0.7]"]


def test_nothing_counted_is_a_dash():
    alone = counts(minerva=AuditCount(right=10))
    (minerva,) = [row for row in rows(markdown(report(verifier=alone))) if row[0] == "minerva"]
    assert minerva[3] == "—"


def test_every_mistake_is_listed():
    text = markdown(report())
    assert r"- amc-007, false positive: gold `4`, read `4\sqrt{2}`, `equal` (a factor behind the number)" in text
    assert "No mistakes." in markdown(report(mistakes=()))


def test_a_comparison_that_did_not_finish_is_a_dash():
    text = markdown(report(plain=None))
    assert rows(text)[-1][-2:] == ["—", "—"]
    assert "did not get through" in text


def test_a_changed_verifier_is_named():
    assert "Commit 0123456789 with changes;" in markdown(report(dirty="yes"))
    assert "Commit 0123456789; math-verify 0.9.0." in markdown(report())


def test_programs_read_the_same_numbers():
    found = {(row["verifier"], row["name"]): row for row in csv.DictReader(StringIO(comma_separated(report())))}
    assert found["ours", "amc"]["false_positives"] == "1"
    assert float(found["ours", "amc"]["false_positives_high"]) == pytest.approx(0.0277, abs=1e-4)
    assert found["math-verify", "all"]["false_negatives"] == "3"
