import csv
from collections import defaultdict
from dataclasses import replace
from statistics import fmean

import pytest

from analysis.paper.numbers import BENCHMARKS, CLAIMS, FOLDER, MEAN_OF_SIX, read_readings
from analysis.paper.sections.registry import FIGURES
from harness.tracking.errors import StoreError
from tests.analysis.paper.samples import READINGS

HEAD = "figure,model,data,arm,benchmark,quantity,value,low,high,step,unit,precision,source,note\n"


def test_every_number_has_its_figure_unit_precision_and_source():
    assert all(each.figure and each.quantity and each.unit and each.precision and each.source for each in READINGS)


def test_every_number_is_a_number_or_a_range():
    for each in READINGS:
        assert bool(each.value) != bool(each.low and each.high), each
        assert float(each.low or 0) <= float(each.high or 0)
        float(each.value or 0), float(each.step or 0)


def test_no_number_stands_there_twice():
    subjects = [(replace(each, note="", precision=""), each.value) for each in READINGS]
    assert len(subjects) == len(set(subjects))


def test_every_number_belongs_to_a_figure_that_shows_it():
    shown = {name for figure in FIGURES for name in (figure.readings or (figure.id,))}
    assert {each.figure for each in READINGS} <= shown


def test_printed_means_of_the_main_figure_are_those_of_the_numbers_read_off_it():
    # Each reading is at most half a point off, and the mean was rounded to half a point at best.
    finals = defaultdict(list)
    for each in READINGS:
        if each.figure == "fig15" and each.quantity == "final" and each.benchmark in BENCHMARKS.values():
            finals[each.model, each.data, each.arm].append(float(each.value))
    means = {
        (each.model, each.data, each.arm): float(each.value)
        for each in READINGS
        if each.figure == "fig15" and each.benchmark == MEAN_OF_SIX
    }
    assert len(means) == 12
    for run, values in finals.items():
        assert len(values) == 6
        assert means[run] == pytest.approx(fmean(values), abs=0.6)


def test_bars_of_a_panel_that_was_recovered_whole_add_up_to_all_tokens():
    panels = defaultdict(list)
    for each in READINGS:
        if each.quantity.startswith("probability/"):
            panels[each.model, each.arm].append(float(each.value))
    whole = [values for values in panels.values() if len(values) == 6]
    assert len(whole) == 4  # both base models under both bounds
    assert all(sum(values) == pytest.approx(100, abs=0.15) for values in whole)  # six roundings to a tenth


def test_second_hand_numbers_say_so():
    assert all("second hand" in each.precision for each in READINGS if each.figure.startswith("iclr"))


def test_the_summary_s_claims_are_no_numbers_of_the_paper():
    with (FOLDER / CLAIMS).open(encoding="utf-8", newline="") as file:
        claims = list(csv.DictReader(file))
    assert {claim["supported"] for claim in claims} == {"no"}
    assert all(claim["source"] and claim["precision"] and claim["paper"] for claim in claims)
    assert {"115", "210"} <= {claim["value"] for claim in claims}
    assert not any("summary" in each.source for each in READINGS)


def test_what_the_paper_leaves_open_fits_all_and_what_we_leave_open_fits_nothing_else():
    start = next(each for each in READINGS if each.quantity == "start" and each.benchmark == "MATH-500" and each.model)
    wanted = {"model": start.model, "data": "hard", "arm": "GRPO", "benchmark": "MATH-500", "quantity": "start"}
    assert start.fits(wanted)
    final = next(each for each in READINGS if each.figure == "fig15" and each.data == "hard")
    assert not final.fits({**{name: getattr(final, name) for name in wanted}, "data": ""})


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("fig15,M,easy,GRPO,B,final,54,,,920,%,±0.5 point,s,\n", "54 %"),
        ("fig15,M,easy,GRPO,B,peak,75,,,480,%,±0.5 point,s,\n", "75 % at step 480"),
        ("fig15,M,,,B,start,,4,6,0,%,a range,s,\n", "4 to 6 %"),
        ("fig08,M,,,,clip fraction,0.003,,,,share,about as stated,s,\n", "≈ 0.003 share"),
    ],
)
def test_a_number_reads_with_its_unit(tmp_path, text, read):
    (tmp_path / "some.csv").write_text(HEAD + text, encoding="utf-8")
    (reading,) = read_readings(tmp_path)
    assert reading.text == read


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("figure,value\nfig15,54\n", r"some\.csv has other columns than figure, model"),
        (HEAD + "fig15,M\n", r"some\.csv, line 2: give 14 fields"),
        (HEAD + "," * 14 + "\n", r"some\.csv, line 2: give 14 fields"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, message):
    (tmp_path / "some.csv").write_text(content)
    with pytest.raises(StoreError, match=message):
        read_readings(tmp_path)


def test_a_folder_without_numbers_is_named(tmp_path):
    with pytest.raises(StoreError, match="holds no numbers of the paper"):
        read_readings(tmp_path)
