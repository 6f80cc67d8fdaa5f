from harness.records.record import AuditCount, AuditCounts, AuditReport, Mistake
from tools.verifier_audit.counts import Pair


def pair(number=1, form="aime", gold="36", box="36", right=True, kind="equivalent"):
    return Pair(f"{form}-{number:03d}", form, gold, rf"So \boxed{{{box}}}.", right, kind, "a reason")


def counts(**forms):
    """Counts whose forms are 100 right and 200 wrong pairs without a mistake, unless said otherwise."""
    clean = AuditCount(right=100, wrong=200)
    named = {"aime": clean, "amc": clean, "gsm8k": clean, "math500": clean, **forms}
    return AuditCounts(named, {"trap": AuditCount(right=400, wrong=800)})


def report(**changes):
    mistake = Mistake("amc-007", "false positive", "4", "4\\sqrt{2}", "equal", "a factor behind the number")
    known = {
        "verifier": counts(amc=AuditCount(100, 200, 1, 0, 0)),
        "plain": counts(amc=AuditCount(100, 200, 9, 3, 0)),
        "mistakes": (mistake,),
        "commit": "0123456789abcdef",
        "dirty": "no",
        "versions": {"math-verify": "0.9.0"},
    }
    return AuditReport(**{**known, **changes})
