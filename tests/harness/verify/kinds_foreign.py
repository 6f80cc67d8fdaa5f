"""Scale words of many languages, currencies and numbers as other countries write them, each beside its near misses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.harness.verify.protocol import Pairs

_SCALES: Final = (
    "centenares millares millardos tercias quintas novenos sixiemes septiemes huitiemes neuviemes demies moities "
    "tusentals hundratals drittels prozents milhoes bilhoes ratus lots zillions tenfolds percentiles sqrts ninetieths "
    "eightieths seventieths 십 십만 천만 百億 ngàn vạn rưỡi مئات الاف عشرة هزار אלפים אחוזים सैकड़ा শত হাজার লক্ষ ஆயிரம் వేల "
    "કરોડ ಸಾವಿರ ആയിരം ਹਜ਼ਾਰ หมื่น โหล хиляди стотин тисяч мільйонів тузин ათასი հազար tisíc milión millió száz "
    "půl sześć "
    "jumătate düzine çeyrek þúsund tūkstoš terço"
)

RIGHT: Final[Pairs] = {
    "words that change a number": [
        ("7000000", r"7\text{百万}"),
        ("50000000", "5천만"),
        ("500000", r"5\text{ 십만}"),
        ("50", "5십"),
        ("5", r"5\text{ triples}"),
        ("5", r"5\text{ roots}"),
        ("5", r"5\text{ Stühle}"),
        ("5", r"5\text{ стульев}"),
        ("5", r"5\text{ 頭}"),
        ("5", r"5\text{ feet squared}"),
    ],
    "money and decimal commas": [
        ("1234.50", r"€1.234,50"),
        ("1234.50", "1.234,50 €"),
        ("1234.50", "1.234,50"),
        ("1234.50", r"1\,234{,}50\text{ euros}"),
        ("1234567.5", "€1.234.567,50"),
        ("18.90", "18,90 €"),
        ("18.90", r"\$18,90"),
        ("3.14", "3{,}14"),
        ("5", r"5\text{ Euro}"),
        ("1234567", "₹12,34,567"),
        ("1234567", "12,34,567"),
        ("5", r"R\$5"),
        ("5", r"NT\$5"),
        ("5", r"5\text{ baht}"),
        ("5", r"5\text{ kronor}"),
    ],
    "qualifiers and labels": [
        (r"\frac{\pi}{3}+2k\pi", r"\frac{\pi}{3}+2k\pi, k\in\mathbf{Z}"),
        (r"\frac{\pi}{3}+2k\pi", r"\frac{\pi}{3}+2k\pi, k\in Z"),
        ("f(x)=cx", r"f(x)=cx\text{ for some }c\in\mathbb{R}"),
        ("10", r"\text{Option B: }10"),
        ("10", r"\text{choice (B) }10"),
    ],
    "bases": [
        ("FF_{16}", "FF"),
        ("1A_{16}", "1A"),
        ("1A_{16}", r"\text{1a}"),
        ("2B_{12}", "2B"),
    ],
    "plain notation": [
        (r"(-\infty,2)\cup(3,\infty)", r"y<2 \text{ or } y>3"),
        (r"(2,\infty)", r"x>2\text{ and }2x>3"),
        ("720", "P(10,3)"),
        ("720", "{}_{10}P_3"),
        (r"\mathbb{R}", r"\mathbf R"),
        (r"\begin{pmatrix}-1\\-2\end{pmatrix}", "-(1,2)^T"),
    ],
    "bound names and constants": [
        ("c e^{-2t}", "C e^{-2t}"),
        ("c e^{-2t}", "k e^{-2t}"),
        ("C_1e^{3x}", "ce^{3x}"),
        (r"\int_0^1 xy\,dx", r"\int_0^1 ty\,dt"),
        (r"\sum_{i=1}^{n} ia", r"\sum_{j=1}^{n} ja"),
    ],
    "residue classes": [
        ("3", r"3\pmod 7"),
    ],
}
WRONG: Final[Pairs] = {
    "words that change a number": [
        ("5", r"5\text{ extraneous}"),
        ("5", r"5\text{ erroneous}"),
        *(("5", rf"5\text{{ {word}}}") for word in _SCALES.split()),
        ("5000", "5천만"),
        ("500", "5백만"),
        ("50", "5십만"),
        ("5", r"5\text{ squared squared}"),
        ("5", r"5\text{ squared}\text{ cubed}"),
    ],
    "money and decimal commas": [
        ("1234.50", "1.234"),
        ("1234.50", "1.234.50"),
        ("1234.50", "1,234,50"),
        ("1234.50", "€1.234,05"),
        ("1.234", "1.234,00"),
        ("123.45", "€12.345"),
        ("12345", "€123,45"),
        ("18900", "18,90"),
        ("18.90", "18,90"),
        ("18.90", "$18,90$"),
        ("18.90", "18,900"),
        ("18.90", "1.890 €"),
        ("18,90", "18.90 €"),
        ("1234567", "1,23,4567"),
        ("1234567", "12,34,56"),
        ("12,34,567", "1234567"),
        (r"\$18.90", "18,90 €"),
        ("5", r"R\$6"),
        (r"\$5", r"R\$5"),
    ],
    "qualifiers and labels": [
        (r"\frac{\pi}{3}+2k\pi", r"\frac{\pi}{3}+2k\pi, k\in N"),
        (r"\frac{\pi}{3}+2k\pi", r"\frac{\pi}{3}+2k\pi, k\in n"),
        (r"\frac{\pi}{3}+2k\pi", r"\frac{\pi}{3}+2k\pi, k\in\mathbf{Q}"),
        ("f(x)=2x", r"f(x)=2x\text{ for some }x\in\mathbb{R}"),
        ("10", r"\text{Option B: }11"),
        ("10", r"\text{Option }10"),
    ],
    "bases": [
        ("FF_{16}", "FE"),
        ("FF_{16}", "F"),
        ("FF_{16}", "255"),
        ("FF_{16}", "2FF"),
        ("A_{16}", "A"),
        ("XY_{12}", "XY"),
        ("1A_{16}", "1B"),
        ("1A_{16}", "A1"),
        ("1A_{16}", "1A_{12}"),
    ],
    "plain notation": [
        (r"(-\infty,2)\cup(3,\infty)", r"x<2 \text{ or } y>3"),
        (r"(0,9) \cup (9,36)", r"0<x<36, y\ne 9"),
        ("(2,3)", r"x>2\text{ and }y<3"),
        (r"(2,\infty)", r"x\in\mathbb{R}, y>2, x>2"),
        ("120", "P(10,3)"),
        ("720", "C(10,3)"),
        ("720", "P(3,10)"),
        ("30", "P(10,3)"),
        ("120", "{}_{10}P_3"),
        (r"\mathbb{R}", r"\mathbf Q"),
        (r"\begin{pmatrix}-1\\2\end{pmatrix}", "-(1,2)^T"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", "-(1,2)^T"),
    ],
    "bound names and constants": [
        ("c e^{-2t}", "C e^{2t}"),
        ("c e^{-2t}", "C^2 e^{-2t}"),
        ("c e^{-2t}", "t e^{-2t}"),
        ("c e^{-2t}", "C+e^{-2t}"),
        ("c e^{-2t}", "e^{-2t}"),
        ("c e^{-2t}", "5e^{-2t}"),
        ("c e^{-kt}", "k e^{-ct}"),
        ("c^2 e^{-2t}", "k^2 e^{-2t}"),
        (r"\int_0^1 xy\,dx", r"\int_0^1 xy\,dy"),
        (r"\sum_{i=1}^{n} ij", r"\sum_{j=1}^{n} ij"),
        (r"\sum_{i=1}^{n} ia", r"\sum_{j=1}^{n} ia"),
    ],
    "residue classes": [
        ("3", r"3\pmod 2"),
        ("5", r"5\pmod{5}"),
        ("2", r"7\bmod 3"),
    ],
}
