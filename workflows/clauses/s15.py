"""S15: service and conduct of outreach staff, from training to sanctions. The clauses that are training, conduct and sanctions."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

BOOK = Rulebook(
    "S15",
    _("Outreach staff: service and conduct"),
    (
        Clause("S15 一", _("Why this policy is there."), not_ours=_("A purpose asks nothing of anybody.")),
        Clause(
            "S15 二",
            _("It holds for everybody who does outreach."),
            by=("training.have_read", "training.confirm"),
            shown=("training_a_policy_is_read_by_all_whom_it_binds",),
        ),
        Clause(
            "S15 四",
            _("Staff are trained before they begin, and again at intervals: product, service, manners."),
            by=(
                "training.plan",
                "training.hold",
                "training.examine",
                "training.make_up",
                "training:training_make_up",
                "policy training_pass_score",
            ),
            shown=("training_held_tested_and_made_up",),
        ),
        Clause(
            "S15 五",
            _("Customers are met with courtesy, nothing is exaggerated, their privacy is kept."),
            by=("round.find", "deduction.report", "page /access"),
            shown=("round_finding_is_reported_and_judged_by_another", "deduction_conduct", "who_sees_what"),
        ),
        Clause(
            "S15 九",
            _("Grave breaches, complaints and leaks are answered by a warning or dismissal."),
            by=(
                "sanction.propose",
                "sanction.answer",
                "sanction.impose",
                "sanction.carry_out",
                "sanction:hearing",
                "policy sanction_hearing_days",
            ),
            shown=(
                "sanction_heard_imposed_appealed_and_decided_by_the_committee",
                "sanction_of_dismissal_is_carried_out_at_the_staff_desk",
                "sanction_dropped_or_rejected_and_who_may",
            ),
        ),
        Clause(
            "S15 十",
            _("The policy is explained and revised by the office."),
            by=("question.pose", "question.rule", "policy.draft", "policy.adopt"),
            shown=(
                "question_is_ruled_by_the_committee_and_open_to_all",
                "policy_new_numbers_are_in_force_from_their_day",
            ),
        ),
        Clause(
            "S15 十一",
            _("It is in force from the day on which it is issued."),
            by=("policy.adopt",),
            shown=("policy_new_numbers_are_in_force_from_their_day",),
        ),
    ),
)
