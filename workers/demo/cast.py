"""Who works in the demo company, and what its customers are called and want. All invented; numbers come from runs of
mobile numbers that read as made up."""

from __future__ import annotations

from random import Random

ONE, TWO = "拓客一组", "拓客二组"

# name, roles, team, days on the staff
STAFF: tuple[tuple[str, tuple[str, ...], str | None, int], ...] = (
    ("阿强", ("member",), ONE, 430),
    ("小梅", ("member",), ONE, 300),
    ("大鹏", ("member",), ONE, 120),
    ("周立军", ("leader",), ONE, 900),
    ("小丽", ("member",), TWO, 260),
    ("志远", ("member",), TWO, 210),
    ("晓琳", ("member",), TWO, 45),
    ("吴海燕", ("leader",), TWO, 760),
    ("郭建国", ("manager",), None, 1500),
    ("孙志强", ("sales_manager",), None, 1400),
    ("陈晓燕", ("sales_manager", "consultant"), None, 1100),
    ("小雅", ("reception",), None, 380),
    ("林悦", ("consultant",), None, 640),
    ("赵明", ("consultant",), None, 520),
    ("韩雪", ("consultant",), None, 330),
    ("徐峰", ("consultant",), None, 150),
    ("费敏", ("finance",), None, 820),
    ("沈正", ("auditor",), None, 700),
    ("高远", ("admin",), None, 1000),
)
MEMBERS = ("阿强", "小梅", "大鹏", "小丽", "志远", "晓琳")
CONSULTANTS = ("林悦", "赵明", "韩雪", "徐峰")
LEADER_OF = {"阿强": "周立军", "小梅": "周立军", "大鹏": "周立军", "周立军": "周立军"}
DESK, MANAGER, SALES, SECOND_SALES, AUDITOR = "小雅", "郭建国", "孙志强", "陈晓燕", "沈正"

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚"  # fmt: skip
GIVEN = ("先生", "女士", "先生", "女士", "文杰", "雅婷", "建华", "秀英", "子涵", "国栋", "丽娜", "浩然", "春梅", "志刚", "思远", "佳怡")  # fmt: skip
RUNS = ("1380000", "1390000", "1360000", "1580000", "1860000", "1770000")
SPOTS = ("万达广场东门", "地铁2号线人民路口", "城南菜市场", "银泰百货中庭", "实验小学门口", "开发区班车站", "湖滨公园")  # fmt: skip
CAMPAIGNS = ("金秋看房节", "企业团购月", "老业主答谢", None, None)
CHANNELS = (
    ("flyer",) * 6
    + ("exhibition",) * 4
    + ("call_in",) * 4
    + ("group_purchase",) * 2
    + ("walk_in", "online", "referral", "referral", "partner")
)
DEMANDS = (
    "三房, 近实验小学, 首付五十万以内", "两房自住, 明年结婚用", "改善四房, 要南北通透", "给父母买, 低楼层电梯房",
    "三房两卫, 预算一百八十万", "投资小户型, 能短租", "置换, 旧房在城南, 约九十平", "学区房, 孩子后年上学",
    "一百二十平左右, 要双阳台", "首套, 公积金贷款, 月供五千内", "顶楼复式, 看重露台", "企业团购名额, 两房",
)  # fmt: skip
TALKS = (
    "电话回访, 周末带家人再来看", "发了三号楼户型图, 客户想比较朝向", "客户在等公积金审批", "约周六下午看样板间",
    "价格还在犹豫, 想等月底活动", "家里老人想看看小区环境", "问了车位价格, 回头报", "客户出差, 下周回",
    "对比隔壁楼盘, 我们得房率高", "已算好月供, 客户基本认可",
)  # fmt: skip
BUSY = ("正在陪客户签约", "样板间里有客户, 走不开", "刚接了团购的电话回访", "要去银行送按揭资料")
LOSSES = ("在隔壁楼盘认购了", "家里决定暂不买房", "首付凑不齐, 明年再说", "工作调去外地")
CALLBACKS = ("仍有意向, 嫌顾问跟进少", "还在看房, 愿意再来一次", "对价格敏感, 有活动就来", "想换更大的户型")


class Customers:
    """Customers one after the other, each with another name and number."""

    def __init__(self, rng: Random) -> None:
        self.rng, self.count = rng, 0

    def next(self) -> tuple[str, str]:
        """A name and a number nobody else has."""
        self.count += 1
        run = RUNS[self.count % len(RUNS)]
        return self.rng.choice(SURNAMES) + self.rng.choice(GIVEN), f"{run}{1000 + self.count * 7 % 9000:04d}"


TRIPS = (("高新区软件园", "与企业工会谈团购"), ("万达广场", "周末展位踩点"))
MET = {"matters": "介绍团购政策和三号楼户型", "feedback": "想周末带家人来看样板间"}
INCIDENT = {
    "kind": "quarrel",
    "place": "软件园南门",
    "happened": "保安不让发单, 推搡了一下, 人没事",
    "hurt": False,
}
ANSWER = ("先离开, 别争执, 到东门等", "已和物业沟通, 以后进园先登记")
FILED = {"outcome": "两家单位有团购意向, 约了下周复访", "feedback": "关心付款节奏和交房时间"}
RIDE = {"kind": "transport", "amount_fen": 8600, "what": "打车往返软件园", "receipt_no": "031002100311-26"}
LEADERS = ("周立军", "吴海燕")
