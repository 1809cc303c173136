"""What codes on record are called (floor 1)."""

from __future__ import annotations

from .errors import say

OUTCOMES = {
    "grant": say("grant"),
    "conditional": say("grant on conditions"),
    "refuse": say("refusal"),
    "meeting": say("joint meeting"),
    "unresolved": say("unresolved"),
    "open": say("open"),
}
"""Outcomes of a joint review or a meeting."""

EFFECTS = {
    "deemed_acceptance": say("deemed accepted"),
    "deemed_consent": say("deemed agreed to"),
    "deemed_renewal": say("deemed renewed"),
    "deemed_withdrawal": say("deemed withdrawn"),
    "deemed_refusal": say("deemed refused"),
    "route": say("led on by its definition"),
}
"""What the law or the item makes of silence."""

SILENCES = {
    "no_policy": say("no policy gives silence an effect"),
    "excluded_risk": say("its kind of risk is excluded from the policy"),
    "not_silent": say("it was not silent, its answer only is not complete"),
    "suspended": say("its step stood still because of a recusal"),
    "not_signed": say("it had not signed for the referral"),
    "not_reminded": say("it had not been reminded"),
}
"""Why silence has no effect."""

FINDINGS = {
    "F72-4": say("the applicant was not told everything at once"),
    "F35": say("asked again for what is on file"),
    "recusal.acted": say("somebody who must keep out of the case had acted in it"),
    "referral.late_dissent": say("a department whose silence was taken for consent disagrees"),
}
"""Codes of findings in words."""

LEVELS = {
    "law": say("law"),
    "administrative-regulation": say("administrative regulation"),
    "local-regulation": say("local regulation"),
    "rule": say("departmental or government rule"),
    "local-document": say("local normative document"),
}
"""How high the norm stands on which a policy rests."""

POWERS = {
    "accept": say("accept"),
    "review": say("review"),
    "approve": say("approve"),
    "sign": say("sign"),
    "report_up": say("report_up"),
}
"""What one can be lent the power to do; English has them as they are written in commands."""

RUNGS = {"reminder": say("reminder"), "yellow": say("yellow"), "red": say("red")}
"""What a clock comes to before it runs out, and the colours of cards; an item may have further ones."""
