import json

import pytest
from jinja2 import UndefinedError

from analysis.report.page import embed_json, render, replace_minus


def test_embedded_json_reads_back_and_holds_no_sign_of_markup():
    value = {"</script>": "<!-- & \u2028 \u2029 é"}
    text = str(embed_json(value))
    assert json.loads(text) == value
    assert not set("<>&\u2028\u2029") & set(text)


def test_a_number_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed_json([float("nan")])


def test_minus_signs_are_for_numbers_alone():
    assert replace_minus("-0.5 [-1, +2] c0-s1 a-b 1e-05") == "M0.5 [M1, +2] c0-s1 a-b 1e-05".replace(
        "M", "\N{MINUS SIGN}"
    )


def test_a_template_that_lacks_a_value_is_an_error():
    with pytest.raises(UndefinedError):
        render("page.html")
