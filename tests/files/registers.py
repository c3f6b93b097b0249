"""Registers as offices keep them, made by code: every mess met in a real one, with known numbers of good and bad rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl

HEADER = ["序号", "登记日期", "客户姓名", "联系电话", "来源渠道", "登记人", "意向", "备注"]
DATES: list[Any] = ["2026-03-25", "2026/03/24", "2026.03.15", "3月6日", datetime(2026, 3, 28)]  # noqa: DTZ001
CHANNELS = [
    "派单",
    "派单 ",
    "巡展",
    "巡展（万达）",
    "企业团购",
    "来电",
    "电话来访",
    "自然来访",
    "线上",
    "老带新",
]
REGISTRARS = ["拓客一组-阿强", "拓客一组-小梅", "拓客二组-小丽"]
INTENTS = ["A", "B", "C", "高", None]
LINK = '=HYPERLINK("http://x")'
BROKEN = ["不方便留", "1381278166", "0512-66585123", None]
WAYS = 7


def phone(number: int) -> str:
    return f"138{number:08d}"


def spelled(number: int, way: int) -> Any:
    """The phone of this number, in one of the ways people write phones."""
    plain = phone(number)
    return [
        plain,
        int(plain),
        float(plain),
        f"{plain[:3]} {plain[3:7]} {plain[7:]}",
        f"+86-{plain}",
        f"86{plain}",
        "".join(chr(ord(digit) + 0xFEE0) for digit in plain),
    ][way % WAYS]


def messy_rows(good: int, start: int = 1) -> list[list[Any]]:
    """`good` good rows; after every fifth a blank line, after every seventh a broken number, after every tenth the same
    phone again, written in another way."""
    rows: list[list[Any]] = []
    for i in range(good):
        head = [i + 1, DATES[i % 5], f"王{i}", spelled(start + i, i)]
        rows.append(
            [*head, CHANNELS[i % 10], REGISTRARS[i % 3], INTENTS[i % 5], LINK if i % 4 == 0 else "看学区"]
        )
        if i % 5 == 4:
            rows.append([None] * 8)
        if i % 7 == 6:
            rows.append([i, DATES[i % 5], "李先生", BROKEN[i // 7 % 4], "来电", REGISTRARS[0], "A", None])
        if i % 10 == 9:
            rows.append(
                [i, DATES[i % 5], "王先生", spelled(start + i, i + 3), "来电", REGISTRARS[0], "A", None]
            )
    return rows


def bad_among(good: int) -> int:
    return good // 7 + good // 10


def workbook(path: Path, sheets: dict[str, Sequence[Sequence[Any]]]) -> Path:
    book: Any = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def messy_workbook(path: Path, good: int = 60) -> Path:
    """A register with a title, a blank line, its header in the third row, and a total at the bottom."""
    title, total = ["××花园项目拓客客户登记表"], ["合计", None, good, None, None, None, None, "制表：内勤"]
    return workbook(
        path, {"3月登记": [title, [], HEADER, *messy_rows(good), total], "说明": [["怎样填写"], ["一行一客"]]}
    )


def first_sheet(path: Path) -> Any:
    """The first sheet of a workbook that was written."""
    return openpyxl.load_workbook(path).worksheets[0]
