"""Commands for models and problems: ``eval``, ``difficulty`` and ``data``."""

import json
from typing import Annotated, Any

from typer import Option, Typer

from liteppo.endings import ended, printed
from liteppo.training import Overrides
from liteppo.words import Command, OverridesCommand, WordError, benchmarks, evaluation_presets

ModelOption = Annotated[
    str, Option(metavar="MODEL", help="builtin:small_base, smol, a folder, or a name on the hub.", show_default=False)
]
EVAL_EXAMPLES = """\
Examples:
  liteppo eval --model builtin:small_base --bench arithmetic --k 4
  liteppo eval model=smol bench=math500,aime24 problems=4
  liteppo eval model=Qwen/Qwen3-4B-Base bench=all k=8
  liteppo eval model=/path/to/model eval=paper

Other words are Hydra overrides, such as model.prompt_form=chat,
model.thinking=false or eval.max_response_length=4096. A file of your own is
a benchmark: bench=file:heldout.jsonl (docs/guides/own_tasks.md)."""

DIFFICULTY_EXAMPLES = """\
Examples:
  liteppo difficulty --model smol --tier paper_easy --problems 20 --cut 0.1,0.9
  liteppo difficulty model=builtin:small_base tier=arithmetic_easy

Other words are Hydra overrides, such as rollout.max_response_length=1024."""

DATA_EXAMPLES = """\
Examples:
  liteppo data                                 the six tiers
  liteppo data --guessable 0.1                 with another setting
  liteppo data --file mine.jsonl --heldout held.jsonl
                                               cards of your own files"""


def evaluate(
    model: ModelOption = "",
    bench: Annotated[
        str | None, Option(metavar="NAMES", help="all, or benchmarks separated by commas.", autocompletion=benchmarks)
    ] = None,
    k: Annotated[str | None, Option("--k", "-k", metavar="N", help="Samples per problem.")] = None,
    eval: Annotated[
        str | None, Option(metavar="PRESET", help="rigorous, paper, laptop, ...", autocompletion=evaluation_presets)
    ] = None,
    problems: Annotated[
        str | None, Option(metavar="N|all", help="Number of problems of each benchmark (a fixed sample), or all.")
    ] = None,
    overrides: Overrides = None,
) -> int:
    """Score a model on benchmarks and keep the outcome of every sample.

    A stopped evaluation resumes, and the results of a finished one are read from disk. Exit code 2 for an invalid
    setting or invalid data, 1 for a full disk, 130 for Ctrl-C.
    """
    from harness.evaluation import EvaluationOptions, build_evaluation_config, run_command  # noqa: PLC0415 - torch takes a second

    asked = EvaluationOptions(model, bench, k, eval, problems, tuple(overrides or ()))

    def score() -> None:
        config = build_evaluation_config(asked)
        from harness.evaluation import print_evaluation as scored  # noqa: PLC0415

        scored(config)

    return run_command(score)


def difficulty(
    model: ModelOption = "",
    tier: Annotated[
        str, Option(metavar="NAMES", help="Tiers separated by commas, or a file that --cut wrote.")
    ] = "paper_easy",
    k: Annotated[str | None, Option("--k", "-k", metavar="N", help="Samples per problem.")] = None,
    problems: Annotated[
        str, Option(metavar="N|all", help="Number of problems of each tier (a fixed sample), or all.")
    ] = "200",
    cut: Annotated[
        str | None, Option(metavar="LOW,HIGH", help="Write the problems with a pass rate in this range as a tier.")
    ] = None,
    overrides: Overrides = None,
) -> int:
    """Measure how hard problems are for a model: the pass rate of every problem.

    Prints a table of the share of prompts by number of correct samples, and writes it with a figure. Sampling is that
    of the paper's training. A stopped measurement resumes. Exit codes as for eval.
    """
    from harness.evaluation import DifficultyOptions, read_difficulty_request, run_command  # noqa: PLC0415 - torch takes a second

    asked = DifficultyOptions(model, tier, k, problems, cut, tuple(overrides or ()))

    def measure() -> None:
        request = read_difficulty_request(asked)
        from harness.evaluation import measure_difficulty  # noqa: PLC0415

        printed(measure_difficulty(request))

    return run_command(measure)


def data(
    size: Annotated[str | None, Option(metavar="N", help="Rows of a paper tier; by default 5000.")] = None,
    seed: Annotated[str | None, Option(metavar="N", help="Seed of the subsample; by default 42.")] = None,
    part: Annotated[
        str | None, Option(metavar="SHARE", help="Smallest share of a partial source for a tier; by default 0.2.")
    ] = None,
    guessable: Annotated[
        str | None, Option(metavar="SHARE", help="Largest share of answers that can be guessed; by default 0.05.")
    ] = None,
    near: Annotated[
        str | None,
        Option(metavar="SHARE", help="Drop problems at least this similar to a benchmark's; by default 0.7."),
    ] = None,
    covered: Annotated[
        str | None,
        Option(metavar="SHARE", help="Drop problems that a benchmark covers to this share; by default 0.85."),
    ] = None,
    file: Annotated[str | None, Option(metavar="FILE", help="Show the card of training problems of your own.")] = None,
    heldout: Annotated[str | None, Option(metavar="FILE", help="Show the card of a benchmark of your own.")] = None,
) -> int:
    """Build the training tiers from DATA_DIR or the hub, and print their cards.

    Exit code 2 for an invalid setting or data that cannot be used, 130 for Ctrl-C.
    """
    given = {"size": size, "seed": seed, "part": part, "guessable": guessable, "near": near, "covered": covered}
    settings = {name: _value(value) for name, value in given.items() if value is not None}

    def build() -> int:
        from harness.common import build_dataclass  # noqa: PLC0415
        from harness.data import TierSettings, build_tiers, describe_own_files  # noqa: PLC0415

        own = file is not None or heldout is not None
        if own and settings:
            raise WordError(
                "file= and heldout= take no settings of tiers; leave these out, or leave file= and heldout= out"
            )
        print(
            describe_own_files(file, heldout)
            if own
            else "\n".join(build_tiers(build_dataclass(TierSettings, settings)))
        )
        return 0

    return ended(build, "stopped; run the same command again to build what is missing")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def add(app: Typer) -> None:
    """Add the commands of this module."""
    panel = "Models and problems"
    for name, command, examples in (
        ("eval", evaluate, EVAL_EXAMPLES),
        ("difficulty", difficulty, DIFFICULTY_EXAMPLES),
    ):
        app.command(name, cls=OverridesCommand, epilog=examples, rich_help_panel=panel, no_args_is_help=True)(command)
    app.command(cls=Command, epilog=DATA_EXAMPLES, rich_help_panel=panel)(data)
