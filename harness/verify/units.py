"""Units of measure behind a number: which words they are, and when two are the same."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from harness.verify.foreign import foreign_factors
from harness.verify.numerals import REFUSED

if TYPE_CHECKING:
    from harness.verify.tokens import Token, Tokens

Unit = tuple[tuple[str, int], ...]  # base units and their exponents, sorted; () for a unit that says nothing

_SPELLINGS: Final = """
mm millimeter millimeters millimetre millimetres
cm centimeter centimeters centimetre centimetres
m meter meters metre metres
km kilometer kilometers kilometre kilometres
nm nanometer nanometers
inch in inches
foot ft feet
yard yd yards
mile mi miles
second s sec secs seconds
ms millisecond milliseconds
minute min mins minutes
hour h hr hrs hours
day days
week weeks
month months
year yr yrs years
mg milligram milligrams
g gram grams
kg kilogram kilograms
ton tons tonne tonnes
pound lb lbs pounds
ounce oz ounces
liter L l liters litre litres
ml mL milliliter milliliters millilitre millilitres
gallon gal gallons
dollar USD dollars bucks
cent cents
euro euros EUR Euro Euros
rupee rupees Rs INR
yuan CNY RMB renminbi
yen JPY
won KRW
rouble roubles ruble rubles RUB
peso pesos MXN
CHF francs
CAD
AUD
HKD
SGD
degree deg degrees
radian rad radians
degreeC celsius Celsius
degreeF fahrenheit Fahrenheit
K kelvin
acre acres
hectare hectares
N newton newtons
J joule joules
W watt watts
V volt volts
A amp amps ampere amperes
Pa pascal pascals
Hz hertz
mol mole moles
people person persons
child children
man men
woman women
sheep
fish
mouse mice
goose geese
tooth teeth
deer
cattle
penny pence pennies
eV
erg ergs
arcsec arcsecond arcseconds
amu u Da dalton daltons
AU au
ly lightyear lightyears
pc parsec parsecs
angstrom angstroms
bar bars
atm atmosphere atmospheres
ohm ohms
tesla teslas
gauss
baht THB
rupiah IDR
rand ZAR
ringgit MYR
dong VND
lira liras TRY
krona kronor krone kroner
zloty zlotys PLN
real reais BRL
coulomb coulombs
farad farads
calorie calories cal
bit bits
byte bytes
"""
_NAMES: Final = {word: line.split()[0] for line in _SPELLINGS.strip().splitlines() for word in line.split()}
_PREFIXED: Final = ("m", "g", "s", "eV", "J", "W", "V", "A", "Pa", "Hz", "N", "pc", "mol", "L", "bar", "cal", "K", "T")
_NAMES.update(
    {
        prefix + unit: prefix + unit
        for prefix in ("k", "M", "G", "T", "c", "m", "n", "p")
        for unit in _PREFIXED
        if prefix + unit not in _NAMES
    }
)
_KM_PER_HOUR: Final = (("km", 1), ("hour", -1))
_COMPOUND: Final = {
    **{"mph": (("mile", 1), ("hour", -1)), "cc": (("cm", 3),)},
    **dict.fromkeys(("kph", "kmh", "kmph"), _KM_PER_HOUR),
}
_POWERS: Final = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_SILENT: Final = frozenset({"unit", "units", "of", "old"})
# Words beside a counted thing: those that change nothing, and those that say which things, as in ``5 red balls``.
_PLAIN_WORDS: Final = frozenset("different distinct unique possible total ordered unordered valid such overall".split())  # noqa: SIM905
_QUALITIES: Final = frozenset(
    "red blue green yellow black white orange purple pink brown gray grey gold silver large small big little tall long "  # noqa: SIM905
    "short wide new identical consecutive prime regular male female right equal extra spare".split()
)
_AT_END: Final = re.compile(r"(?<=\w) (?:in total|in all|total|altogether|overall)$")
# Bare letters that are a unit even where letters are symbols; other short ones are a product there.
_SURE: Final = frozenset({"cm", "km", "mm", "mph", "kph"})
# Words with the ending of a plural that count nothing.
_NO_NOUN: Final = frozenset(
    "always perhaps plus minus yes less its this is was has does sometimes unless guess pass cross possibilities "  # noqa: SIM905
    "answers guesses values solutions maybes others else as us thus numbers fails works equals exceeds gives yields "
    "means holds exists satisfies remains contains becomes differs needs makes takes gets goes comes says seems looks "
    "appears suffices fits follows errors mistakes wrongs nones nots buts ifs whereas towards besides upwards "
    "downwards onwards afterwards backwards forwards hopes thinks believes supposes assumes claims knows solves versus "
    "excludes includes doubts approximates approximations estimates maximums minimums theirs ours yours hers "
    "increases decreases lies isnis".split()
)
CODES: Final = {
    **{"USD": "dollar", "EUR": "euro", "GBP": "pound sterling", "JPY": "yen", "CNY": "yuan", "RMB": "yuan"},
    **{"INR": "rupee", "KRW": "won", "RUB": "rouble", "CHF": "CHF", "CAD": "CAD", "AUD": "AUD", "MXN": "peso"},
}
CURRENCIES: Final = {
    **{"\\dollar": "dollar", "\\pounds": "pound sterling", "\\euro": "euro", "\\yen": "yen", "\\rupee": "rupee"},
    **{"\\won": "won", "\\rouble": "rouble", "\\shekel": "shekel", "\\lira": "lira", "\\peso": "peso"},
}
DOLLARS: Final = {
    "US": "dollar",
    "A": "AUD",
    "AU": "AUD",
    "C": "CAD",
    "CA": "CAD",
    "HK": "HKD",
    "NZ": "NZD",
    "S": "SGD",
    "R": "real",
    "NT": "TWD",
}
CENTS: Final = {"dollar": "cent", "euro": "cent", "pound sterling": "penny", "pound": "penny"}
_SIGN_TOKENS: Final = ("^", "{", "}", "/", "*", "-")


def split_unit(parts: Tokens, *, loose: bool) -> tuple[Tokens, Unit | None]:
    """The value and its unit. ``loose``: bare letters that could be a product are a unit too."""
    start = len(parts)
    while start > 1 and _may_belong(parts[start - 1]):
        start -= 1
    for at in range(start, len(parts)):
        if _may_begin(parts[at:], loose=loose) and (unit := parsed(parts[at:])) is not None:
            return parts[:at], unit
    return parts, None


def parsed(parts: Tokens) -> Unit | None:
    """The unit that words spell, if they spell one: ``square feet``, ``m/s^2``, ``miles per hour``."""
    found: Counter[str] = Counter()
    sign, power = 1, 1
    words = _with_powers(parts)
    if words[-1:] in (["/"], ["per"]) or (words[-1:] in (["squared"], ["cubed"]) and set(words) <= _POWERS.keys()):
        return None  # a power of nothing but the number
    if words[-1:] and words[-1] in _QUALITIES | _PLAIN_WORDS - {"total", "overall"}:
        return None
    for word in words:
        factors = _factors(word)
        if word in ("/", "per"):
            sign = -1
        elif word in ("squared", "cubed") and found:
            found[list(found)[-1]] *= _POWERS[word]
        elif word in _POWERS:
            power = _POWERS[word]
        elif factors is None or (power > 1 and factors[0][0].startswith("root")):  # "square roots"
            return None
        else:
            found.update({name: sign * exponent * power for name, exponent in factors})
            power = 1
    return tuple(sorted((name, exponent) for name, exponent in found.items() if name))


def _with_powers(parts: Tokens) -> list[str]:
    """Words with their exponents, ``s^-2``; signs of multiplication left out."""
    text = " ".join(token.text for token in parts)
    text = re.sub(r" ?\^ (?:\{ )?(?:(-) )?(\d)(?: \})?", r"^\1\2", text)
    text = re.sub(r"\bU ?S (?=dollars?\b)", "", text)
    return [word for word in _AT_END.sub("", text).split() if word != "*"]


def _factors(word: str) -> tuple[tuple[str, int], ...] | None:
    word, _, exponent = word.partition("^")
    power = int(exponent or 1)
    if word in _COMPOUND:
        return tuple((name, inner * power) for name, inner in _COMPOUND[word])
    if word in _SILENT or word in _PLAIN_WORDS:
        return (("", power),)
    if word in _QUALITIES:
        return ((word, power),)
    if not word.isascii():
        return foreign_factors(word)
    if word in _NAMES:
        return ((_NAMES[word], power),)
    return ((word.lower().rstrip("s"), power),) if _is_noun(word) else None


def _is_noun(word: str) -> bool:
    """Whether an unknown word can be what is counted: a plural such as ``apples``."""
    plural = re.fullmatch(r"[A-Za-z]?[a-z]{2,}[a-rt-z]s", word) is not None and not word.endswith("ous")
    return plural and word.lower() not in _NO_NOUN and word.lower() not in REFUSED


def _may_belong(token: Token) -> bool:
    return (
        token.kind in ("word", "letters")
        or token.is_(*_SIGN_TOKENS)
        or (token.kind == "number" and len(token.text) == 1)
    )


def _may_begin(parts: Tokens, *, loose: bool) -> bool:
    token = parts[0]
    if token.kind == "word":
        return True
    if token.kind != "letters":
        return False
    if len(token.text) == 1:
        return loose and len(parts) > 2 and parts[1].is_("/") and token.text in _NAMES  # m/s, but no m
    return loose or len(token.text) > 3 or token.text in _SURE
