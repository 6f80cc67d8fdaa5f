"""Recognize units of measure after a number, split them off, and normalize them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Final

from harness.verify.parse.numerals import REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.verify.model import Unit
    from harness.verify.parse.tokenizer import Token, Tokens


# ruff: noqa: RUF001  # letters that look like others are what this file is about


Factors = tuple[tuple[str, int], ...]

_UNITS: Final = """
mm 毫米 мм ミリメートル 밀리미터
cm 厘米 公分 см сантиметр сантиметра сантиметров センチメートル センチ 센티미터
m 米 公尺 м метр метра метров メートル 미터 mètre mètres mét
km 千米 公里 км километр километра километров キロメートル 킬로미터 kilomètre kilomètres
mg 毫克 мг
g 克 г грамм грамма граммов グラム 그램
kg 千克 公斤 кг килограмм килограмма килограммов キログラム 킬로그램
ton 吨 тонна тонны тонн トン 톤
liter 升 л литр литра литров リットル 리터
ml 毫升 мл
second 秒 秒钟 с сек секунда секунды секунд 초
minute 分钟 分鐘 мин минута минуты минут 분
hour 小时 小時 時間 ч час часа часов 시간 Stündchen
day 天 日 день дня дней 일 día días
year 年 год года лет 년 año años
degree 度 градус градуса градусов 도
yuan 元 块 人民币 圆
yen 円
won 원
rouble рубль рубля рублей руб
dollar 美元 доллар доллара долларов ドル 달러 dólar dólares
euro 欧元 евро ユーロ 유로
person 人 человек человека 명 사람
"""
_NAMES: Final[Mapping[str, str]] = {
    word: line.split()[0] for line in _UNITS.strip().splitlines() for word in line.split()[1:]
}
_POWERS: Final = {"平方": 2, "立方": 3}
# Comparisons, alternatives, negations, shares and powers. A word that contains one of these is not a unit.
_INSIDE: Final = re.compile(
    "[或和与與及且不非无無未没沒错錯误誤约約多少倍乗负負半割成折余除乘减減打]|以[上下内外]|大于|小于|[高低超]|左右|分之|平方$|立方$|次方|次幂|进制|進制"
    "|至|程度|ない|より|ほど|ぐらい|くらい|また|じゃ|です|か$"
    "|또는|이상|이하|미만|초과|정도|아니|약|배$|쯤|반$|제곱|퍼센트"
)
_STEMS: Final = re.compile(
    "или|не$|нет|невер|ошиб|около|более|менее|больше|меньше|миним|максим|пример|процент|полов|дюжин|десят|сот|сто$"
    "|тысяч|милли[оа]|треть|трет|четверт|пят|шест|седьм|восьм|девят|квадрат|куб$|степен|минус|плюс|раза?$|нуль|ноль"
    "|.*i[èe]mes?$|moiti|carré|élev|même|où$|après|été|égal|à$|très"
    "|más|décim|centésim|milésim|millon|mill[óo]n|también|según|quizá|sólo|aún|así|dúzi|até$|não|três|além|milh|bilh"
    "|più|metà|è$|höchst|ungefähr|über|für|hälft|fünft|zwölft|fünf|zwölf|größer|weniger|drei|natürlich|möglich$"
    "|yüz|yarım|değil|üç|dört|kırk|altı|veya|büyük|küçük"
    "|nghìn|ngàn|vạn|triệu|tỷ|tỉ$|trăm|mươi|mười|hoặc|và$|không|ít|hơn|nửa|rưỡi|phần|khoảng|chục"
    "|tysi|milion|pół|około|więcej|mniej|sześ|pięć|pięt|dziesię|ćwier"
    "|тисяч|тисућ|хиляд|хиљад|тысяч|мільйон|мільярд|мільён|милион|милијард|стотин|сотен|тузин|дузин|відсот|десет|мың|жүз"
    "|tisíc|tisuć|milió|milión|miliár|půl|třetin|čtvr|šest|pět|päť|desít|száz|millió|milliárd|öt|tíz|fél$"
    "|sută|sute|jumătate|düzine|çeyrek|kymmen|kümme|yhdeksän|seitsemän|neljän|neljäs"
    "|tūkst|šimt|dešimt|pusė|þúsund|hundra[dð]|milljón|två|åtta|fjärde|terço|dreißig"
)
_SCRIPTS: Final = re.compile(
    "^(?:أو|ليس|لا)$|ألف|آلاف|الاف|ألوف|آلف|مليون|ملايين|مليار|مائة|مئة|مئات|مئت|عشر|نصف|ثلث|ربع|خمس|أكثر|أقل|تقريب|سالب"
    "|هزار|ہزار|میلیون|میلیارد|ملین|لاکھ|کروڑ|درصد|نیم|^(?:صد|سو|دہ|ده|ارب)$"
    "|या|नहीं|लाख|करोड|हज|सौ|सैकड़|सैंकड|शंभर|अरब|खरब|तिहाई|चौथाई|आधा|अधिक|कम|लगभग|प्रतिशत|गुना|दर्जन"
    "|শত|হাজার|লক্ষ|লাখ|কোটি|দশ|অর্ধ|অথবা|ஆயிர|நூறு|லட்ச|கோடி|பத்து|அரை|சதவீத|వేల|వెయ్యి|వంద|లక్ష|కోటి|కోట్ల|శాత"
    "|હજાર|લાખ|કરોડ|ટકા|ಸಾವಿರ|ನೂರು|ಲಕ್ಷ|ಕೋಟಿ|ആയിര|നൂറ|ലക്ഷ|കോടി|ਹਜ਼ਾਰ|ਹਜਾਰ|ਲੱਖ|ਕਰੋੜ"
    "|հազար|հարյուր|միլիոն|ათას|მილიონ|ათი$|ასი$|ພັນ|ຮ້ອຍ|ລ້ານ|ពាន់|លាន|ထောင်|သိန်း"
    "|หรือ|ไม่|พัน|หมื่น|แสน|ล้าน|ร้อย|สิบ|ครึ่ง|เท่า"
    "|או$|לא$|אלף|אלפ|מיליון|מיליארד|חצי|עשר|מאה|מאות|תריסר|שליש|רבע|אחוז|โหล"
)


def foreign_factors(word: str) -> Factors | None:
    """Return the unit of a word in another script, with exponents; None if it cannot be one."""
    if word in _NAMES:
        return ((_NAMES[word], 1),)
    for prefix, power in _POWERS.items():
        if word.startswith(prefix) and word[len(prefix) :] in _NAMES:
            return ((_NAMES[word[len(prefix) :]], power),)
    folded = unicodedata.normalize("NFC", word.lower())  # casefold would give another word
    counted = not any(unicodedata.numeric(character, None) is not None for character in folded)
    refused = _INSIDE.search(folded) or _STEMS.match(folded) or _SCRIPTS.search(folded)
    return ((folded, 1),) if counted and not refused else None


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
_UNITS_NAMES: Final = {word: line.split()[0] for line in _SPELLINGS.strip().splitlines() for word in line.split()}
_PREFIXED: Final = ("m", "g", "s", "eV", "J", "W", "V", "A", "Pa", "Hz", "N", "pc", "mol", "L", "bar", "cal", "K", "T")
_UNITS_NAMES.update(
    {
        prefix + unit: prefix + unit
        for prefix in ("k", "M", "G", "T", "c", "m", "n", "p")
        for unit in _PREFIXED
        if prefix + unit not in _UNITS_NAMES
    }
)
_KM_PER_HOUR: Final = (("km", 1), ("hour", -1))
_COMPOUND: Final = {
    **{"mph": (("mile", 1), ("hour", -1)), "cc": (("cm", 3),)},
    **dict.fromkeys(("kph", "kmh", "kmph"), _KM_PER_HOUR),
}
_UNITS_POWERS: Final = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
_SILENT: Final = frozenset({"unit", "units", "of", "old"})
# Words next to a counted thing: some change nothing, others say which things are counted, as in ``5 red balls``.
_PLAIN_WORDS: Final = frozenset("different distinct unique possible total ordered unordered valid such overall".split())  # noqa: SIM905
_QUALITIES: Final = frozenset(
    "red blue green yellow black white orange purple pink brown gray grey gold silver large small big little tall long "  # noqa: SIM905
    "short wide new identical consecutive prime regular male female right equal extra spare".split()
)
_AT_END: Final = re.compile(r"(?<=\w) (?:in total|in all|total|altogether|overall)$")
# Letters that are a unit even where letters are symbols. Other short runs of letters are then a product.
_SURE: Final = frozenset({"cm", "km", "mm", "mph", "kph"})
# Words that end like a plural but are not counted things.
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
    """Split a value from its unit, which is None where there is none.

    With ``loose``, letters that can be a product can also be a unit.
    """
    start = len(parts)
    while start > 1 and _may_belong(parts[start - 1]):
        start -= 1
    for at in range(start, len(parts)):
        if _may_begin(parts[at:], loose=loose) and (unit := parse_unit(parts[at:])) is not None:
            return parts[:at], unit
    return parts, None


def parse_unit(parts: Tokens) -> Unit | None:
    """Return the unit of words; None where they are not one.

    Examples are ``square feet``, ``m/s^2`` and ``miles per hour``.
    """
    found: Counter[str] = Counter()
    sign, power = 1, 1
    words = _with_powers(parts)
    if words[-1:] in (["/"], ["per"]) or (
        words[-1:] in (["squared"], ["cubed"]) and set(words) <= _UNITS_POWERS.keys()
    ):
        return None  # only the number has a power, and there is no unit
    if words[-1:] and words[-1] in _QUALITIES | _PLAIN_WORDS - {"total", "overall"}:
        return None
    for word in words:
        factors = _factors(word)
        if word in ("/", "per"):
            sign = -1
        elif word in ("squared", "cubed") and found:
            found[list(found)[-1]] *= _UNITS_POWERS[word]
        elif word in _UNITS_POWERS:
            power = _UNITS_POWERS[word]
        elif factors is None or (power > 1 and factors[0][0].startswith("root")):  # "square roots"
            return None
        else:
            found.update({name: sign * exponent * power for name, exponent in factors})
            power = 1
    return tuple(sorted((name, exponent) for name, exponent in found.items() if name))


def _with_powers(parts: Tokens) -> list[str]:
    """Return words with their exponents, such as ``s^-2``, without multiplication signs."""
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
    if word in _UNITS_NAMES:
        return ((_UNITS_NAMES[word], power),)
    return ((word.lower().rstrip("s"), power),) if _is_noun(word) else None


def _is_noun(word: str) -> bool:
    """Return whether an unknown word can be a counted thing: a plural such as ``apples``."""
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
        return loose and len(parts) > 2 and parts[1].is_("/") and token.text in _UNITS_NAMES  # m/s, but not m
    return loose or len(token.text) > 3 or token.text in _SURE
