"""Responses that cost time or memory: towers, digits, nesting, length, analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.harness.verify.hostile_case import boxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.harness.verify.hostile_case import Hostile


SUM = r"\sum_{k=1}^{9} k"
TOWER = r"9^{9^{9^{9}}}"


def costly() -> Iterator[Hostile]:
    """All of them; none is equal to its gold."""
    yield from _numbers()
    yield from _depth()
    yield from _length()
    yield from _analysis()
    yield from _behind_a_gold_of_math_verify()


def _numbers() -> Iterator[Hostile]:
    yield from boxes(
        "5",
        groups_of_lakhs="12" + ",34" * 1300 + ",567",
        groups_of_points="1" + ".234" * 1000 + ",50",
        number_words=r"5\text{ " + "million " * 400 + "}",
        number_words_of_one_character="5" + "万" * 3000,
        powers_in_words="5" + r"\text{ squared}" * 200,
        currency_signs=r"\$" * 2000 + "5",
        arrangements="P(999,500)",
        minuses_before_a_column="-" * 1000 + "(1,2,3)^T",
        option_letters="(A) " * 1000 + "5",
        denials="A: " + "not " * 900,
        residue_classes="3" + r"\pmod7" * 400,
        qualifiers="5 " + r"\text{ for all } x\in\mathbb{R}" * 100,
        power_tower=TOWER,
        power_tower_flat="9**9**9**9",
        power_tower_of_tens=r"10^{10^{10^{10^{10}}}}",
        power_tower_of_fractions=r"\left(\frac{99}{7}\right)^{\left(\frac{98}{3}\right)^{\left(\frac{97}{2}\right)}}",
        power_of_a_huge_exponent=r"7^{123456789012}",
        power_with_a_long_base="7" * 3000 + r"^{9999}",
        power_of_a_surd=r"(1+\sqrt{2})^{1000000007}",
        power_of_a_complex=r"(3+4i)^{99999999}",
        tetration=r"{^{5}7}",
        negative_tower=r"5 + 2^{-9^{9^9}}",
        root_of_a_huge_degree=r"\sqrt[99999999]{2}^{99999999999}",
        factorial=r"(10^7)!",
        factorial_nested=r"(((5!)!)!)!",
        factorial_double=r"99999999!!",
        factorial_many="9" + "!" * 400,
        factorial_of_a_factorial=r"(3!)!^{(4!)!}!",
        factorial_ratio=r"\frac{100000000!}{99999990!}",
        gamma=r"\Gamma(123456789)",
        binomial=r"\binom{10^9}{5 \cdot 10^8}",
        binomial_nested=r"\binom{\binom{\binom{90}{45}}{7}}{9}",
        digits_in_megabytes="7" * 3_000_000,
        digits_after_the_point="5." + "0" * 2_000_000 + "1",
        digits_in_two_numbers="1" * 200_000 + r" \cdot " + "3" * 200_000,
        digits_in_a_fraction=r"\frac{" + "1" * 100_000 + "}{" + "3" * 99_999 + "}",
        digits_with_separators="1" + ",000" * 300_000,
        digits_of_unicode="٣" * 200_000,
        decimal_exponent="1e999999999",
        decimal_exponent_negative="5.0000001e-999999999",
        decimal_exponent_of_digits="1e" + "9" * 5000,
        decimal_exponent_in_latex=r"1 \times 10^{999999999999}",
        product_of_powers=r" \cdot ".join(rf"{k}^{{99999}}" for k in range(2, 60)),
        logarithm_of_a_tower=r"\log_{2}\left(3^{9^{9^9}}\right)",
        sine_of_a_tower=r"\sin\left(10^{10^{9}}\right)",
        floor_of_a_tower=r"\lfloor e^{e^{e^{e}}} \rfloor",
        modulo_of_a_tower=r"7^{7^{7^{7^{7}}}} \bmod 10",
        absolute_values="|" * 3000 + "6" + "|" * 3000,
        repeating_overline=r"0.\overline{" + "142857" * 20_000 + "}",
        repeating_overlines=r"\overline{" * 300 + "6" + "}" * 300,
        almost_five=r"5 + 10^{-10^{9}}",
        almost_five_by_a_sine=r"5 + \sin\left(10^{-400}\right)",
        zero_by_cancellation=r"5 + \left(\sqrt{10^{600}+1} - 10^{300}\right)",
        division_by_zero=r"\frac{5}{0}",
        zero_by_zero=r"\frac{0}{0}",
        zero_to_the_zero_tower=r"0^{0^{0^{0^{0}}}}+ 0^{-1}",
    )


def _depth() -> Iterator[Hostile]:
    yield from boxes(
        "5",
        parentheses_deep="(" * 5000 + "6" + ")" * 5000,
        parentheses_left_right=r"\left(" * 2000 + "6" + r"\right)" * 2000,
        parentheses_unbalanced="(" * 20_000 + "5",
        parentheses_mixed="([{" * 2000 + "6" + "}])" * 2000,
        braces_deep="{" * 50_000 + "6" + "}" * 50_000,
        roots_deep=r"\sqrt{" * 2000 + "2" + "}" * 2000,
        fractions_deep=r"\frac{1}{1+" * 1500 + "1" + "}" * 1500,
        continued_fraction=r"4 + \cfrac{1}{1+" * 400 + "1" + "}" * 400,
        exponents_deep="2^{" * 3000 + "2" + "}" * 3000,
        indices_deep="x_{" * 3000 + "1" + "}" * 3000,
        boxes_deep=r"\boxed{" * 3000 + "6" + "}" * 3000,
        boxed_in_boxed=r"\boxed{5 \text{ or } \boxed{6}}",
        signs="-" * 30_001 + "5",
        functions_deep=r"\sin(" * 1000 + "5" + ")" * 1000,
        text_deep=r"\text{" * 2000 + "five" + "}" * 2000,
    )


def _length() -> Iterator[Hostile]:
    summands = "+".join(f"x_{{{k}}}" for k in range(5000))
    yield from boxes(
        "5",
        summands="1+" * 50_000 + "1",
        summands_of_letters=summands,
        products="*".join(["(x+1)"] * 10_000),
        fractions_in_a_row="+".join(rf"\frac{{1}}{{{k}}}" for k in range(2, 3000)),
        surds_in_a_row="+".join(rf"\sqrt{{{k}}}" for k in range(2, 120)),
        expand=r"(x+y+z+w)^{200}",
        expand_a_difference=r"(x+y+z+w)^{200} - (x+y+z+w)^{199}(x+y+z+w) + 6",
        expand_many="".join(f"(x+{k}y)" for k in range(1, 200)),
        set_large=r"\{" + ",".join(map(str, range(3000))) + r"\}",
        set_of_sets=r"\{" * 500 + "5" + r"\}" * 500,
        list_large=",".join(["5"] * 100_000),
        tuple_large="(" + ",".join(["5"] * 30_000) + ")",
        union_of_intervals=r" \cup ".join(f"({k},{k + 1})" for k in range(1, 2000)),
        inequality_chain="<".join(f"x_{{{k}}}" for k in range(2000)),
        inequalities_in_many_variables=r" \land ".join(f"a_{{{k}}}^2 > b_{{{k}}} c" for k in range(800)),
        plus_minus_many=r"\pm 1 " * 40,
        plus_minus_nested=r"\pm\sqrt{2" * 25 + "}" * 25,
        equations_many="=".join(["5"] * 20_000 + ["6"]),
        matrix_large=r"\begin{pmatrix}" + r"\\".join("&".join(["1"] * 100) for _ in range(100)) + r"\end{pmatrix}",
        determinant=r"\det\begin{pmatrix}"
        + r"\\".join("&".join(f"x^{{{i * j}}}" for j in range(12)) for i in range(12))
        + r"\end{pmatrix}",
        matrix_power=r"\begin{pmatrix}1&2\\3&4\end{pmatrix}^{99999999}",
        prose_long="the answer is five because " * 40_000,
        spaces="5" + " " * 1_000_000 + "6",
        letters="abc" * 300_000,
    )


def _analysis() -> Iterator[Hostile]:
    yield from boxes(
        "5",
        sum_large=r"\sum_{k=1}^{10^{9}} \frac{1}{k^2}",
        sum_nested=r"\sum_{i=1}^{9999}\sum_{j=1}^{9999}\sum_{k=1}^{9999} ijk",
        sum_infinite=r"\sum_{n=1}^{\infty} \frac{\sin(n^2)}{n^3}",
        product_large=r"\prod_{k=1}^{10^{8}} \left(1+\frac{1}{k}\right)",
        integral=r"\int_0^{\infty} e^{-x^3} \sin(x^2) \ln(1+x^5) \, dx",
        integral_nested=r"\int_0^1 \int_0^1 \int_0^1 \int_0^1 \frac{dx\,dy\,dz\,dw}{1+x^2y^3z^4w^5}",
        limit=r"\lim_{n \to \infty} \left(1+\frac{1}{n}\right)^{n^{n^{n}}}",
        derivative=r"\frac{d^{500}}{dx^{500}} \left( \tan(x)^{50} \right)",
        equation_of_high_degree=r"x^{4999} + 17x^{3} - \sqrt{2}x + \pi = 0",
        trigonometric_tower=r"\tan(\tan(\tan(\tan(\tan(\tan(10^{30}))))))",
        powers_of_letters=r"x^{y^{z^{w^{v^{u}}}}} - x^{y^{z^{w^{u^{v}}}}}",
        radicals_nested_twice=r"\sqrt{2+\sqrt{3+\sqrt{5+\sqrt{7+\sqrt{11+\sqrt{13+\sqrt{17}}}}}}} \cdot 99",
    )


def _behind_a_gold_of_math_verify() -> Iterator[Hostile]:
    """Our reader knows no sums, so that these reach sympy and only the limits hold."""
    yield from boxes(
        SUM,
        sympy_power_tower=TOWER,
        sympy_factorial_double="99999999!!",
        sympy_nested_sets=r"\{" * 500 + "5" + r"\}" * 500,
    )
