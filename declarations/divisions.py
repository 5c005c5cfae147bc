"""行政区划: provinces, prefectures and counties by their GB/T 2260 codes, from python-stdnum's table."""

import functools
import re
from collections.abc import Iterator
from importlib import resources

LIAONING = 210000
ABROAD = 990000  # ours: GB/T 2260 has no code for it
ABROAD_NAME = "境外"

# Counties that the table lacks, and groupings in it that are not places.
SUPPLEMENT = {330113: "临平区", 330114: "钱塘区"}
NOT_A_PLACE = re.compile(r"市辖区|市区|县|.*直辖县级.*|.*直属.*")


def _read() -> Iterator[tuple[int, str]]:
    """Code and present name of every division in force."""
    province = ""
    text = resources.files("stdnum.cn").joinpath("loc.dat").read_text(encoding="utf-8")
    for line in text.splitlines():
        if match := re.match(r'(\d{2}) province="', line):
            province = match[1]
        elif match := re.match(r'  (\d{4}) county="(.*)"', line):
            # e.g. [1983-2013]东陵区,[2014-]浑南区: the last name counts, unless its years have an end.
            _, end, name = re.match(r"(\[\d*-(\d*)\])?(.+)", match[2].split(",")[-1]).groups()
            if not end and not NOT_A_PLACE.fullmatch(name):
                yield int(province + match[1]), name


@functools.cache
def names() -> dict[int, str]:
    """Code -> name, in the order of the codes, provinces and prefectures included."""
    return dict(sorted({**dict(_read()), **SUPPLEMENT, ABROAD: ABROAD_NAME}.items()))


def province_of(code: int) -> int:
    """The code of the province that a division lies in."""
    return code // 10000 * 10000


def prefecture_of(code: int) -> int:
    """The code of the prefecture that a division lies in; of a province, the province itself."""
    return code // 100 * 100


def within(code: int) -> tuple[int, int, int]:
    """The division, its prefecture and its province: a risk level of any of them counts for it."""
    return code, prefecture_of(code), province_of(code)


@functools.cache
def provinces() -> tuple[tuple[int, str], ...]:
    """Code and name of every province, Liaoning first and abroad last."""
    rows = [(code, name) for code, name in names().items() if code % 10000 == 0]
    return tuple(sorted(rows, key=lambda row: (row[0] != LIAONING, row[0])))


@functools.cache
def counties(province: int) -> tuple[tuple[str, tuple[tuple[int, str], ...]], ...]:
    """The places one can choose in a province, by prefecture: (prefecture name, ((code, name), ...)).

    A prefecture without counties, and a province without either (Taiwan, Hong Kong, Macao, abroad), is itself a choice.
    """
    groups: dict[int, list[tuple[int, str]]] = {}
    for code, name in names().items():
        if province_of(code) == province and code != province:
            group = groups.setdefault(prefecture_of(code), [])
            if code % 100:
                group.append((code, name))
    if not groups:
        return ((names()[province], ((province, names()[province]),)),)
    return tuple(
        (names().get(prefecture, names()[province]), tuple(places or [(prefecture, names()[prefecture])]))
        for prefecture, places in groups.items()
    )


def is_choice(code: int) -> bool:
    """Whether a form may give this code as a place."""
    if not known(code):
        return False
    return any(code == place for _, places in counties(province_of(code)) for place, _ in places)


def known(code: int) -> bool:
    """Whether there is such a division."""
    return code in names()


def full_name(code: int) -> str:
    """Province, prefecture and county in one: 辽宁省沈阳市和平区. Unknown codes are shown as they are."""
    if not known(code):
        return str(code)
    parts = dict.fromkeys(names().get(part, "") for part in reversed(within(code)))
    return "".join(parts)
