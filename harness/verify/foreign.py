"""Units and counted things in other scripts than ASCII, behind a number: ``5 个``, ``5 см``, ``5 Äpfel``.

Any word may be what is counted, as in English; number words and words that restrict or deny are refused.
"""

# ruff: noqa: RUF001  # letters that look like others are what this file is about

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

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
# Comparisons, alternatives, negations, shares and powers: a word that holds one of these is no unit.
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
    """Return the units that a word of another script is, with their exponents; None where it can be none."""
    if word in _NAMES:
        return ((_NAMES[word], 1),)
    for prefix, power in _POWERS.items():
        if word.startswith(prefix) and word[len(prefix) :] in _NAMES:
            return ((_NAMES[word[len(prefix) :]], power),)
    folded = unicodedata.normalize("NFC", word.lower())  # casefold would spell another word
    counted = not any(unicodedata.numeric(character, None) is not None for character in folded)
    refused = _INSIDE.search(folded) or _STEMS.match(folded) or _SCRIPTS.search(folded)
    return ((folded, 1),) if counted and not refused else None
