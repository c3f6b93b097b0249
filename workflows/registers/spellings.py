"""How offices write things: headers, channels, intents, dates and registrars, in the spellings met in real registers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

HEADERS: dict[str, tuple[str, ...]] = {
    "name": ("姓名", "客户姓名", "客户", "客户名称", "客户称呼", "称呼", "name", "customer", "customername", "client"),
    "phone": ("电话", "联系电话", "手机", "手机号", "手机号码", "联系方式", "客户电话", "电话号码", "联系手机",
              "phone", "mobile", "tel", "telephone", "phonenumber", "mobilephone", "cell"),
    "channel": ("渠道", "来源渠道", "来源", "客户来源", "获客渠道", "拓客渠道", "channel", "source"),
    "spot": ("地点", "拓客地点", "点位", "位置", "spot", "place", "location"),
    "date": ("登记日期", "日期", "登记时间", "时间", "来访日期", "date", "registeredon", "registrationdate", "day"),
    "registrar": ("登记人", "拓客人", "拓客人员", "拓客专员", "业务员", "经办人", "registrar", "promoter", "registeredby", "agent"),
    "team": ("小组", "组别", "团队", "拓客组", "team", "group"),
    "intent": ("意向", "意向等级", "客户意向", "意向级别", "意向程度", "客户等级", "intent", "interest", "grade"),
    "note": ("备注", "说明", "客户需求", "需求", "note", "notes", "remark", "remarks", "comment", "comments", "demand"),
}  # fmt: skip
PARTS = {"phone": ("电话", "手机"), "name": ("姓名",), "channel": ("渠道",), "registrar": ("登记人",),
         "date": ("日期",), "intent": ("意向",), "note": ("备注",)}  # fmt: skip
NOT_THE_CUSTOMER = re.compile(r"登记人|顾问|经办|推荐|介绍|业务员|拓客人|紧急")

CHANNELS: dict[str, tuple[str, ...]] = {
    "flyer": ("派单", "派单拓客", "传单", "发单", "地推", "扫街", "flyer", "flyers", "leaflet"),
    "exhibition": ("巡展", "外展", "展会", "展点", "巡展点", "商超巡展", "exhibition", "roadshow", "booth"),
    "group_purchase": ("企业团购", "团购", "企业拓展", "企业", "大客户", "grouppurchase", "groupbuying"),
    "call_in": ("来电", "电话来访", "电话", "来电客户", "电话咨询", "热线", "callin", "call", "phone", "hotline"),
    "walk_in": ("自然来访", "来访", "自访", "自然到访", "上门", "自然上门", "路过", "walkin", "visit"),
    "online": ("线上", "网络", "网上", "抖音", "小红书", "微信", "公众号", "小程序", "直播", "online", "web", "internet"),
    "referral": ("老带新", "老客户介绍", "老业主", "转介绍", "朋友介绍", "介绍", "referral", "referred"),
    "partner": ("渠道", "分销", "中介", "渠道带看", "经纪人", "partner", "agency", "broker"),
}  # fmt: skip
CHANNEL_OF = {
    spelling: key for key, spellings in CHANNELS.items() for spelling in (*spellings, key.replace("_", ""))
}
INTENTS = {
    "高": "A",
    "强": "A",
    "中": "B",
    "一般": "B",
    "低": "C",
    "弱": "C",
    "high": "A",
    "medium": "B",
    "mid": "B",
    "low": "C",
}

TOTAL = re.compile(
    r"(?:本页|本月|本周)?(?:合计|总计|小计|共计|累计|汇总)|(?:sub|grand)?\s*totals?(?![a-z])", re.I
)
FOOTER = re.compile(r"(?:制表|审核|填表|复核|说明|注|备注|签字)人?\s*:")
BRACKETS = re.compile(r"^(.*?)\s*\((.+)\)\s*$")
DASHES = re.compile(r"\s*[-\u2010-\u2015_:·/]\s*")
FULL = re.compile(r"(\d{4}|\d{2})[-/.年](\d{1,2})[-/.月](\d{1,2})[日号]?")
MONTH_DAY = re.compile(r"(\d{1,2})[-/.月](\d{1,2})[日号]?")
YEAR = re.compile(r"(?<!\d)(20\d{2})(?!\d)")
TEAM = re.compile(r"(组|队|部|team|group)$|^team|^group", re.I)
EXCEL_DAY_ZERO = date(1899, 12, 30)
EXCEL_DAYS = range(36526, 73051)  # 2000 to 2099


def plain(cell: Any) -> str:
    """Half-width text on one line, without spaces around it; whole floats without their `.0`."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell)
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    text = unicodedata.normalize("NFKC", text)
    return " ".join(
        "".join(" " if unicodedata.category(c) in ("Cc", "Zs", "Zl", "Zp") else c for c in text).split()
    )


def key(cell: Any) -> str:
    """What is compared: lower case, no spaces, no decoration."""
    return re.sub(r"[\s*:_\-#]+", "", plain(cell).lower())


def header(cells: list[Any]) -> dict[str, list[int]]:
    """Which columns hold which field, where this row is a header; nothing where it is none."""
    found: dict[str, list[int]] = {}
    words = [re.sub(r"\(.*?\)", "", key(cell)) if isinstance(cell, str) else "" for cell in cells]
    for column, word in enumerate(words):
        for field, spellings in HEADERS.items():
            if word in spellings:
                found.setdefault(field, []).append(column)
    taken = {column for columns in found.values() for column in columns}
    for column, word in enumerate(words):
        if column in taken or len(word) > 10:
            continue
        somebody_else = NOT_THE_CUSTOMER.search(word)
        for field, parts in PARTS.items():
            if any(part in word for part in parts) and not (somebody_else and field in ("phone", "name")):
                found.setdefault(field, []).append(column)
                break
    return found if "phone" in found and len(found) > 1 else {}


def channel(cell: Any) -> tuple[str | None, str | None]:
    """The channel's key and the spot that some write behind it: `巡展（万达）` is an exhibition at 万达."""
    text = plain(cell)
    if found := CHANNEL_OF.get(key(text)):
        return found, None
    if bracket := BRACKETS.match(text):
        return CHANNEL_OF.get(key(bracket[1])), bracket[2].strip()
    first, *rest = DASHES.split(text, maxsplit=1)
    if rest and key(first) in CHANNEL_OF:
        return CHANNEL_OF[key(first)], rest[0]
    for spelling in ("巡展", "派单"):
        if text.endswith(spelling) and len(text) > len(spelling):
            return CHANNEL_OF[spelling], text.removesuffix(spelling).strip()
    return None, None


def intent(cell: Any) -> str | None:
    """`A`, `B` or `C`; None for what is none of them."""
    word = key(cell).removesuffix("意向").removesuffix("类").removesuffix("级").removesuffix("客户")
    return word.upper() if word in ("a", "b", "c") else INTENTS.get(word)


def registrar(cell: Any, team: Any = None) -> tuple[str | None, str | None]:
    """Team and name of who registered: `拓客一组-阿强`, `阿强（拓客一组）`, `阿强`."""
    text, team_name = plain(cell), plain(team) or None
    if not text:
        return team_name, None
    if bracket := BRACKETS.match(text):
        return bracket[2].strip(), bracket[1].strip()
    parts = DASHES.split(text, maxsplit=1) if DASHES.search(text) else text.split(" ", 1)
    if len(parts) == 2 and all(parts):
        left, right = parts
        if TEAM.search(right) and not TEAM.search(left):
            return right, left
        if TEAM.search(left) or not text.isascii():
            return left, right
    return team_name, text


@dataclass(frozen=True, slots=True)
class MonthDay:
    """A date without its year, as `3月6日`."""

    month: int
    day: int

    def near(self, neighbour: date) -> date | None:
        """The one of this month and day that lies nearest to a date known from nearby (a December row in a January
        register is last year's)."""
        near = [
            d
            for y in (neighbour.year - 1, neighbour.year, neighbour.year + 1)
            if (d := _date(y, self.month, self.day))
        ]
        return min(near, key=lambda d: abs(d - neighbour), default=None)

    def of(self, year: int) -> date | None:
        return _date(year, self.month, self.day)


def when(cell: Any) -> date | MonthDay | None:
    """The date in a cell; None where there is none that can be understood."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = plain(cell)
    if text.isdigit() and int(text) in EXCEL_DAYS:
        return EXCEL_DAY_ZERO + timedelta(days=int(text))
    if re.fullmatch(r"20\d{6}", text):
        return _date(int(text[:4]), int(text[4:6]), int(text[6:]))
    if isinstance(cell, int | float):
        return None
    if " " in text or "T" in text:
        text = re.sub(r"[ T]\d{1,2}[:时].*$", "", text)
    text = text.replace(" ", "")
    if full := FULL.fullmatch(text):
        year = int(full[1])
        return _date(year if year > 99 else 2000 + year, int(full[2]), int(full[3]))
    if short := MONTH_DAY.fullmatch(text):
        return MonthDay(int(short[1]), int(short[2])) if _date(2000, int(short[1]), int(short[2])) else None
    return None


def year_in(*texts: str) -> int | None:
    """The year that a title, a sheet's name or a file's name tells."""
    return next((int(found[1]) for text in texts if (found := YEAR.search(plain(text)))), None)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def first_text(values: list[Any]) -> str:
    return next((text for value in values if (text := plain(value))), "")


def closes_the_table(cells: list[Any]) -> bool:
    """Whether this is a total row or one of the lines that people put under a table."""
    first = first_text(cells)
    return bool(TOTAL.match(first) or FOOTER.match(first))


def picked(cells: list[Any], columns: Mapping[str, list[int]], field: str) -> list[Any]:
    """What stands in the columns of a field, blanks left out."""
    return [cells[c] for c in columns.get(field, ()) if c < len(cells) and plain(cells[c])]
