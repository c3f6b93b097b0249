"""Why a message was not sent, in words for people. What is kept is a kind and a number, never an address."""

from __future__ import annotations

from workflows.words import Text, _

REASONS = {
    "time-out": _("no answer in time"),
    "connection refused": _("nobody listens there"),
    "connection lost": _("the connection broke off"),
    "certificate not trusted": _("its certificate is not trusted"),
    "TLS failed": _("no secure connection came about"),
    "name not found": _("there is no such host"),
    "no HTTP answer": _("what answered speaks no HTTP"),
    "an address inside the network": _("it leads into the network of the office, which is not allowed"),
    "not an address we may send to": _("this is no address that may be sent to"),
    "not the address of such a robot": _("this is no address of such a robot"),
    "not the answer of a robot": _("what answered is no such robot"),
    "no mail server is set (TUOKE_SMTP_URL)": _("no mail server is set up"),
    "the mail server refused our password": _("the mail server did not accept our password"),
    "the mail server offers no TLS, so the password was not sent": _(
        "the mail server offers no TLS, so the password was not sent"
    ),
    "switched off": _("the endpoint was switched off"),
    "no address": _("the address was taken out"),
    "has left": _("this person has left"),
    "overtaken": _("it was settled before its time came"),
}
NUMBERED = {
    "status ": _("it answered %(number)s"),
    "mail ": _("the mail server answered %(number)s"),
    "refused by the robot: ": _("the robot refused it (%(number)s)"),
}


def reason(error: str) -> Text:
    """The words for what was written down; an error that nobody foresaw keeps its own name."""
    for begins, words in NUMBERED.items():
        if error.startswith(begins):
            return Text(words, {"number": error.removeprefix(begins)})
    return Text(REASONS[error]) if error in REASONS else Text("%(error)s", {"error": error})
