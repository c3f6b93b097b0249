"""How people work in the demo company: logs that were handed in and one that was not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from workers.demo import cast
from workers.demo.month import Deed, Life, decision, later
from workflows.office.commendation import CommendationFlow
from workflows.office.log import LogFlow
from workflows.office.round import RoundFlow
from workflows.office.sanction import SanctionFlow
from workflows.office.training import TrainingFlow


class Conduct:
    """The scenes of the last days before `now`."""

    def __init__(self, now: datetime, start: datetime) -> None:
        self.now, self.zone = now, start.tzinfo

    def scenes(self) -> Iterator[Life]:
        yield self.log_graded("小梅", "周立军")
        yield self.log_missing("大鹏")
        yield self.round_made("周立军", "晓琳")
        yield self.training(("阿强", "小梅", "小丽"), "晓琳")
        yield self.policy_read()
        yield self.sanction("志远")
        yield self.praise("小梅", "周立军")

    def day(self, ago: int, hour: int, minute: int = 0) -> datetime:
        """A time of one of the last days, as the company's clock shows it."""
        local = self.now.astimezone(self.zone) - timedelta(days=ago)
        return local.replace(hour=hour, minute=minute, second=0, microsecond=0)

    def log_graded(self, who: str, leader: str) -> Life:
        at = self.day(1, 16, 40)
        seen = yield Deed(at, who, "begin", None, {"kind": "day", "day": at.date()}, LogFlow)
        facts = {
            "results": "上午万达东门派单, 下午电话回访八组",
            "problems": "小雨, 驻足的人少",
            "next_steps": "周末约两组到访",
        }
        seen = yield Deed(later(seen.at, minutes=25), who, "hand_in", seen.code, facts, LogFlow)
        yield Deed(
            later(seen.at, hours=1),
            leader,
            "grade",
            seen.code,
            {"grade": 4, "comment": "约访要写明姓名"},
            LogFlow,
        )

    def log_missing(self, who: str) -> Life:
        at = self.day(2, 9, 10)
        yield Deed(
            at, cast.LEADER_OF[who], "begin", None, {"kind": "day", "day": at.date(), "person": who}, LogFlow
        )

    def round_made(self, who: str, found: str) -> Life:
        """A leader looks at another team: one remark, one violation that waits to be judged."""
        at = self.day(1, 15, 5)
        seen = yield Deed(at, who, "begin", None, {"spot": cast.SPOTS[3], "there": [found]}, RoundFlow)
        remark = {"kind": "remark", "seen": "展架摆放整齐, 资料充足"}
        seen = yield Deed(later(seen.at, minutes=4), who, "find", seen.code, remark, RoundFlow)
        violation = {"kind": "appearance", "person": found, "seen": "未佩戴工牌"}
        seen = yield Deed(later(seen.at, minutes=3), who, "find", seen.code, violation, RoundFlow)
        facts = {"summary": "在岗一人, 一处违规已上报"}
        yield Deed(later(seen.at, minutes=10), who, "close", seen.code, facts, RoundFlow)

    def training(self, came: tuple[str, ...], missing: str) -> Life:
        """Held last week; one of them still has to make it up."""
        at = self.day(8, 14)
        facts = {"topic": "新推楼栋说辞", "kind": "project", "starts_at": at, "must_come": [*came, missing]}
        seen = yield Deed(self.day(10, 10), cast.MANAGER, "plan", None, facts, TrainingFlow)
        there = {"came": list(came), "note": "演练两轮"}
        seen = yield Deed(later(at, hours=2), cast.MANAGER, "hold", seen.code, there, TrainingFlow)
        for score, who in zip((92, 85, 55), came, strict=True):
            tested = {"person": who, "score": score}
            seen = yield Deed(
                later(seen.at, minutes=5), cast.MANAGER, "examine", seen.code, tested, TrainingFlow
            )

    def policy_read(self) -> Life:
        """Everybody is to read S20; two have."""
        seen = yield Deed(self.day(3, 11), cast.SALES, "have_read", None, {"policy": "S20"}, TrainingFlow)
        for hours, who in ((1, "小梅"), (5, "周立军")):
            seen = yield Deed(later(seen.at, hours=hours), who, "confirm", seen.code, {}, TrainingFlow)

    def sanction(self, who: str) -> Life:
        """A warning that was answered and waits to be decided."""
        told = {"person": who, "kind": "warning", "clause": "S20 罚5", "reason": "客户书面投诉, 现场争吵"}
        seen = yield Deed(self.day(2, 15), cast.MANAGER, "propose", None, told, SanctionFlow)
        answer = {"answer": "客户先动手, 有同事在场"}
        yield Deed(later(seen.at, hours=3), who, "answer", seen.code, answer, SanctionFlow)

    def praise(self, who: str, leader: str) -> Life:
        told = {"person": who, "kind": "title", "title": "月度拓客之星", "reason": "上月到访第一"}
        seen = yield Deed(self.day(5, 11), leader, "propose", None, told, CommendationFlow)
        seen = yield Deed(later(seen.at, hours=1), cast.MANAGER, "give", seen.code, {}, CommendationFlow)
        yield decision(later(seen.at, hours=2), cast.SALES, seen.approval, "approve")
