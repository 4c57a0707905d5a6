"""An answer as running text, for those who read no screen."""

from __future__ import annotations

from ray_bench.report.format import show
from ray_bench.report.screen import Answer, Caveat, NextStep, Screen


def spoken(screen: Screen) -> str:
    """Return the answer of a curve in sentences: lead and interval, why, limit, caveats."""
    answer = screen.answer
    name = "" if screen.name is None else f"{screen.name[:1].upper()}{screen.name[1:]}: "
    parts = [f"{name}{lead_words(answer)}.", *answer.target, answer.why, answer.limit]
    parts += [caveat_words(x) for x in answer.caveats if x.level != "note"]
    return " ".join(x for x in parts if x)


def lead_words(answer: Answer) -> str:
    """Return the lead with the interval of its number."""
    interval = "" if answer.gain is None else show(answer.gain).interval
    return f"{answer.lead} (95 % interval {interval})" if interval else answer.lead


def caveat_words(caveat: Caveat) -> str:
    """Return a caveat in two sentences."""
    return f"{caveat.head} {caveat.text}".rstrip()


def next_words(step: NextStep) -> str:
    """Return the next step with what it takes, costs and is worth."""
    named = (("takes about", step.time), ("costs about", step.cost))
    parts = [
        f"{words} {show(cell).value}" for words, cell in named if cell and cell.value is not None
    ]
    if step.gain is not None:
        parts.append(f"chance of choosing right {show(step.gain).value}")
    taken = f" ({', '.join(parts)})" if parts else ""
    return f"Next: {step.head}{taken}. {step.note}".rstrip()
