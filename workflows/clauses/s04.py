"""S4: honesty, and the committee that says what a clause means."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

BOOK = Rulebook(
    "S4",
    _("Outreach: honesty and the committee"),
    (
        Clause(
            "S4 五",
            _("The outreach committee says what the policy means and watches over it."),
            by=(
                "question.pose",
                "question.rule",
                "question.rule_anew",
                "question.lift",
                "question:ruling_reminder",
            ),
            shown=(
                "question_is_ruled_by_the_committee_and_open_to_all",
                "question_waits_and_the_committee_is_reminded",
                "question_rejected_then_ruled_anew_and_lifted",
            ),
        ),
        Clause(
            "S4 八",
            _("New customers are won honestly: no fraud, no bribes."),
            by=("lead.expose", "deduction.report"),
            shown=("expose_a_friend_posing_as_a_customer", "deduction_fake_lead"),
        ),
        Clause(
            "S4 十",
            _("Nobody leaks the company's secrets or uses its customers for gain of their own."),
            by=("page /access", "lead.expose"),
            shown=("who_sees_what",),
        ),
    ),
)
