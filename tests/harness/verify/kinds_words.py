"""Number words, units in every script and currencies: pairs of a gold and the content of a box."""

# letters that look like others are what these pairs try

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.harness.verify.protocol import Pairs


def behind_five(words: str) -> list[tuple[str, str]]:
    """The gold 5 and ``5 \\text{ word}`` for each of the words between bars."""
    return [("5", rf"5\text{{ {word}}}") for word in words.split("|")]


RIGHT: Final[Pairs] = {
    "number words": [
        ("60", r"5\text{ dozen}"),
        ("60", r"5\text{ dozen eggs}"),
        ("60", r"5 \text{ dozens}"),
        (r"5\text{ dozen}", "60"),
        ("100", r"5\text{ score}"),
        ("720", r"5\text{ gross}"),
        ("40", r"4\text{ tens}"),
        ("500", r"5\text{ hundred}"),
        ("500000", r"5\text{ hundred thousand}"),
        ("5,000,000", r"5\text{ millions}"),
        (r"3\text{ million}", "3000000"),
        (r"3\text{ million}", r"3 \times 10^6"),
        ("5000000", r"\$5\text{ million}"),
        ("1250000", r"1.25 \text{ million dollars}"),
        ("5000000", r"\$5M"),
        ("5000", r"\$5\text{K}"),
        ("5000", r"5\text{k}"),
        ("500000", r"5\text{ lakh}"),
        ("50000000", r"5\text{ crores}"),
        ("50000", "5万"),
        ("50000", r"5\text{ 万元}"),
        ("5000", r"5\text{ тысяч рублей}"),
        (r"\frac53", r"5\text{ thirds}"),
        (r"\frac34", r"3\text{ quarters}"),
        (r"\frac34", r"3\text{ fourths}"),
        (r"\frac12", r"1\text{ half}"),
        ("2.5", r"5\text{ halves}"),
        ("5.5", r"5\text{ and a half}"),
        ("5.5", r"5\text{ and a half hours}"),
        ("-2.5", "-2 and a half"),
        ("0.07", r"7\text{ hundredths}"),
        ("25", r"5\text{ squared}"),
        ("125", r"5\text{ cubed}"),
        ("120", r"5\text{ factorial}"),
        ("-5", r"\text{negative }5"),
        ("-5", r"\text{minus } 5"),
        (r"5\%", r"5\text{ percents}"),
        (r"5\%", r"5\text{ per cent}"),
    ],
    "counted": behind_five(
        "apples|cm|people|ways|different ways|distinct points|red balls|people total|apples in total|square units|pairs"
        "|degrees|triples|times|points|roots|months|tables|ones"
    ),
    "scripts": [
        *behind_five(
            "个|厘米|元|см|Äpfel|Schüler|人|яблок|красных яблок|"
            "étudiants|días|années|élèves|平方米|개|명|дней|ご|ลูก|किताबें"
            "|تفاحات|सेब|件|本|枚|種類|通り|quả|jabłek|garçons|niños"
        ),
        ("5", "5元"),
        ("5", "5 个"),
        (r"5\text{ cm}", r"5\text{ 厘米}"),
        (r"5\text{ cm}^2", "5平方厘米"),
        (r"5\text{ m}", r"5\text{ метров}"),
        (r"90^\circ", r"90\text{ 度}"),
        (r"\text{椭圆}", "椭圆"),
    ],
    "currency": [
        (r"\$18.90", r"US\$18.90"),
        (r"\$18.90", r"\text{US\$}18.90"),
        (r"\$18.90", "U.S. $18.90"),
        (r"\$18.90", r"\text{USD }18.90"),
        (r"\$18.90", r"18.90\text{ USD}"),
        (r"\$18.90", r"18\text{ dollars and }90\text{ cents}"),
        ("18.90", r"\$18 \text{ and } 90 \text{ cents}"),
        ("18.90", "Rs. 18.90"),
        ("18.90", r"\text{Rs. }18.90"),
        ("5", "₹5"),
        ("5", "¥5"),
        ("5", r"\yen 5"),
        ("5", "₩5"),
        ("5", "5 €"),
        ("5", r"C\$5"),
        ("5", r"5\text{ dollars and }0\text{ cents}"),
        ("5", r"5\text{ yen}"),
        ("-5", r"-US\$5"),
    ],
}
WRONG: Final[Pairs] = {
    "number words": [
        *behind_five(
            "dozen|dozens|score|scores|gross|hundred|hundreds|thousand|thousands|million|millions|billions|trillions|k"
            "|quadrillions|quintillions|bn|lakh|lakhs|crores|half|halves|third|thirds|quarters|fourths|fifths|tenths"
            "|hundredths|thousandths|millionths|sixteenths|percent|percents|per cent|percentage points|basis points|ppm"
            "|parts per million|parts per thousand|per mille|squared|cubed|factorial|factorials|square roots|cube roots"
            "|fold|doubled|negatives|tens|twos|sevens|zeros|fails|or more|and a half|and a quarter|million dollars"
            "|dozen eggs|dozens of eggs|hundreds of people|hundredths of a second|half dollars|to the 5th|powers"
            "|reciprocals|times ten|tens of thousands|grand|sixths of the cake|percent of the total|less|more apples"
            "|fewer apples|minus 1|plus or minus|wrong answers|inverses|kilo|millones|milliers|douzaines|docenas"
        ),
        ("12", r"12\text{ dozen}"),
        ("3", r"3\text{ million}"),
        (r"3\text{ million}", "3"),
        (r"3\text{ million}", r"3\text{ billion}"),
        (r"5\text{ dozen}", "5"),
        ("5000000", r"5\text{ billion}"),
        ("5000000", r"5\text{ parts per million}"),
        ("5000000", r"2+3\text{ million}"),
        (r"\frac53", r"5\text{ fourths}"),
        (r"\frac52", r"5\text{ half}"),
        ("5.5", "5 and a third"),
        ("25", r"5\text{ cubed}"),
        ("9", r"-3\text{ squared}"),
        ("5", r"\text{negative }5"),
        ("5", r"\text{twice }5"),
        ("5", r"\text{square root of }5"),
        ("5", r"\text{half of }5"),
        ("-5", r"5\text{ negatives}"),
        ("5", r"\$5M"),
        ("5", r"\$5k"),
        ("5", "5‰"),
    ],
    "scripts": [
        *behind_five(
            "万|亿|千|百|十|五|тысяч|миллионов|сотен|десятков|дюжин|процентов|третей|倍|分之一|以上|以下|左右|不|半|割|천|만"
            "|억|이상|이하|배|लाख|करोड़|हज़ार|ألف|مليون|centièmes|dixièmes|millón|Fünftel|über|höchstens|más|não|更多|至少|不是"
            "|平方|立方|次方|万元|или|не|более|また|または|ない|ล้าน|trăm|nghìn|或6"
        ),
        ("5", "5万"),
        (r"5\text{ cm}", r"5\text{ 米}"),
        (r"5\text{ cm}", r"5\text{ 平方厘米}"),
        (r"5\text{ m}", r"5\text{ см}"),
        ("5", "6 个"),
        (r"\text{椭圆}", r"\text{圆}"),
        (r"\text{Zoë}", r"\text{Zo}"),
    ],
    "currency": [
        (r"\$18.90", r"US\$18.09"),
        (r"\$18.90", "€18.90"),
        (r"\$18.90", r"C\$18.90"),
        (r"\$18.90", "₹18.90"),
        (r"\$18.90", "¥18.90"),
        (r"\$18.90", r"18.90\text{ cents}"),
        (r"\$18.90", r"18\text{ dollars and }9\text{ cents}"),
        ("5", r"5\text{ dollars and }5\text{ cents}"),
        ("10", r"5\text{ dollars and }5\text{ cents}"),
        ("5", r"US\$50"),
        ("5", "Rs. 6"),
        ("5", "¥5万"),
        (r"5\text{ cents}", r"US\$5"),
    ],
}
