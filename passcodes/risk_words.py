"""What the columns of lists and the choices in them are called, in Chinese and English."""

import functools
import re
import unicodedata

from django.db import models

from declarations.documents import DocumentKind
from passcodes.colour import RiskCategory, RiskLevel

# Column -> the headers it may stand under, beside its own name. None that could as well be about the person listed:
# 联系电话 and 单位 in such lists are their phone and employer.
PEOPLE = {
    "document_kind": "证件类型 证件种类 证件类别",
    "document_number": "证件号码 证件号 身份证号 身份证号码 身份证 公民身份号码 id_number",
    "category": "人员类别 类别 风险类别 风险人员类别 管控类别",
    "starts_at": "管控开始时间 管控开始日期 开始时间 开始日期 起始时间 起始日期 start",
    "ends_at": "管控结束时间 管控结束日期 结束时间 结束日期 解除时间 解除日期 end",
    "source": "来源 数据来源",
    "office": "机关 管控机关 责任单位 管控单位",
    "office_phone": "机关电话 责任单位电话 管控单位电话",
}
AREAS = {
    "division": "行政区划代码 区划代码 行政区划 区划",
    "level": "风险等级 等级 级别",
    "starts_on": "开始日期 起始日期 开始时间 start",
    "ends_on": "结束日期 截止日期 解除日期 结束时间 end",
    "source": "来源 数据来源",
    "place": "场所名称 场所 地点 地点名称 具体地点 具体场所",
    "office": "机关 划定机关 发布机关 管控机关 责任单位 管控单位",
    "office_phone": "机关电话 划定机关电话 发布机关电话 责任单位电话 管控单位电话",
}
MAY_LACK = {"document_kind", "ends_at", "ends_on", "source", "office", "office_phone", "place"}


def plain(text: str) -> str:
    """Half width, without blanks around; most texts already are."""
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFKC", text[:400]).strip()


def heading(text: str) -> str:
    """A header, or the word for a choice, as it is compared."""
    return re.sub(r"[\s_\-*:：]", "", plain(str(text)).casefold())


def meanings(columns: dict[str, str]) -> dict[str, str]:
    """Header, as `heading` gives it -> column."""
    return {heading(word): name for name, others in columns.items() for word in (name, *others.split())}


def _choices(choices: type[models.TextChoices], others: dict[str, str]) -> dict[str, str]:
    """Everything a choice may be called -> its value."""
    words = {heading(word): choice.value for choice in choices for word in (choice.value, choice.name)}
    return {**words, **{heading(word): value for value, names in others.items() for word in names.split()}}


KINDS = _choices(
    DocumentKind,
    {
        "01": "居民身份证 身份证 二代身份证 id resident_id",
        "02": "户口簿 户口本 居民户口簿",
        "03": "护照",
        "04": "外国人永久居留身份证 外国人永久居留证",
        "06": "港澳居民来往内地通行证 港澳通行证 回乡证",
        "07": "台湾居民来往大陆通行证 台胞证",
        "99": "其他 其他证件",
    },
) | {str(int(kind)): kind.value for kind in DocumentKind}
CATEGORIES = _choices(
    RiskCategory,
    {
        "confirmed": "确诊 确诊病例 confirmed_case",
        "suspected": "疑似 疑似病例 suspected_case",
        "asymptomatic": "无症状 无症状感染者 asymptomatic_carrier",
        "close_contact": "密接 密切接触者 密接者",
        "secondary_contact": "次密接 次密接者 密接的密接 次密切接触者",
        "arrival": "入境 入境人员 境外入境人员 arrival_from_abroad",
        "managed": "其他管控人员 其他管理人员 其他重点人员 其他 other_managed_person",
    },
)
LEVELS = _choices(RiskLevel, {"high": "高 高风险 高风险地区 high_risk", "medium": "中 中风险 中风险地区 medium_risk"})


@functools.lru_cache(maxsize=10_000)
def choice_of(words: str, text: str) -> str | None:
    """The value that a word stands for in "kind", "category" or "level"; None if it is none."""
    return {"kind": KINDS, "category": CATEGORIES, "level": LEVELS}[words].get(heading(text))
