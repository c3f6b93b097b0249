"""One number has one spelling, and what is no mobile is told why."""

from __future__ import annotations

import pytest

from workflows.phones import NotAMobile, mask, mask_name, normalise


@pytest.mark.parametrize(
    "written",
    [
        "13800138000",
        13800138000,
        13800138000.0,
        "１３８００１３８０００",
        "138 0013 8000",
        "138-0013-8000",
        "138—0013—8000",
        "(138)00138000",
        "8613800138000",
        "+8613800138000",
        "+86 138 0013 8000",
        "+86-13800138000",
        "＋８６－１３８００１３８０００",
        "008613800138000",
        "013800138000",
        "13800138000.0",
        "1.3800138E10".replace("1.3800138", "1.3800138000"),
        "\u200b13800138000\ufeff",
        "'13800138000",
        "\u00a013800138000\u3000\n",
    ],
)
def test_one_number_has_one_spelling(written):
    assert normalise(written) == "+8613800138000"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        (None, "empty"),
        ("", "empty"),
        (" 　", "empty"),
        (float("nan"), "empty"),
        ("不方便留", "letters"),
        ("1380013800O", "letters"),
        ("13800138.5", "short"),
        (1.5, "short"),
        ("1381278166", "short"),
        ("138001380001", "long"),
        ("0512-66585123", "landline"),
        ("010-62345678", "landline"),
        ("+1 415 555 2671", "abroad"),
        ("+852 9123 4567", "abroad"),
        ("13800138000/13900139000", "several"),
        ("13800138000、13900139000", "several"),
        ("12345678901", "unknown"),
        ("1.38E+10", "letters"),
    ],
)
def test_what_is_no_mobile_is_told_why(written, code):
    with pytest.raises(NotAMobile) as refused:
        normalise(written)
    assert refused.value.code == code
    assert refused.value.reason.endswith(".")
    assert isinstance(refused.value, ValueError)


def test_masks_keep_colleagues_talking_and_nobody_calling():
    assert mask("+8613800000001") == "138****0001"
    assert mask("12345") == "****"
    assert mask_name("王先生") == "王**"
    assert mask_name("欧阳女士") == "欧**"
    assert mask_name(" ") == ""
