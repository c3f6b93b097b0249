"""S19: the process of outreach, its people and its sanctions."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

BOOK = Rulebook(
    "S19",
    _("Outreach: the process"),
    (
        Clause("S19 一", _("Why this policy is there."), not_ours=_("A purpose asks nothing of anybody.")),
        Clause(
            "S19 二",
            _("It holds for everybody who does outreach."),
            by=("training.have_read", "training.confirm"),
            shown=("training_a_policy_is_read_by_all_whom_it_binds",),
        ),
        Clause(
            "S19 三",
            _("Outreach staff keep to good conduct and uphold the company's good name."),
            by=("round.find", "deduction.report"),
            shown=("round_finding_is_reported_and_judged_by_another",),
        ),
        Clause(
            "S19 四",
            _("Outreach keeps strictly to the company's process."),
            by=("lead", "lead.screen", "lead.visit", "lead.accept"),
            shown=("ten_days_then_outreach_takes_over", "events_out_of_their_state_are_refused"),
        ),
        Clause(
            "S19 五",
            _("Staff keep learning."),
            by=("training.examine", "training.make_up"),
            shown=("training_held_tested_and_made_up",),
        ),
        Clause(
            "S19 六",
            _("Skills and means are used as the customer needs them."),
            not_ours=_("Which words win a customer is for people to judge."),
        ),
        Clause(
            "S19 七",
            _("The company gives the training and support that outreach needs."),
            by=("training.plan", "training:training_soon"),
            shown=("training_excused_called_off_and_the_companys_own_numbers",),
        ),
        Clause(
            "S19 九",
            _("Customers' data and business secrets are kept."),
            by=("page /access", "sanction.propose"),
            shown=("who_sees_what", "sanction_heard_imposed_appealed_and_decided_by_the_committee"),
        ),
        Clause(
            "S19 十",
            _("Outreach keeps to the law and is honest with people."),
            by=("lead.capture", "lead.expose", "sanction.propose"),
            shown=(
                "incomplete_or_wrong_data_are_refused",
                "expose_a_friend_posing_as_a_customer",
                "sanction_of_dismissal_is_carried_out_at_the_staff_desk",
            ),
        ),
        Clause(
            "S19 十一",
            _("Staff work together as a team."),
            not_ours=_("Software counts what teams reach, not how they treat each other."),
        ),
        Clause(
            "S19 十三",
            _("Breaches are punished: warning, demotion, dismissal."),
            by=(
                "sanction.propose",
                "sanction.impose",
                "sanction.appeal",
                "sanction.uphold",
                "sanction.lift",
                "sanction.carry_out",
                "sanction:sanction_appeal",
                "sanction:sanction_desk",
                "policy sanction_appeal_days",
            ),
            shown=(
                "sanction_heard_imposed_appealed_and_decided_by_the_committee",
                "sanction_of_dismissal_is_carried_out_at_the_staff_desk",
                "sanction_dropped_or_rejected_and_who_may",
            ),
        ),
        Clause(
            "S19 十四",
            _("Changes of the policy need the consent of those concerned before they are in force."),
            by=(
                "policy.draft",
                "policy.check",
                "policy.adopt",
                "approval:approval_reminder",
                "policy approval_reminder_hours",
            ),
            shown=(
                "policy_new_numbers_are_in_force_from_their_day",
                "policy_nobody_approves_their_own_numbers",
            ),
        ),
        Clause(
            "S19 十七",
            _("A plan of outreach says goal, means and timetable."),
            by=("log.hand_in_plan", "log:log_due"),
            shown=("log_plan_and_report_of_the_week",),
        ),
    ),
)
