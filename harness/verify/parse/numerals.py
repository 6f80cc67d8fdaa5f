"""Number words and other notations of numbers."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from harness.verify.model import Number, Operation, Refused, Tree
from harness.verify.parse.tokenizer import Token, Tokens, is_one_bracket, iterate_depths, normalize_latex

_ARRANGED: Final = re.compile(
    r"\s*(?:P\s*\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)|\{\s*\}\s*_\s*\{?\s*(\d{1,3})\s*\}?\s*P\s*_\s*\{?\s*(\d{1,3})\s*\}?)\s*"
)
_DECIMAL_COMMA: Final = re.compile(
    r"(?<![\w.,])(?P<whole>\d{1,3}(?P<groups>(?:(?:\.|\\,|~|\s)\d{3})+)?|\d+)(?:,|(?P<braced>\{,\}))(?P<part>\d{1,2})(?![\w.,])"
)
_LAKHS: Final = re.compile(r"(?<![\w.,])\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?(?![\w,])")
_MONEY: Final = re.compile(
    r"\\\$|[\u00a2-\u00a5\u20a0-\u20cf]|euros?|EUR|dollars|pounds|reais|rubles|z\u0142|\bkr", re.IGNORECASE
)
_DIGITS_OF_BASE: Final = re.compile(r"\(?([0-9A-Z]*[A-Z][0-9A-Z]*)\)?\s*_\s*\{?\s*(1[1-9]|2\d|3[0-6])\s*\}?")
_LISTED: Final = re.compile(r"[,;(\[]|\\[{}]")
_THIN: Final = re.compile(r"\\,")


def list_other_numbers(wanted: str, answer: str, given: str) -> Iterator[tuple[str, str]]:
    """Yield pairs of the gold answer and another number that the answer may mean.

    Args:
        wanted: The gold answer in plain LaTeX.
        answer: The answer as written.
        given: The answer in plain LaTeX.

    Yields:
        Pairs in plain LaTeX; most often none.

    """
    if "P" in given and "P" not in wanted and (arranged := _ARRANGED.fullmatch(given)) is not None:
        total, taken = int(arranged[1] or arranged[3]), int(arranged[2] or arranged[4])
        if taken <= total:
            yield wanted, rf"\frac{{{total}!}}{{{total - taken}!}}"
    if "," in answer and not _LISTED.search(wanted) and (number := _with_point(answer)) is not None:
        yield wanted, normalize_latex(number)
    if "_" in wanted and (digits := _DIGITS_OF_BASE.fullmatch(wanted)) is not None and _is_number(*digits.groups()):
        bare = re.sub(r"\\text\s*|[{}()\s]", "", given)
        yield wanted, wanted if bare.upper() == digits[1] else given


def _with_point(answer: str) -> str | None:
    """Rewrite an answer with a decimal comma or with groups of two digits (lakhs).

    Return None where it has no such number. ``18,90`` without groups of thousands can be a list, so it is rewritten
    only for money.
    """
    commas = answer.count(",") - len(_THIN.findall(answer))
    lakhs = _LAKHS.search(answer)
    if lakhs is not None and commas == lakhs[0].count(",") and "(" not in answer:
        return answer.replace(lakhs[0], lakhs[0].replace(",", ""))
    found = _DECIMAL_COMMA.search(answer)
    if found is None or commas != 1 or not (found["braced"] or found["groups"] or _is_money(answer)):
        return None
    number = re.sub(r"\D", "", found["whole"]) + "." + found["part"]
    return answer[: found.start()] + number + answer[found.end() :]


def _is_number(digits: str, base: str) -> bool:
    """Return whether digits are a number in a base, not a symbol with an index (``A_{16}``)."""
    return len(digits) > 1 and all(int(digit, 36) < int(base) for digit in digits)


def _is_money(answer: str) -> bool:
    """Return whether an answer contains a currency; a pair of dollars around LaTeX is none."""
    return _MONEY.search(answer) is not None or answer.count("$") % 2 == 1


_POWERS_OF_TEN: Final = {
    **{"ten": 1, "hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "quadrillion": 15},
    **{"quintillion": 18, "sextillion": 21, "septillion": 24, "octillion": 27, "nonillion": 30, "decillion": 33},
    **{"lakh": 5, "lac": 5, "crore": 7},
}
_ORDINALS: Final = tuple(
    "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "  # noqa: SIM905
    "sixteenth seventeenth eighteenth nineteenth twentieth".split()
)
_ONE_OF: Final = {
    **{"half": 2, "quarter": 4, **{word: size for size, word in enumerate(_ORDINALS, start=3)}},
    **{
        "thirtieth": 30,
        "fortieth": 40,
        "fiftieth": 50,
        "sixtieth": 60,
        "seventieth": 70,
        "eightieth": 80,
        "ninetieth": 90,
        "hundredth": 100,
        "thousandth": 1_000,
    },
    **{"millionth": 10**6, "billionth": 10**9, "trillionth": 10**12},
}
_OTHER_SCRIPTS: Final = {
    **{
        "십": 1,
        "十": 1,
        "百": 2,
        "千": 3,
        "万": 4,
        "萬": 4,
        "亿": 8,
        "億": 8,
        "兆": 12,
        "백": 2,
        "천": 3,
        "만": 4,
        "억": 8,
        "조": 12,
    },
    **dict.fromkeys(("тысяча", "тысячи", "тысяч", "тыс", "हज़ार", "हजार", "ألف", "nghìn"), 3),
    **dict.fromkeys(("миллион", "миллиона", "миллионов", "млн", "millón", "milhão", "milhões", "مليون", "triệu"), 6),
    **dict.fromkeys(("миллиард", "миллиарда", "миллиардов", "млрд", "مليار", "bilhão", "bilhões"), 9),
    **{"लाख": 5, "करोड़": 7},
}
_SINGULAR: Final[Mapping[str, Fraction]] = {word: Fraction(1, size) for word, size in _ONE_OF.items()}
FACTORS: Final[Mapping[str, Fraction]] = {
    **{word + end: Fraction(10**power) for word, power in _POWERS_OF_TEN.items() for end in ("", "s")},
    **{word: Fraction(10**power) for word, power in _OTHER_SCRIPTS.items()},
    **{word + "s": Fraction(1, size) for word, size in _ONE_OF.items() if word != "half"},
    **{"halves": Fraction(1, 2), "ones": Fraction(1), "dozen": Fraction(12), "dozens": Fraction(12)},
    **{"score": Fraction(20), "gross": Fraction(144), "grand": Fraction(1_000)},
    **{"bn": Fraction(10**9), "mn": Fraction(10**6)},
}
# A letter is a symbol or a unit. It is a factor only after a currency (``\$5M``), or as ``k`` in text (``5\text{k}``).
_LETTERS: Final = {"k": 3, "K": 3, "M": 6, "m": 6, "B": 9, "b": 9, "T": 12}
_POWERS: Final = {"squared": 2, "cubed": 3}
_DIGITS: Final = tuple(
    "zero one two three four five six seven eight nine eleven twelve thirteen fourteen fifteen sixteen "  # noqa: SIM905
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety".split()
)
# Words that are not units, because they change the number or say that it is not the answer.
REFUSED: Final = frozenset(
    {
        *FACTORS,
        *_SINGULAR,
        *_DIGITS,
        *(word + "s" for word in _DIGITS if word != "one"),
        *"zeroes sixes twenties thirties forties fifties sixties seventies eighties nineties scores grosses".split(),  # noqa: SIM905
        *"myriad myriads googol googols grands mil mils mio mia percents percentages pct basis bps ppm ppb".split(),  # noqa: SIM905
        *"permille permilles mille milles couple twice thrice double doubles doubled triple".split(),  # noqa: SIM905
        *"tripled quadruple quadrupled halved halfs fold folds factorial factorials minuses pluses negative".split(),  # noqa: SIM905
        *"negatives positive positives opposites reciprocal reciprocals inverse inverses complements exponents".split(),  # noqa: SIM905
        *"squareds cubeds trebles trebled powers logs logarithms radicals infinities infinites modulos bakers".split(),  # noqa: SIM905
        # Words of other languages with the ending of an English plural.
        *"millones milliards milliers douzaines dizaines centaines docenas decenas centenas cientos trillones".split(),  # noqa: SIM905
        *"billones tercios cuartos quintos sextos octavos decimos avos tiers demis milhares duzias dezenas".split(),  # noqa: SIM905
        *"cinquiemes dixiemes centiemes milliemes quartos sextas troisiemes quatriemes sixiemes septiemes".split(),  # noqa: SIM905
        *"huitiemes neuviemes onziemes douziemes moities demies vingtaines trentaines quinzaines milliardos".split(),  # noqa: SIM905
        *"centenares millares millardos veintenas quincenas treintenas tercias cuartas quintas septimos".split(),  # noqa: SIM905
        *"septimas octavas novenos novenas decimas centesimos centesimas milesimos milesimas milhoes".split(),  # noqa: SIM905
        *"bilhoes trilhoes oitavos nonos metades tusentals hundratals miljontals tiotals ratus".split(),  # noqa: SIM905
        *"prozents dutzends drittels viertels zehntels hundertstels tausendstels".split(),  # noqa: SIM905
        *"lots zillions bazillions gazillions jillions umpteens".split(),  # noqa: SIM905
        *"tenfolds twofolds threefolds fourfolds fivefolds hundredfolds percentiles sqrts".split(),  # noqa: SIM905
    }
)


def split_numerals(parts: Tokens, *, money: bool) -> tuple[Tokens, tuple[tuple[str, Fraction], ...]]:
    """Split off the number words directly after a value.

    Args:
        parts: The tokens of one value and of all that follows it.
        money: True if a currency precedes it; ``k`` and ``M`` are then thousands and millions.

    Returns:
        The other tokens, and the steps for ``apply_steps``.

    Raises:
        Refused: It is unclear what the words change, as in ``2+3 million``.

    """
    start = next((at for at in range(1, len(parts)) if _is_written(parts[at], money)), len(parts))
    steps: list[tuple[str, Fraction]] = []
    end = start
    while end < len(parts):
        rest = parts[end + 1 :]
        found = _step(parts[end], rest, parts[:start], money=money)
        if found is None:
            break
        steps.append(found)
        remainder = _cut(parts[end])
        if remainder is not None:
            return _checked(parts[:start], steps, (*parts[:start], remainder, *rest))
        end += 1
    return _checked(parts[:start], steps, (*parts[:start], *parts[end:])) if steps else (parts, ())


def apply_steps(tree: Tree, steps: tuple[tuple[str, Fraction], ...]) -> Tree:
    """Return a value with all steps applied."""
    for name, size in steps:
        tree = Operation(name, (tree,)) if name == "factorial" else Operation(name, (tree, Number(size)))
    return tree


def _checked(
    value: Tokens, steps: list[tuple[str, Fraction]], rest: Tokens
) -> tuple[Tokens, tuple[tuple[str, Fraction], ...]]:
    if any(name != "mul" for name, _ in steps):
        if len(steps) > 1 or not (len(value) == 1 or (is_one_bracket(value) and value[0].is_("(", "{"))):
            raise Refused("unreadable")
    elif any(depth == 0 and at and token.is_("+", "-", "\\pm") for at, token, depth in iterate_depths(value)):
        raise Refused("unreadable")
    return rest, tuple(steps)


def _step(token: Token, rest: Tokens, value: Tokens, *, money: bool) -> tuple[str, Fraction] | None:
    word = token.text if len(token.text) == 1 else token.text.casefold()
    if word in _POWERS and not rest:
        return "pow", Fraction(_POWERS[word])
    if word == "factorial" and not rest:
        return "factorial", Fraction(1)
    if word in _SINGULAR and [part.text for part in value] == ["1"]:
        return "mul", _SINGULAR[word]
    if word in _LETTERS and (money or (word == "k" and token.kind == "word")):
        return "mul", Fraction(10 ** _LETTERS[word])
    if not word.isascii() and word not in FACTORS:
        size = Fraction(1)
        for character in word[: _wide_factors(word)]:
            size *= FACTORS[character]
        return ("mul", size) if size != 1 else None
    return ("mul", FACTORS[word]) if word in FACTORS else None


def _cut(token: Token) -> Token | None:
    """Return the part of ``万元`` after the number word; None where nothing follows."""
    word = token.text.casefold()
    if word.isascii() or word in FACTORS or len(word) == (size := _wide_factors(word)):
        return None
    return Token("word", token.text[size:], spaced=True)


def _wide_factors(word: str) -> int:
    """Count the one-character number words at the start of a word: two in ``百万``."""
    others = (
        at
        for at, character in enumerate(word)
        if character not in FACTORS or unicodedata.east_asian_width(character) != "W"
    )
    return next(others, len(word))


def _is_written(token: Token, money: bool) -> bool:
    """Return whether a token is a word, not a product of symbols."""
    if token.kind == "letters" and (len(token.text) == 1 or token.text.casefold() not in FACTORS):
        return len(token.text) > 3 or (money and token.text in _LETTERS)
    return token.kind in ("word", "letters")
