from harness.records.verifier_audit import Count, Counts, Mistake, Report
from tools.verifier_audit.counts import Pair


def pair(number=1, form="aime", gold="36", box="36", right=True, kind="equivalent"):
    return Pair(f"{form}-{number:03d}", form, gold, rf"So \boxed{{{box}}}.", right, kind, "a reason")


def counts(**forms):
    """Counts whose forms are 100 right and 200 wrong pairs without a mistake, unless said otherwise."""
    clean = Count(right=100, wrong=200)
    named = {"aime": clean, "amc": clean, "gsm8k": clean, "math500": clean, **forms}
    return Counts(named, {"trap": Count(right=400, wrong=800)})


def report(**changes):
    mistake = Mistake("amc-007", "false positive", "4", "4\\sqrt{2}", "equal", "a factor behind the number")
    known = {
        "verifier": counts(amc=Count(100, 200, 1, 0, 0)),
        "plain": counts(amc=Count(100, 200, 9, 3, 0)),
        "mistakes": (mistake,),
        "commit": "0123456789abcdef",
        "dirty": "no",
        "versions": {"math-verify": "0.9.0"},
    }
    return Report(**{**known, **changes})
