"""S4: honesty, the committee that says what a clause means, plans and reports, praise and coaching."""

from workflows.clauses.clause import Clause, Rulebook
from workflows.words import _

BOOK = Rulebook(
    "S4",
    _("Outreach: honesty and the committee"),
    (
        Clause(
            "S4 一",
            _("Why this policy is there."),
            not_ours=_("A purpose asks nothing of anybody."),
        ),
        Clause(
            "S4 二",
            _("It holds for everybody who does outreach."),
            by=(
                "training.have_read",
                "training.confirm",
            ),
            shown=("training_a_policy_is_read_by_all_whom_it_binds",),
        ),
        Clause(
            "S4 三",
            _("What this policy is to the company."),
            not_ours=_("It says what the policy is; it asks nothing of anybody."),
        ),
        Clause(
            "S4 四",
            _("Everybody keeps to the policy."),
            by=(
                "training.have_read",
                "training.confirm",
                "training:reading_reminder",
                "policy reading_days",
            ),
            shown=("training_a_policy_is_read_by_all_whom_it_binds",),
        ),
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
            "S4 六",
            _("Staff take part in the company's training at intervals."),
            by=(
                "training.plan",
                "training.hold",
                "training.make_up",
                "training:training_soon",
                "training:training_make_up",
                "policy training_notice_hours",
                "policy training_make_up_days",
            ),
            shown=(
                "training_held_tested_and_made_up",
                "training_excused_called_off_and_the_companys_own_numbers",
            ),
        ),
        Clause(
            "S4 七",
            _("What outreach is."),
            not_ours=_("A definition asks nothing of anybody."),
        ),
        Clause(
            "S4 八",
            _("New customers are won honestly: no fraud, no bribes."),
            by=("lead.expose", "deduction.report"),
            shown=("expose_a_friend_posing_as_a_customer", "deduction_fake_lead"),
        ),
        Clause(
            "S4 九",
            _("Outreach keeps to the law and the company's rules."),
            by=(
                "round.find",
                "sanction.propose",
                "policy round_hours",
            ),
            shown=(
                "round_finding_is_reported_and_judged_by_another",
                "sanction_heard_imposed_appealed_and_decided_by_the_committee",
            ),
        ),
        Clause(
            "S4 十",
            _("Nobody leaks the company's secrets or uses its customers for gain of their own."),
            by=("page /access", "lead.expose"),
            shown=("who_sees_what",),
        ),
        Clause(
            "S4 十一",
            _("Staff are courteous and look the part."),
            by=(
                "round.begin",
                "round.find",
                "round:round_reminder",
                "deduction.report",
            ),
            shown=(
                "round_finding_is_reported_and_judged_by_another",
                "round_weather_keeps_findings_from_costing",
                "deduction_appearance",
            ),
        ),
        Clause(
            "S4 十二",
            _("Outreach centres on what the customer needs."),
            by=(
                "lead.screen",
                "lead.follow_up",
            ),
            shown=(
                "every_channel_and_every_capturing_role",
                "following_up_restarts_no_clock",
            ),
        ),
        Clause(
            "S4 十三",
            _("Staff can talk, negotiate and win business by themselves."),
            not_ours=_(
                "Whether somebody has the gift is for people to judge; what can be taught is trained (S4 六)."
            ),
        ),
        Clause(
            "S4 十四",
            _("Staff know marketing and its skills."),
            by=(
                "training.examine",
                "policy training_pass_score",
            ),
            shown=(
                "training_held_tested_and_made_up",
                "training_excused_called_off_and_the_companys_own_numbers",
            ),
        ),
        Clause(
            "S4 十五",
            _("Staff have an eye for the market."),
            not_ours=_("Whether somebody has an eye for the market is for people to judge."),
        ),
        Clause(
            "S4 十六",
            _("Staff carry out the tasks that the company sets."),
            by=(
                "quota.propose",
                "quota.adopt",
            ),
            shown=("quota_who_may_set_it_and_what_is_refused",),
        ),
        Clause(
            "S4 十七",
            _("Everybody hands in plans and reports at intervals."),
            by=(
                "log.begin",
                "log:log_due",
                "log:log_to_leader",
                "log:log_to_manager",
                "policy log_due_minute",
                "policy plan_due_weekday",
                "policy report_due_weekday",
            ),
            shown=(
                "log_plan_and_report_of_the_week",
                "log_that_is_not_there_is_reminded_escalated_and_late",
                "log_times_are_the_companys_own",
            ),
        ),
        Clause(
            "S4 十八",
            _("A plan says goal, strategy, plan and expected effect."),
            by=("log.hand_in_plan",),
            shown=("log_plan_and_report_of_the_week",),
        ),
        Clause(
            "S4 十九",
            _("A report says results, problems and next steps."),
            by=("log.hand_in",),
            shown=(
                "log_plan_and_report_of_the_week",
                "log_is_counted_from_the_books_handed_in_and_graded",
            ),
        ),
        Clause(
            "S4 二十",
            _("Plans and reports are checked and appraised."),
            by=(
                "log.grade",
                "log.send_back",
                "log:log_again",
            ),
            shown=(
                "log_is_counted_from_the_books_handed_in_and_graded",
                "log_that_is_not_there_is_reminded_escalated_and_late",
            ),
        ),
        Clause(
            "S4 二十一",
            _("Who does well is commended and rewarded."),
            by=(
                "commendation.propose",
                "commendation.give",
            ),
            shown=("commendation_and_title_are_given_with_consent",),
        ),
        Clause(
            "S4 二十二",
            _("Who does badly is trained and coached until it is better."),
            by=(
                "training.plan",
                "training.examine",
                "log.send_back",
            ),
            shown=(
                "training_held_tested_and_made_up",
                "log_that_is_not_there_is_reminded_escalated_and_late",
            ),
        ),
        Clause(
            "S4 二十三",
            _("Rewards are bonuses and honorary titles."),
            by=(
                "commendation.give",
                "policy visit_bonus_fen",
                "policy deal_bonus_fen",
            ),
            shown=(
                "commendation_and_title_are_given_with_consent",
                "deal_bonus_to_the_promoter_and_their_leader",
            ),
        ),
    ),
)
