"""Generate arithmetic problems of three difficulties."""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.data.catalog import Problem

Operator = Literal["+", "-", "*"]

_EVALUATION_SHARE = 8  # one expression in eight is reserved for evaluation


@dataclass(frozen=True, slots=True)
class OperandChain:
    """A first operand and the steps that follow. Only the first step can be a product."""

    first: int
    steps: tuple[tuple[Operator, int], ...]

    @property
    def expression(self) -> str:
        """The canonical form, which identifies the chain."""
        return f"{self.first}" + "".join(f"{operator}{operand}" for operator, operand in self.steps)

    @property
    def value(self) -> int:
        """The result of the chain."""
        return self.running_values()[-1]

    def running_values(self) -> tuple[int, ...]:
        """Return the value after the first operand and after every step."""
        values = [self.first]
        for operator, operand in self.steps:
            values.append(apply_operator(operator, values[-1], operand))
        return tuple(values)

    def for_evaluation(self) -> bool:
        """Return whether the chain is reserved for evaluation; this depends only on its form."""
        digest = hashlib.blake2b(self.expression.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % _EVALUATION_SHARE == 0


def apply_operator(operator: Operator, left: int, right: int) -> int:
    """Return the result of one step of a chain.

    Args:
        operator: The operator.
        left: The value so far.
        right: The operand of the step.

    Returns:
        The new value.

    """
    if operator == "*":
        return left * right
    return left + right if operator == "+" else left - right


Difficulty = Literal["easy", "medium", "hard"]

DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")

_LARGEST_VALUE = 150
_PRODUCT_SHARE = 0.4
_WORDS_SHARE = 0.25
_PATIENCE = 10_000
_EVALUATION_SEED = 2508_08221
_NAMES = ("Tom", "Ann", "Ben", "Eva", "Max", "Mia", "Sam", "Zoe")
_THINGS = ("apples", "coins", "pens", "books")
_VERBS = {"+": ("finds", "buys"), "-": ("gives away", "loses")}


@dataclass(frozen=True, slots=True)
class Level:
    """The properties of problems of one difficulty."""

    operands: tuple[int, int]  # minimum and maximum number of operands
    largest_step: int  # operands of + and - are from 2 to largest_step
    words: bool  # True: some problems are stories


LEVELS: dict[Difficulty, Level] = {
    "easy": Level(operands=(2, 3), largest_step=9, words=True),
    "medium": Level(operands=(3, 4), largest_step=30, words=True),
    "hard": Level(operands=(5, 6), largest_step=60, words=False),
}


def stream_problems(difficulties: Sequence[Difficulty], seed: int) -> Iterator[Problem]:
    """Yield training problems without end; the same seed gives the same stream."""
    rng = random.Random(seed)
    while True:
        difficulty = rng.choice(difficulties)
        chain = sample_training_chain(difficulty, rng)
        yield pose_problem(chain, difficulty, in_words=sample_in_words(difficulty, rng))


def build_evaluation_set(difficulty: Difficulty, size: int) -> tuple[Problem, ...]:
    """Return the first ``size`` problems of a fixed list of distinct expressions.

    `stream_problems` never yields one of these expressions. Raises ValueError where there are fewer.
    """
    rng = random.Random(f"{_EVALUATION_SEED}:{difficulty}")
    chosen: dict[str, Problem] = {}
    misses = 0  # consecutive samples without a new expression
    while len(chosen) < size:
        if misses > _PATIENCE:
            raise ValueError(
                f"only {len(chosen)} distinct {difficulty} evaluation problems exist, {size} were asked for"
            )
        misses += 1
        chain, in_words = sample_chain(difficulty, rng), sample_in_words(difficulty, rng)
        if chain.for_evaluation() and chain.expression not in chosen:
            chosen[chain.expression] = pose_problem(chain, difficulty, in_words=in_words)
            misses = 0
    return tuple(chosen.values())


def sample_training_chain(difficulty: Difficulty, rng: random.Random) -> OperandChain:
    """Sample a chain that is not reserved for evaluation."""
    chain = sample_chain(difficulty, rng)
    while chain.for_evaluation():
        chain = sample_chain(difficulty, rng)
    return chain


def sample_chain(difficulty: Difficulty, rng: random.Random) -> OperandChain:
    """Sample a chain for training or evaluation; its values stay within 0..150."""
    level = LEVELS[difficulty]
    length = rng.randint(*level.operands)
    if rng.random() < _PRODUCT_SHARE:
        chain = OperandChain(rng.randint(2, 9), (("*", rng.randint(2, 9)),))
    else:
        chain = OperandChain(rng.randint(2, 99), ())
    while len(chain.steps) < length - 1:
        chain = OperandChain(chain.first, (*chain.steps, _draw_step(chain.value, level.largest_step, rng)))
    return chain


def sample_in_words(difficulty: Difficulty, rng: random.Random) -> bool:
    """Sample whether the next problem is a story."""
    return rng.random() < _WORDS_SHARE and LEVELS[difficulty].words


def pose_problem(chain: OperandChain, difficulty: Difficulty, *, in_words: bool) -> Problem:
    """Return the problem that asks for the value of a chain.

    Args:
        chain: The chain.
        difficulty: Its difficulty, which becomes part of the id.
        in_words: True for a story, False for the expression.

    Returns:
        The problem.

    """
    prompt = _story(chain) if in_words else f"{chain.expression}=?"
    form = ":words" if in_words else ""
    return Problem(f"{difficulty}:{chain.expression}{form}", prompt, str(chain.value))


def _draw_step(value: int, largest: int, rng: random.Random) -> tuple[Operator, int]:
    while True:
        operator: Operator = rng.choice(("+", "-"))
        room = _LARGEST_VALUE - value if operator == "+" else value
        if room >= 2:
            return operator, rng.randint(2, min(largest, room))


def _story(chain: OperandChain) -> str:
    # The story depends only on the expression, so that the id of the problem determines it.
    digest = hashlib.blake2b(f"story {chain.expression}".encode(), digest_size=len(chain.steps) + 2).digest()
    name, thing = _NAMES[digest[0] % len(_NAMES)], _THINGS[digest[1] % len(_THINGS)]
    events = list(zip(chain.steps, digest[2:], strict=True))
    owned = f"{chain.first} {thing}"
    if events[0][0][0] == "*":
        owned = f"{chain.first} bags of {events.pop(0)[0][1]} {thing}"
    happened = "".join(f", {_VERBS[operator][byte % 2]} {operand}" for (operator, operand), byte in events)
    return f"{name} has {owned}{happened}. How many?"
