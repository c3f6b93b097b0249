"""Telephone numbers as people write them, and as we keep them.

A customer is known by a mainland mobile number, so one number must have one spelling: E.164, `+8613800000001`.
Everything here is pure; nothing is logged, because a telephone number is personal data.
"""

import math
import re
import unicodedata
from decimal import Decimal

import phonenumbers
from phonenumbers import PhoneNumberType

from workflows.words import _

REGION = "CN"
SIGNIFICANT_DIGITS = 11
_SCIENTIFIC = re.compile(r"(\d)(?:\.(\d+))?[eE]\+?(\d{1,2})")
_SEVERAL = re.compile(r"[/,;|、或]")


class NotAMobile(ValueError):
    """The text is no mainland-China mobile number.

    `reason` is a sentence for people; `code` is one of `empty`, `letters`, `short`, `long`, `several`, `landline`,
    `abroad`, `unknown`, for programs.
    """

    def __init__(self, reason: str, code: str = "unknown") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


def normalise(text: str | int | float | None) -> str:
    """The E.164 form of a mainland mobile number, however it was typed.

    Takes full-width digits, spaces, dashes, `86…`, `+86…`, `0086…`, a leading 0, and the integers and floats that
    spreadsheets make of numbers. Raises NotAMobile.
    """
    digits = _digits(text)
    international = digits.startswith("+")
    bare = digits.removeprefix("+")
    if international and not bare.startswith("86"):
        raise NotAMobile(_("The number is not from mainland China."), "abroad")
    national = _national(bare)
    if not national:
        raise NotAMobile(_("There is no phone number."), "empty")
    if len(national) > 2 * SIGNIFICANT_DIGITS:
        raise NotAMobile(_("The number is too long."), "long")
    number = phonenumbers.PhoneNumber(country_code=86, national_number=int(national))
    kind = phonenumbers.number_type(number)
    if (
        kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
        and len(national) == SIGNIFICANT_DIGITS
    ):
        return f"+86{national}"
    raise _why_not(national, kind)


def is_mobile(text: str | int | float | None) -> bool:
    """Whether `normalise` would take it."""
    try:
        normalise(text)
    except NotAMobile:
        return False
    return True


def mask(e164: str) -> str:
    """`138****0001`: enough for two colleagues to agree which customer they mean, not enough to call."""
    national = e164.removeprefix("+86")
    if len(national) < SIGNIFICANT_DIGITS:
        return "****"
    return f"{national[:3]}****{national[-4:]}"


def mask_name(name: str) -> str:
    """`王**`: the first character; the length of the rest is not told either."""
    name = name.strip()
    return f"{name[0]}**" if name else ""


def _digits(text: str | int | float | None) -> str:
    """Digits with at most one leading plus. Raises NotAMobile for anything that cannot be read as one number."""
    plain = _plain(text)
    if not plain:
        raise NotAMobile(_("There is no phone number."), "empty")
    bare = "".join(c for c in plain if not _separates(c))
    if _SEVERAL.search(bare) and sum(is_mobile(part) for part in _SEVERAL.split(bare)) > 1:
        raise NotAMobile(_("There is more than one phone number."), "several")
    if not re.fullmatch(r"\+?[0-9]+", bare):
        raise NotAMobile(_("This is text, not a phone number."), "letters")
    return bare


def _plain(text: str | int | float | None) -> str:
    """One line of half-width text; whole floats and scientific notation without their decoration."""
    if text is None or isinstance(text, bool) or (isinstance(text, float) and not math.isfinite(text)):
        return ""
    if isinstance(text, float):
        return str(int(text)) if text.is_integer() else str(text)
    plain = unicodedata.normalize("NFKC", str(text)).strip().lstrip("'")
    scientific = _SCIENTIFIC.fullmatch(plain)
    if scientific and len(scientific[1] + (scientific[2] or "")) >= SIGNIFICANT_DIGITS:
        whole = Decimal(plain)
        return str(int(whole)) if whole == int(whole) else plain
    if re.fullmatch(r"[0-9]{11,}\.0+", plain):
        return plain.partition(".")[0]
    return plain


def _separates(character: str) -> bool:
    """Spaces of any kind, dashes of any kind, brackets, dots, and the invisible marks that copying brings along."""
    return character in ".()·・_\t\r\n" or unicodedata.category(character) in ("Zs", "Pd", "Cf")


def _national(bare: str) -> str:
    """Without the country's code and without the leading 0 that some people still dial before a mobile number."""
    for prefix in ("0086", "86"):
        if (
            bare.startswith(prefix)
            and len(bare) >= SIGNIFICANT_DIGITS + len(prefix) - 1
            and bare[len(prefix) :][:1] in "01"
        ):
            bare = bare[len(prefix) :]
            break
    return bare[1:] if re.fullmatch(r"01[0-9]{10}", bare) and not bare.startswith("010") else bare


def _why_not(national: str, kind: int) -> NotAMobile:
    landline = len(national) in (10, 11, 12) and national.startswith("0")
    if landline or (kind == PhoneNumberType.FIXED_LINE and not national.startswith("1")):
        return NotAMobile(_("This is a landline, not a mobile number."), "landline")
    if len(national) < SIGNIFICANT_DIGITS:
        return NotAMobile(_("The number is too short."), "short")
    if len(national) > SIGNIFICANT_DIGITS:
        return NotAMobile(_("The number is too long."), "long")
    return NotAMobile(_("There is no such mobile number."), "unknown")
