"""Compute what the text of a formula says, in float64 and without the code of the tricks."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor

from tricks.batch import Rollouts

WORDS = (  # what the text says -> what Python reads
    (r"sum_\(s >= t\) k_is", "to_go(k_it)"),
    (r"mean_t log\(", "mean_t_log("),
    (r"sum_it l_it", "sum_it(l_it)"),
    (r"sum_t (\w+)", r"sum_t(\1)"),
    (r"sum_i \(", "sum_i("),
    (r"\|o_i\|", "size"),
    (r"\((kept|sampled) (responses|tokens)\)", r"\1_\2"),
    # Of a batch that is the whole rollout.
    (r"\((?:mean )?(kept|sampled) tokens of (?:the rollout|an update)\)", r"\1_tokens"),
    (r"\(kept tokens, at least 1 a response\)", "kept_tokens"),
    (r"\(kept and empty responses\)", "kept_responses"),
    (r"\(padded width\)", "width"),
    (r"H\(pi\(\. \| o_i<t\)\)", "entropy"),
    (r"; each (\w+)", r", each='\1'"),
    (r", each (\w+)", r", each='\1'"),
    (r"; n - 1", ", ddof=1"),
    (r"; n\b", ", ddof=0"),
    (r"\^", "**"),
    (r"(?<=[\w)]) (?=[\w(])", " * "),
)


class Reader:
    """The names of formulas on one batch; tensors are (B, 1) or (B, T)."""

    def __init__(self, batch: Rollouts, log_probs: Tensor, entropies: Tensor) -> None:
        self.mask, self.group = batch.response_mask, batch.group
        logs = {"pi": log_probs, "pi_old": batch.old_log_probs}
        logs |= {"pi_ref": batch.ref_log_probs, "pi_sampler": batch.sampler_log_probs}  # type: ignore[dict-item]
        self.names: dict[str, Any] = {
            **{name: self._policy(torch.where(self.mask, table, 0.0)) for name, table in logs.items()},
            **{name: getattr(torch, name) for name in ("exp", "log", "sqrt")},
            **{f"mean_{scope}": self._mean(scope) for scope in ("group", "batch", "others")},
            **{f"std_{scope}": self._std(scope) for scope in ("group", "batch", "others")},
            **{f"rms_{scope}": self._rms(scope) for scope in ("group", "batch")},
            **{"min": _least, "max": _most, "clip": _clip, "sg": lambda value: value, "entropy": entropies},
            **{"o_it": "token", "o_i": "response", "size": self.mask.sum(1, keepdim=True), "width": self.mask.shape[1]},
            "sum_t": lambda table: torch.where(self.mask, table, 0.0).sum(1, keepdim=True),
            "sum_it": lambda table: torch.where(self.mask, table, 0.0).sum(),
            "sum_i": lambda column: column.sum(),
            "mean_t_log": lambda ratio: self.names["sum_t"](ratio.log()) / self.names["size"],
            "mean_t": lambda table: self.names["sum_t"](table.expand(self.mask.shape)) / self.names["size"],
            "to_go": lambda table: torch.where(self.mask, table, 0.0).flip(1).cumsum(1).flip(1),
            "r_i": batch.rewards[:, None],
            "r": batch.rewards[:, None],
        }

    def read(self, lines: list[str]) -> None:
        """Compute the lines in order; a definition that follows its use is computed first."""
        for line in sorted(lines, key=lambda line: 2 * lines.index(line) - 3 * line.startswith("k_it")):
            text = line.partition("  [")[0]
            for part in reversed(text.split(", x_it = ") if ", x_it = " in text else [text]):
                self._set(part if re.match(r"\w+ (=|<-)", part) else f"x_it = {part}")

    def _set(self, text: str) -> None:
        name, _, value = re.split(r" (=|<-) ", text, maxsplit=1)
        if name == "L":
            self.names["L"] = self._loss(value)
            return
        value = re.sub(r"(.*) where (A_\w+) >= 0, (.*) elsewhere", r"pick(\2, \1, \3)", value)
        self.names["pick"] = lambda sign, one, other: torch.where(sign >= 0, one, other)
        self.names[name] = self.names[name.replace("_it", "_i")] = self._value(value)
        self.names[name[0]] = self.names[name]  # A and r within a mean

    def _loss(self, text: str) -> Tensor:
        over = re.fullmatch(r"mean over (prompts|micro-batches) \[(.*)\]", text)
        if over is None:
            return self._within(torch.ones(len(self.mask), dtype=torch.bool), text)
        return torch.stack([self._within(self.group == one, over[2]) for one in self.group.unique()]).mean()

    def _within(self, rows: Tensor, text: str) -> Tensor:
        whole, table = self.mask, self.names["l_it"]
        self.mask = whole & rows[:, None]
        rows_kept = self.mask.any(1).sum()
        counts = {"kept_tokens": self.mask.sum(), "kept_responses": rows_kept}
        self.names |= counts | {"sampled_tokens": self.mask.sum(), "sampled_responses": rows.sum()}
        self.names["l_it"] = torch.where(self.mask, table, 0.0)
        found = self._value(text)
        self.mask, self.names["l_it"] = whole, table
        return found

    def _value(self, text: str) -> Any:
        for said, read in WORDS:
            text = re.sub(said, read, text)
        return eval(text, {"__builtins__": {}}, self.names)

    def _policy(self, logs: Tensor) -> Any:
        return lambda what: logs.exp() if what == "token" else logs.sum(1, keepdim=True).exp()

    def _weights(self, table: Tensor, each: str) -> Tensor:
        if table.shape[1] == 1:
            return self.mask.sum(1, keepdim=True).double() if each == "token" else torch.ones_like(table)
        return self.mask.double() / (1 if each == "token" else self.mask.sum(1, keepdim=True))

    def _members(self, scope: str, row: int) -> Tensor:
        within = self.group == self.group[row] if scope != "batch" else torch.ones_like(self.group, dtype=torch.bool)
        return within & (torch.arange(len(within)) != row) if scope == "others" else within

    def _mean(self, scope: str) -> Any:
        def mean(table: Tensor, each: str = "response") -> Tensor:
            weights = self._weights(table, each)
            rows = [self._members(scope, row) for row in range(len(table))]
            return torch.stack([(table * weights)[one].sum() / weights[one].sum() for one in rows])[:, None]

        return mean

    def _std(self, scope: str) -> Any:
        def std(table: Tensor, ddof: int, each: str = "response") -> Tensor:
            weights, centre = self._weights(table, each), self._mean(scope)(table, each)
            rows = [self._members(scope, row) for row in range(len(table))]
            squares = [(weights * (table - centre[row]).square())[one].sum() for row, one in enumerate(rows)]
            sizes = [weights[one].sum() - ddof for one in rows]
            return torch.stack([square / size for square, size in zip(squares, sizes, strict=True)]).sqrt()[:, None]

        return std

    def _rms(self, scope: str) -> Any:
        def rms(table: Tensor, ddof: int, each: str = "response") -> Tensor:
            weights = self._weights(table, each)
            rows = [self._members(scope, row) for row in range(len(table))]
            found = [(weights * table.square())[one].sum() / (weights[one].sum() - ddof) for one in rows]
            return torch.stack(found).sqrt()[:, None]

        return rms


def _least(one: Any, other: Any) -> Tensor:
    return torch.minimum(*torch.broadcast_tensors(torch.as_tensor(one), torch.as_tensor(other, dtype=torch.float64)))


def _most(one: Any, other: Any) -> Tensor:
    return torch.maximum(*torch.broadcast_tensors(torch.as_tensor(one), torch.as_tensor(other, dtype=torch.float64)))


def _clip(table: Tensor, low: float, high: float) -> Tensor:
    return table.clamp(low, high)
