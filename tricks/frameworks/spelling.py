"""The parts of a framework's table: how its options spell tricks, in both directions.

    Spelling      values of options that together stand for tricks
    Part          the spellings of one choice, such as the advantages; the first one that matches is read
    Keep          an option that stands for a setting of the training loop, such as the temperature
    NotModeled    options that change the update in a way that no trick expresses, with the reason
    Fault         a known fault of some releases, with the condition under which it hits a configuration
    Framework     the whole table of one framework

Rows are data with few functions, so that ``explain`` reads and ``export`` writes the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Options = Mapping[str, Any]  # the value in effect of every option, by its name; None for one that a release lacks


def same(value: Any) -> Any:
    """Return the value."""
    return value


@dataclass(frozen=True, slots=True)
class Take:
    """The value of a trick's setting or of the loop, taken from an option.

    Args:
        option: The option.
        read: From the option's value to the setting's.
        write: From the setting's value to the option's; it undoes ``read``.
        or_else: The option whose value holds where this one is None; it must be taken by the same spelling too.

    """

    option: str
    read: Callable[[Any], Any] = same
    write: Callable[[Any], Any] = same
    or_else: str = ""

    def value(self, options: Options) -> Any:
        """Return the setting's value for the options in effect."""
        given = options.get(self.option)
        return self.read(options.get(self.or_else) if given is None and self.or_else else given)

    def written(self, value: Any, loop: Loop) -> Any:
        """Return the option's value for a setting; a heir may read the loop."""
        return self.write(value)


def whole(options: Options, name: str, default: int | None = None) -> int | None:
    """Return an option as a whole number, or the default where it is None or no number."""
    value = options.get(name)
    return int(value) if isinstance(value, int | float) and float(value).is_integer() else default


def product_of(*factors: int | None) -> int | None:
    """Return the product of counts, or None where one is not known."""
    found = 1
    for factor in factors:
        if factor is None:
            return None
        found *= factor
    return found


def quotient(of: int | None, by: int | None) -> int | None:
    """Return the whole quotient of two counts, at least 1, or None where one is not known."""
    return None if not of or not by else max(1, of // by)


def shifted(option: str, by: float, sign: int = 1, or_else: str = "") -> Take:
    """Return a Take of ``by + sign * option``, such as a bound of 1 + clip_ratio_high. None stays None."""

    def read(value: Any) -> Any:
        return None if value is None else round(by + sign * value, 12)

    def write(value: Any) -> Any:
        return None if value is None else round(sign * (value - by), 12)

    return Take(option, read, write, or_else)


def item(option: str, index: int, size: int, or_else: str = "") -> Take:
    """Return a Take of one number of an option that holds several, such as a lower and an upper bound.

    Args:
        option: The option, a list of ``size`` numbers.
        index: The place in the list.
        size: How many numbers the option holds; ``export`` collects them from as many Takes.
        or_else: The option that holds where this one is None.

    """

    def read(value: Any) -> Any:
        return value[index] if isinstance(value, Sequence) and not isinstance(value, str) else value

    def write(value: Any) -> Any:
        return Piece(index, size, value)

    return Take(option, read, write, or_else)


@dataclass(frozen=True, slots=True)
class Piece:
    """One number of an option that holds several."""

    index: int
    size: int
    value: Any
    between: str = ""  # where the option is one word, what stands between the numbers


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on an option's value, and the value to write where no Take gives it."""

    holds: Callable[[Any], bool]
    written: Any = None
    words: str = ""


def one_of(*values: Any) -> Match:
    """Return the condition that the value is one of these; the first one is written."""
    return Match(lambda value: any(equal(value, each) for each in values), values[0], " or ".join(map(str, values)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


ZERO: Final = Match(lambda value: value is None or equal(value, 0) or value is False, 0.0, "0")  # a term that is off
NONZERO: Final = Match(lambda value: _is_number(value) and value != 0, None, "not 0")  # a Take gives the number
GIVEN: Final = Match(lambda value: value is not None, None, "given")
ANY: Final = Match(lambda _: True, None, "any")
ON: Final = Match(lambda value: value is True, True, "true")
OFF: Final = Match(lambda value: value is None or value is False, False, "false")


def equal(value: Any, wanted: Any) -> bool:
    """Return True for the same value; 1 and 1.0 are the same, 1 and True are not."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(value, str) and isinstance(wanted, str):
        return value.lower() == wanted.lower()
    return bool(value == wanted)


Condition = Mapping[str, Any]  # option -> value, or Match


def fulfilled(condition: Condition, options: Options) -> bool:
    """Return True if every option has its value or fulfills its Match."""
    return all(
        wanted.holds(options.get(name)) if isinstance(wanted, Match) else equal(options.get(name), wanted)
        for name, wanted in condition.items()
    )


@dataclass(frozen=True, slots=True)
class Spelling:
    """Values of options that together stand for tricks.

    Args:
        options: The condition; on writing, its values are written, and options of a Take get the Take's value.
        tricks: Settings by trick, values or Takes; empty for a choice that adds nothing.
        not_modeled: Why no trick computes it; then ``tricks`` is what is nearest, or empty.
        note: A remark for the reader, written as the comment of the lines.
        since: First release for which it holds; "" is the first known one.
        until: Last release, included; "" is the newest.
        written: False for a spelling that is read but never written, such as an old name.

    """

    options: Condition
    tricks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    not_modeled: str = ""
    note: str = ""
    since: str = ""
    until: str = ""
    written: bool = True

    def takes(self) -> dict[tuple[str, str], Take]:
        """Return the Takes by trick and setting."""
        return {
            (trick, key): value
            for trick, settings in self.tricks.items()
            for key, value in settings.items()
            if isinstance(value, Take)
        }


@dataclass(frozen=True, slots=True)
class Part:
    """The spellings of one choice. The first one that matches is read."""

    name: str  # of the choice, for messages: "advantages"
    spellings: tuple[Spelling, ...]
    registers: tuple[str, ...] = ()  # options that also take names which a user registers in code


@dataclass(frozen=True, slots=True)
class Keep:
    """An option that stands for one setting of the loop, by a simple rule."""

    key: str  # one of LOOP
    take: Take
    since: str = ""
    until: str = ""


Loop = Mapping[
    str, Any
]  # settings of the training loop by the keys of LOOP; what a configuration does not say is absent

LOOP: Final[Mapping[str, str]] = {
    "prompts_per_batch": "prompts of one batch of rollouts",
    "group_size": "responses of one prompt",
    "updates_per_rollout": "optimizer updates on one batch of rollouts, over all epochs",
    "epochs": "passes over one batch of rollouts",
    "max_prompt_length": "tokens",
    "max_response_length": "tokens",
    "temperature": "of the sampler, and of the log-probs where the framework divides by it",
    "top_p": "nucleus of the sampler, 1 for all",
    "top_k": "most likely tokens of the sampler, 0 for all",
    "lr": "learning rate",
    "weight_decay": "of AdamW",
    "max_grad_norm": "gradient clipping",
    "warmup_steps": "updates",
}


@dataclass(frozen=True, slots=True)
class NotModeled:
    """Options that change the update in a way that no trick expresses."""

    pattern: str  # a glob over names of options
    because: str  # continues "NAME: "
    neutral: tuple[Any, ...] = (None, False, 0)  # values for which they change nothing
    given_only: bool = False  # True for options of another entry point, whose defaults are not in effect


@dataclass(frozen=True, slots=True)
class Fault:
    """A known fault of some releases."""

    name: str  # short, unique in the framework
    text: str  # one sentence: the configuration's effect, as it is and as it should be
    when: Condition = field(default_factory=dict)  # the options of a configuration that it hits
    test: Callable[[Options, Loop], bool] | None = None  # for conditions over several options or the loop
    since: str = ""
    until: str = ""
    source: str = ""  # path:line, issue or "run": how it is known


@dataclass(frozen=True, slots=True)
class Counts:
    """The counts of the loop, which frameworks spell in their own units."""

    read: Callable[
        [Options], Loop
    ]  # prompts_per_batch, group_size, updates_per_rollout, epochs as far as they are known
    write: Callable[[Loop, Options], Mapping[str, Any]]  # options for these counts; given the defaults of the release


@dataclass(frozen=True, slots=True)
class Framework:
    """The spelling of a rule and a loop in one framework's configuration.

    The names of options are those of its file ``options/NAME.json``.
    """

    name: str  # also the name of its dialect
    title: str  # as its project writes it
    parts: tuple[Part, ...]
    keeps: tuple[Keep, ...]
    counts: Counts
    no_effect: tuple[str, ...]  # globs of options that do not change the update
    not_modeled: tuple[NotModeled, ...] = ()
    faults: tuple[Fault, ...] = ()
    form: str = "yaml"  # in which ``export`` writes: yaml, json, toml, flags, overrides, keywords
    launched: tuple[str, ...] = ()  # programs in scripts: "verl.trainer.main_ppo"; the first is preferred
    constructors: tuple[str, ...] = ()  # classes of options in Python: "GRPOConfig"
    head: str = ""  # the command or the first lines that ``export`` writes before the options
    foreign: tuple[str, ...] = ()  # globs of options of other programs that its scripts pass on
    rename: Callable[[str], str] = same  # from a name as users write it to that of the options file
    idle: Callable[[Options, Loop], Sequence[str]] | None = None  # sentences on given options that cannot act here
    compared: Mapping[str, Any] = field(default_factory=dict)  # over the defaults, where those need a critic
    in_code: Mapping[str, str] = field(default_factory=dict)  # trick -> how its user adds it in code, no option has it
