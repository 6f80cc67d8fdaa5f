"""Contrast after WCAG 2: (L1 + 0.05) / (L2 + 0.05) of relative luminances; 4.5 for text, 3 for lines and marks."""

import re

import pytest

from analysis.report.page import asset

STYLE = str(asset("style.css"))
LIGHT, DARK = (dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in STYLE.split(":root {")[1:3])


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_measure_knows_black_on_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("front", "ground"),
    [(front, ground) for front in ("ink", "quiet", "link") for ground in ("paper", "tint")] + [("ink", "warning")],
)
def test_text_has_the_contrast_of_level_aa(colours, front, ground):
    assert contrast(colours[front], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_lines_and_marks_can_be_seen(colours):
    drawn = [name for name in colours if re.fullmatch(r"c\d|better|worse|equivalent|undecided|near", name)]
    assert len(drawn) == 13
    assert {
        name: contrast(colours[name], colours["paper"])
        for name in drawn
        if contrast(colours[name], colours["paper"]) < 3
    } == {}


def test_both_modes_set_the_same_colours():
    assert LIGHT.keys() == DARK.keys()


def test_no_star_and_nothing_bold_for_a_number():
    assert "*" not in re.sub(r"/\*.*?\*/|\*, ::before|> \*", "", STYLE, flags=re.DOTALL)
    assert re.findall(r"font-weight: (\w+)", STYLE).count("bold") == 0
