"""Read ``name=value`` words as options, and complete names in a shell.

Each option is declared once and can be written in two ways: ``liteppo sweep smoke --seeds 0-5`` and
``liteppo sweep grid=smoke seeds=0-5`` are the same call. The words become options before Typer parses them, so that
only Typer knows the options.

Heavy packages are imported only where a completion needs them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar, Final

from typer.core import TyperCommand, TyperGroup

from harness.common import SchemaError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from typer import Context


FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}
_ARGUMENT: Final = "argument"  # Typer's name of a positional argument


class WordError(SchemaError):
    """A call that cannot be read; the message names the word and the way out."""


class Command(TyperCommand):
    """A command that also takes its options as ``name=value``.

    Raises WordError for other words.
    """

    def __init__(self, *given: Any, help: str | None = None, **options: Any) -> None:
        paragraphs = (help or "").split("\n\n")
        super().__init__(*given, help="\n\n".join(" ".join(part.split()) for part in paragraphs), **options)

    overrides = False  # True where words that are no options are Hydra overrides
    flags: ClassVar[Mapping[str, bool]] = FLAGS
    once = False  # True where a repeated word is an error; otherwise the last one counts

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Translate the words, then let Typer parse them.

        During completion in a shell, words are incomplete and are not translated.
        """
        if not args and self.no_args_is_help:
            return super().parse_args(ctx, args)
        return super().parse_args(ctx, args if ctx.resilient_parsing else list(_Translation(self).words(args)))


class ResultsCommand(Command):
    """A command whose flags are written only as 1 and 0."""

    flags: ClassVar[Mapping[str, bool]] = {"1": True, "0": False}


class OverridesCommand(Command):
    """A command whose other words are Hydra overrides, such as ``optim.lr=1e-4``."""

    overrides = True


class StrictCommand(Command):
    """A command that takes each word at most once and passes unknown words on."""

    overrides = True
    once = True


class PassingCommand(Command):
    """A command that passes words on that are not its own options, such as the flags of another program."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Move the command's own options to the front, and the other words behind ``--``."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        own, others = self._own_options(args)
        return TyperCommand.parse_args(self, ctx, [*own, "--", *others])

    def _own_options(self, args: list[str]) -> tuple[list[str], list[str]]:
        params = [param for param in self.params if param.param_type_name != _ARGUMENT]
        by_flag = {name: param for param in params for name in param.opts}
        by_word = {param.name: param for param in params}
        own: list[str] = []
        others: list[str] = []
        rest = iter(args)
        for word in rest:
            name, equals, value = word.partition("=")
            if word == "--":
                others += rest
            elif word in ("--help", "-h"):
                own.append(word)
            elif name in by_flag and getattr(by_flag[name], "is_flag", False):
                own.append(name)
            elif name in by_flag:
                own += [word] if equals else [word, *_next(name, rest)]
            elif equals and name in by_word:
                own += list(_Translation(self).translated(by_word[name], value))
            else:
                others.append(word)
        return own, others


def _next(name: str, rest: Iterator[str]) -> list[str]:
    value = next(rest, None)
    if value is None:
        raise WordError(f"{name}: write {name} VALUE")
    return [value]


class CommandGroup(TyperGroup):
    """A group whose error for an unknown command names the nearest one."""

    def resolve_command(self, ctx: Context, args: list[str]) -> Any:  # type: ignore[override]
        """Return the command of that name. Raises WordError with the nearest name."""
        if args and not args[0].startswith("-") and args[0] not in self.commands and not ctx.resilient_parsing:
            shown = [name for name, command in self.commands.items() if not command.hidden]
            raise WordError(f"unknown command {args[0]!r}; {suggest(args[0], shown)}")
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Refuse an option that the group lacks, with the nearest one."""
        if args and not ctx.resilient_parsing:
            _option(args[0], [name for param in self.get_params(ctx) for name in param.opts])
        return super().parse_args(ctx, args)


class _Translation:
    """The words of one call of a command."""

    def __init__(self, command: Command) -> None:
        self._command = command
        self._params = {param.name: param for param in command.params if param.name != "overrides"}
        self._takes_bare = any(param.param_type_name == _ARGUMENT for param in command.params)

    def words(self, given: Sequence[str]) -> Iterator[str]:
        """Yield the words that Typer parses. Raises WordError."""
        if self._command.once:
            self._refuse_repeats(given)
        rest = iter(given)
        for word in rest:
            if word == "--":
                yield from (word, *rest)
            elif word.startswith("-") and len(word) > 1:
                yield from self._written_as_option(word, rest)
            else:
                yield from self._written_as_word(word)

    def _written_as_option(self, word: str, rest: Iterator[str]) -> Iterator[str]:
        options = {name: param for param in self._params.values() for name in (*param.opts, *param.secondary_opts)}
        name = word.partition("=")[0]
        by_place = self._params.get(name.removeprefix("--"))
        if by_place is not None and by_place.param_type_name == _ARGUMENT:  # ``--grid smoke`` is ``smoke``
            yield from ([word.partition("=")[2]] if "=" in word else [])
            return
        by_words = [f"--{name}" for name, param in self._params.items() if param.param_type_name == _ARGUMENT]
        yield _option(word, [*(option for option in options if option.startswith("-")), *by_words, "--help", "-h"])
        if name in options and not getattr(options[name], "is_flag", False) and "=" not in word:
            value = next(rest, None)
            if value is None:
                raise WordError(f"{name}: write {name} VALUE")
            yield value

    def _written_as_word(self, word: str) -> Iterator[str]:
        name, equals, value = word.partition("=")
        param = self._params.get(name)
        if param is not None and equals:
            yield from self.translated(param, value)
        elif param is not None:
            raise WordError(f"{name}: write {name}=VALUE")
        elif self._command.overrides or (self._takes_bare and not equals):
            yield word
        else:
            raise WordError(f"{name}: no such argument; {self._nearest(name)}")

    def translated(self, param: Any, value: str) -> Iterator[str]:
        """Yield an option that is written as a word."""
        if getattr(param, "is_flag", False):
            yield from [param.opts[0]] * self._flag(param.name, value)
        elif not value:
            raise WordError(f"{param.name}: write {param.name}=VALUE")
        else:
            yield value if param.param_type_name == _ARGUMENT else f"{param.opts[0]}={value}"

    def _flag(self, name: str, value: str) -> bool:
        if value.lower() not in self._command.flags:
            raise WordError(f"{name}={value}: write {name}=1 or {name}=0")
        return self._command.flags[value.lower()]

    def _nearest(self, name: str) -> str:
        shown = [known for known, param in self._params.items() if known and not getattr(param, "hidden", False)]
        return suggest(name, shown) if shown else "this command takes no arguments"

    def _refuse_repeats(self, given: Sequence[str]) -> None:
        names = Counter(word.removeprefix("+").partition("=")[0] for word in given if "=" in word)
        if repeated := next((name for name, count in names.items() if count > 1), None):
            raise WordError(f"{repeated}: given twice; keep one")


def _option(word: str, known: Sequence[str]) -> str:
    name = word.partition("=")[0]
    if name.startswith("--") and name not in known:
        raise WordError(f"{name}: no such option; {suggest(name, [option for option in known if option[:2] == '--'])}")
    return word


def grid_names(incomplete: str) -> list[str]:
    """Complete the names of grids."""
    from sweeps.grid import list_grid_names  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, list_grid_names())


def sweep_words(incomplete: str) -> list[str]:
    """Complete a grid, or a setting as an axis of an ad-hoc grid."""
    return [*grid_names(incomplete), *overrides(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """Complete the profiles that every grid has."""
    from sweeps.grid import LAPTOP, read_derived_profiles  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, (LAPTOP, "gpu", *read_derived_profiles()))


def presets(incomplete: str) -> list[str]:
    """Complete the presets of tricks."""
    from tricks import PRESETS  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, PRESETS)


def trick_names(incomplete: str) -> list[str]:
    """Complete the names of tricks."""
    from tricks import load_catalog  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, load_catalog())


def dialects(incomplete: str) -> list[str]:
    """Complete the frameworks that can be emulated."""
    from tricks.dialects import DIALECTS  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, ("none", *DIALECTS))


def frameworks(incomplete: str) -> list[str]:
    """Complete the frameworks whose configurations are read."""
    from tricks.frameworks import FRAMEWORKS  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, FRAMEWORKS)


def overrides(incomplete: str) -> list[str]:
    """Complete a Hydra word: a preset, or an option of a config group."""
    from harness.config import list_config_groups  # noqa: PLC0415 - a shell waits for this

    name, equals, value = incomplete.partition("=")
    if not equals:
        return _starting(incomplete, (f"{group}=" for group in ("preset", "emulate", *list_config_groups())))
    known = {"preset": presets, "emulate": dialects}
    found = known[name](value) if name in known else _starting(value, list_config_groups().get(name, []))
    return [f"{name}={option}" for option in found]


def benchmarks(incomplete: str) -> list[str]:
    """Complete the names of benchmarks."""
    from harness.data import BENCHMARKS  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, ("all", "arithmetic", *BENCHMARKS))


def evaluation_presets(incomplete: str) -> list[str]:
    """Complete the presets of evaluations."""
    from harness.config import list_config_groups  # noqa: PLC0415 - a shell waits for this

    return _starting(incomplete, list_config_groups()["eval"])


def _starting(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]
