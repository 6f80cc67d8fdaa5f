"""Residue classes, bases and matrices: pairs of a gold and the content of a box."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.harness.verify.protocol import Pairs

_CLASS: Final = r"x\equiv3\pmod7"
_COLUMN: Final = r"\begin{pmatrix}-1\\2\end{pmatrix}"

RIGHT: Final[Pairs] = {
    "residue classes": [
        (_CLASS, r"x\equiv 3\mod 7"),
        (_CLASS, r"x\equiv 3 \bmod 7"),
        (_CLASS, r"x\equiv 3\ (\text{mod }7)"),
        (_CLASS, r"x\equiv 3\ (\bmod 7)"),
        (_CLASS, "x ≡ 3 (mod 7)"),
        (_CLASS, r"3\pmod 7"),
        (_CLASS, r"x \equiv 10 \pmod 7"),
        (_CLASS, r"x\equiv -4\pmod 7"),
        (_CLASS, "x=7k+3"),
        (_CLASS, "7n+3"),
        (r"3\pmod7", _CLASS),
        ("3", r"3\pmod7"),
        (r"n\equiv1,2\pmod3", r"n\equiv1 \text{ or } 2\pmod3"),
        (r"n\equiv1,2\pmod3", r"n\equiv 2\pmod 3 \text{ or } n\equiv 1 \pmod 3"),
        (r"n\equiv1,2\pmod3", r"n\equiv\pm1\pmod3"),
        (r"n\equiv1,2\pmod3", r"n=3k+1 \text{ or } n=3k+2"),
        (r"p\equiv5\pmod4", r"p\equiv 1\pmod{4}"),
        (r"p \equiv 1 \pmod{4}", "p=4k+1"),
        (r"x\equiv a\pmod p", r"x\equiv a \mod p"),
        (r"mn-\lfloor m/2\rfloor", r"mn-\frac{m-(m\bmod2)}{2}"),
        ("f(x)=0", r"f(x)\equiv 0"),
    ],
    "bare digits": [
        ("52_8", "52"),
        ("52_8", "N=52"),
        ("-52_8", "-52"),
        ("2516_8", "2516"),
        ("1000_2", "1000"),
    ],
    "sign of a matrix": [
        (_COLUMN, r"-\begin{pmatrix}1\\-2\end{pmatrix}"),
        (_COLUMN, r"-\begin{bmatrix}1\\-2\end{bmatrix}"),
        (_COLUMN, r"+\begin{pmatrix}-1\\2\end{pmatrix}"),
        (r"\begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix}", r"-\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}"),
    ],
}
WRONG: Final[Pairs] = {
    "residue classes": [
        (_CLASS, r"x\equiv3\pmod8"),
        (_CLASS, r"x\equiv4\pmod7"),
        (_CLASS, r"x\equiv3\pmod{14}"),
        (_CLASS, r"y\equiv3\pmod7"),
        (_CLASS, r"x\not\equiv 3 \pmod 7"),
        (_CLASS, r"x\equiv 3, 4\pmod 7"),
        (_CLASS, "3"),
        (_CLASS, "x=3"),
        (_CLASS, "x=7"),
        (_CLASS, "x=7k+4"),
        (_CLASS, "x=14k+3"),
        (_CLASS, "x=7x+3"),
        (_CLASS, "x=7k^2+3"),
        (_CLASS, "y=7k+3"),
        (r"n\equiv1,2\pmod3", r"n\equiv1\pmod3"),
        (r"n\equiv1,2\pmod3", r"n\equiv 0,1,2\pmod3"),
        (r"n\equiv1,2\pmod3", r"n\equiv 0\text{ or }1\pmod3"),
        (r"n\equiv1,2\pmod3", r"n\equiv 1\pmod 3 \text{ or } n\equiv 2 \pmod 4"),
        ("3", r"4\pmod7"),
        ("3", r"10\pmod7"),
        ("3", r"3,4\pmod7"),
        ("3", r"x\equiv 3\pmod 7"),
        ("7", r"3\pmod 7"),
        ("x=3", r"x\equiv 3\pmod 7"),
        (r"3\pmod7", r"3\pmod 5"),
        (r"p\equiv 1\pmod 4", "p=4k+3"),
        (r"p\equiv 1\pmod 4", "p=2k+1"),
        (r"p\equiv 1\pmod 4", r"p\equiv 1\pmod 8"),
        ("k=2n-1", r"k\equiv 1\pmod2"),
        (r"x\equiv a\pmod p", r"x\equiv b\pmod p"),
        (r"x\equiv a\pmod p", r"x\equiv a\pmod q"),
        ("f(x)=0", r"f(x)\equiv 1"),
    ],
    "bare digits": [
        ("52_8", "42"),
        ("52_8", "53"),
        ("52_8", "-52"),
        ("52_8", "52_9"),
        ("52_8", "52_7"),
        ("52_8", "52_{10}"),
        ("52_8", "42_{10}"),
        ("52_8", "5.2"),
        ("52_8", r"52\%"),
        ("52_8", r"52 \text{ cm}"),
        ("52", "52_8"),
        ("10_2", "2"),
        ("1A_{16}", "26"),
    ],
    "sign of a matrix": [
        (_COLUMN, r"-\begin{pmatrix}1\\2\end{pmatrix}"),
        (_COLUMN, r"-\begin{pmatrix}-1\\2\end{pmatrix}"),
        (_COLUMN, r"-\begin{pmatrix}1&-2\end{pmatrix}"),
    ],
}
