from __future__ import annotations

import numpy as np
import pytest

from harness.records.outcomes import majority_at_k
from harness.verify.model.verdict import Gold, Limits
from harness.verify.process_pool import Verifier, compute_vote_key, get_shared_verifier

TOGETHER = {
    "roots": (
        r"2\sqrt2",
        r"2\sqrt{2}",
        r"\sqrt8",
        r"\sqrt{8}",
        "sqrt(8)",
        r"\frac{4}{\sqrt2}",
        r"8^{1/2}",
        "x=2\\sqrt 2",
    ),
    "options": ("B", "(B)", r"\text{B}", r"\text{(B)}", r"\textbf{(B)}", r"\mathrm{B}"),
    "currency": ("10", r"\$10", r"10\text{ dollars}", "$10$", "10.00", r"\$10.00"),
    "units": ("12", r"12\text{ cm}", "12 cm", r"12\text{ apples}", r"12^\circ"),
    "polynomials": ("x^2+1", "1+x^2", "x^{2}+1", "(x+1)^2-2x", "f(x)=x^2+1", "y=x^2+1"),
    "fractions of polynomials": (r"\frac{x^2-1}{x+1}", "x-1", "-(1-x)"),
    "lists": ("3,4", "4,3", "3, 4", r"\{4,3\}", r"x=3 \text{ or } x=4", r"3 \text{ and } 4"),
    "plus and minus": (r"1\pm\sqrt2", r"1+\sqrt2, 1-\sqrt2", r"1-\sqrt{2}, 1+\sqrt{2}"),
    "per cent": (r"50\%", "0.5", r"\frac12", r"50 \text{ percent}", "1:2"),
    "tuples": (r"\left(1,2\right)", "(1,2)", "(1, 2)", r"(1,\frac{4}{2})", r"\begin{pmatrix}1\\2\end{pmatrix}"),
    "intervals": ("x>2", "2<x", r"(2,\infty)", "2x>4"),
    "nested fractions": (r"\frac{\sqrt3}{2}", r"\frac{\sqrt{3}}{2}", r"\dfrac{\sqrt{3}}2", r"\frac{3}{2\sqrt3}"),
    "complex": ("1+2i", "2i+1", "1 + 2 i"),
    "trigonometry": ("-1", r"e^{i\pi}", r"\cos\pi", r"-\sin 90^\circ"),
    "powers": ("2^{10}", "1024", "1,024", r"4^5"),
    "lines": ("y=2x+3", "2x-y+3=0", "4x+6-2y=0"),
    "circles": ("x^2+y^2=4", "2x^2+2y^2=8", "x^2+y^2-4=0"),
    "words": (r"\text{even}", "even", "Even", r"\textbf{even}"),
    "ratios": ("3:4:6", "6:8:12", "9:12:18"),
    "functions": ("n!", "n(n-1)!"),
    "repeating": (r"0.\overline{3}", r"\frac13", "1/3"),
    "residue classes": (r"x\equiv3\pmod7", r"x\equiv10\pmod{7}", r"x\equiv 3\bmod 7", r"3\pmod 7"),
    "two classes": (r"x\equiv1,4\pmod5", r"x\equiv\pm1\pmod 5"),
    "qualifiers": (r"y=7x", r"y=7x\text{ for all }x\in\mathbb{R}", "7x"),
    "periods": (r"x=\frac{\pi}{4}+k\pi", r"x=\frac{\pi}{4}+k\pi,\ k\in\mathbb{Z}"),
    "labels": ("17", r"\text{B) }17", "B) 17", r"\textbf{(B)}\ 17"),
    "unreadable": ("5+*", " 5 + * "),
}
APART = [
    *("2", "[1,2]", "1,2", "x+1", "y+1", "1 1/2", "11/2", "2516_8", "2516", "A", "C", "-2", "2=5", "i", "|x|"),
    *(r"\{\{1\},2\}", "1,1", "(2,1)", "3.14", r"\pi", "10^{100}", "10^{100}+1", "10^{5000}", "10^{5000}+1", "5:30"),
    *("x>1", r"x\ge 1", "x<1", r"\infty", r"-\infty", "x<y", "x>y", "x^2+y^2=1", r"\text{odd}"),
    *(r"x\equiv3\pmod{14}", r"x\equiv4\pmod7", r"7x\text{ for }x>0", r"x=\frac{\pi}{4}+k\pi, k\in\mathbb{N}"),
]


@pytest.mark.parametrize("kind", TOGETHER)
def test_answers_of_one_value_have_one_key(kind: str) -> None:
    assert len({compute_vote_key(answer) for answer in TOGETHER[kind]}) == 1, [
        compute_vote_key(answer) for answer in TOGETHER[kind]
    ]


def test_answers_of_other_values_have_other_keys() -> None:
    keys = [compute_vote_key(answer) for answer in (*APART, *(answers[0] for answers in TOGETHER.values()))]
    assert None not in keys
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("kind", TOGETHER)
def test_three_spellings_of_a_wrong_answer_outvote_two_right_ones(kind: str) -> None:
    answers = [compute_vote_key(answer) for answer in ("77", "77", *TOGETHER[kind][-3:])]
    assert len(answers) in (4, 5)
    right = np.array([[True, True] + [False] * (len(answers) - 2)])
    assert majority_at_k(right, np.array([answers], dtype=object)).tolist() == [0.0 if len(answers) == 5 else 0.5]


@pytest.mark.parametrize("kind", TOGETHER)
def test_the_verifier_tells_wrong_answers_of_one_value_as_one(kind: str) -> None:
    pairs = [(Gold("77"), rf"\boxed{{{answer}}}") for answer in TOGETHER[kind]]
    verdicts = get_shared_verifier().verify(pairs, votes=True)
    assert not any(verdict.right for verdict in verdicts)
    assert len({verdict.answer for verdict in verdicts}) == 1
    assert verdicts[0].answer == get_shared_verifier().verify(pairs[:1])[0].answer  # the text of the first


def test_merging_changes_no_word_and_no_right_answer() -> None:
    pairs = [(Gold(r"\sqrt8"), rf"\boxed{{{answer}}}") for answer in (*TOGETHER["roots"], *APART)]
    plain, merged = get_shared_verifier().verify(pairs), get_shared_verifier().verify(pairs, votes=True)
    assert [(one.right, one.reason) for one in plain] == [(one.right, one.reason) for one in merged]
    assert [one.answer for one in plain if one.right] == [one.answer for one in merged if one.right]


def test_answers_without_a_key_of_their_own_do_not_vote_as_one() -> None:
    unread = ["5+*", "7+*", "2=5", "2=6", r"\frac{1}{0}", r"\frac{2}{0}"]
    assert len({compute_vote_key(answer) for answer in unread}) == len(unread)


def test_what_is_no_answer_has_no_vote() -> None:
    assert compute_vote_key("1+" * 5_000) is None
    responses = ["", r"\boxed{ }", r"\boxed{5} \boxed{", "5"]
    assert [
        one.answer for one in get_shared_verifier().verify([(Gold("5"), text) for text in responses], votes=True)
    ] == [None] * 4


HOSTILE = [
    "9^{9^{9^9}}",
    "((" * 1_000 + "1" + "))" * 1_000,
    r"\frac{1}{" * 400 + "2" + "}" * 400,
    "999!!!",
    r"\binom{1000}{500}^{" + "9" * 50 + "}",
    ",".join(map(str, range(1_000))),
    "x^{" * 30 + "2" + "}" * 30,
    "+".join(rf"\sin({n}x)\cos({n}y)" for n in range(40)),
    "\ud800",
    "\\",
    "{",
    r"\pm" * 300,
    "1e9999999",
]


def test_hostile_answers_have_a_key_within_the_limits() -> None:
    with Verifier(limits=Limits(cpu_seconds=0.5)) as verifier:
        keys = verifier.votes(HOSTILE)
        assert all(isinstance(key, str) and len(key) <= 5_000 for key in keys)
        assert len(set(keys)) == len(keys)
        assert verifier.votes([r"\sqrt8", r"2\sqrt2"]) == [compute_vote_key(r"\sqrt8")] * 2


def test_a_key_does_not_depend_on_what_was_asked_before() -> None:
    asked = [answer for answers in TOGETHER.values() for answer in answers]
    with Verifier() as verifier:
        together = verifier.votes(asked)
        assert together == [verifier.votes([answer])[0] for answer in asked]
