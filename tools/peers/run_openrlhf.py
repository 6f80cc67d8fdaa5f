"""Run cases at one release of OpenRLHF; the request and the answer are JSON.

The release's own command line parses the options, its own methods compute. Given numbers stand for the models.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import sys
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor

sys.path[0] = str(Path(__file__).resolve().parents[2])  # not this folder, which has files named as the packages are

from tools.peers.empty_modules import install_empty_modules  # noqa: E402

_EMPTY: Final = (
    *("PIL", "aiohttp", "datasets", "deepspeed", "fastapi", "flash_attn", "jsonlines", "liger_kernel", "modelscope"),
    *("peft", "pylatexenc", "ray", "requests", "ring_flash_attn", "torchdata", "transformers", "uvicorn", "vllm"),
    "wandb",
)


class ReplayItem(SimpleNamespace):
    """An experience: parts that are not given are None."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None

    def to_device(self, device: Any) -> ReplayItem:
        """Stay where it is."""
        return self


def stay_on_cpu() -> None:
    """Make moves to CUDA do nothing."""
    moved = Tensor.to

    def to(self: Tensor, *given: Any, **named: Any) -> Tensor:
        named = {key: value for key, value in named.items() if key != "device"}
        kept = [each for each in given if not isinstance(each, str | torch.device)]
        return moved(self, *kept, **named) if kept or named else self

    Tensor.to = to  # type: ignore[method-assign, assignment]
    torch.cuda.current_device = lambda: "cpu"  # type: ignore[assignment, return-value]
    torch.compile = lambda function=None, **_: function  # type: ignore[assignment]


def parse_options(folder: Path, options: dict[str, Any]) -> Any:
    """Return the arguments as the release's own command line parses and checks them.

    Raises SystemExit or AssertionError where it refuses them.
    """
    source = (folder / "openrlhf/cli/train_ppo_ray.py").read_text()
    tree = ast.parse(source)
    caught: list[Any] = []
    for node in tree.body:
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            node.body = [
                ast.parse("_caught.append(args)").body[0] if ast.unparse(each) == "train(args)" else each
                for each in node.body
            ]
    words: list[str] = []
    for name, value in options.items():
        if value is True:
            words.append(f"--{name}")
        else:
            words += [f"--{name}", *map(str, value if isinstance(value, list) else [value])]
    before, sys.argv = sys.argv, ["train_ppo_ray", *words]
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            code = compile(tree, "train_ppo_ray", "exec")
            exec(code, {"__name__": "__main__", "_caught": caught})
    finally:
        sys.argv = before
    return caught[0]


def list_options(folder: Path) -> dict[str, Any]:
    """Return the default of every option of the release's command line."""
    tree = ast.parse((folder / "openrlhf/cli/train_ppo_ray.py").read_text())
    caught: list[Any] = []
    for node in tree.body:
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            ends = next(place for place, each in enumerate(node.body) if "parser.parse_args()" in ast.unparse(each))
            node.body = [*node.body[:ends], *ast.parse("_caught.append(parser)").body]
    exec(compile(tree, "train_ppo_ray", "exec"), {"__name__": "__main__", "_caught": caught})
    options = {action.option_strings[0].lstrip("-"): action.default for action in caught[0]._actions}
    changing = ("help", "wandb_run_name", "logger.wandb.run_name")  # the run's name holds the date
    return {
        name: "inf" if default == float("inf") else default for name, default in options.items() if name not in changing
    } | {name: None for name in changing if name in options and name != "help"}


def setting(args: Any, *names: str) -> Any:
    """Return the first of these settings that the release has."""
    for name in names:
        found: Any = args
        for part in name.split("."):
            found = getattr(found, part, _LACKING)
            if found is _LACKING:
                break
        else:
            return found
    return None


_LACKING: Final = object()


class Batch:
    """One of our batches as padded float32 tensors."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.rewards = torch.tensor(document["rewards"])
        self.lengths: list[int] = document["lengths"]
        self.width = max(self.lengths)
        self.mask = torch.tensor([[column < length for column in range(self.width)] for length in self.lengths])
        self.micro_batch = torch.tensor(document["micro_batch"])
        self.group = torch.tensor(document["group"])
        names = ("log_probs", "old_log_probs", "sampler_log_probs", "ref_log_probs", "entropies")
        self.rows = {name: self._padded(document[name]) for name in names}
        self.group_size = int(self.group.bincount()[0])
        self.limit: int = document["max_response_length"]

    def _padded(self, rows: list[list[float]]) -> Tensor:
        return torch.tensor([row + [0.0] * (self.width - len(row)) for row in rows])


class OpenrlhfRun:
    """A case at the release: advantages first, then the training steps of one update."""

    def __init__(self, batch: Batch, args: Any) -> None:
        self.batch, self.args = batch, args
        self.estimator = setting(args, "algo.advantage.estimator", "advantage_estimator")
        self.coef = float(setting(args, "algo.kl.init_coef", "init_kl_coef"))
        self.as_loss = bool(setting(args, "algo.kl.use_loss", "use_kl_loss"))
        self.packed = bool(setting(args, "ds.packing_samples", "packing_samples"))
        self.maker = import_module("openrlhf.trainer.ppo_utils.experience_maker")
        self.utils = import_module("openrlhf.models.utils")
        # Up to 0.6.4 packed samples have no mask and are lists.
        self.listed = self.packed and "num_actions" in inspect.signature(self.utils.compute_reward).parameters

    def divergence(self, rows: slice) -> Tensor:
        """Return the KL of the reward (b, T), as make_experience computes it."""
        mask, old = self.batch.mask[rows], self.batch.rows["old_log_probs"][rows]
        if self.as_loss or not self.coef:
            return torch.zeros_like(old)
        function = self.utils.compute_approx_kl
        named: dict[str, Any] = {}
        known = inspect.signature(function).parameters
        if "action_mask" in known:
            named["action_mask"] = mask
        if "kl_estimator" in known:
            named["kl_estimator"] = setting(self.args, "algo.kl.estimator", "kl_estimator")
        else:
            named["use_kl_estimator_k3"] = self.args.use_kl_estimator_k3
        found: Tensor = function(old, self.batch.rows["ref_log_probs"][rows], **named)
        return found

    def experiences(self) -> list[ReplayItem]:
        """Return the batch as experiences of one group each."""
        batch, found = self.batch, []
        for start in range(0, len(batch.rewards), batch.group_size):
            rows = slice(start, start + batch.group_size)
            lengths = batch.lengths[rows]
            rewards, kl = batch.rewards[rows].clone(), self.divergence(rows)
            item = ReplayItem(
                rewards=rewards,
                index=list(range(start, start + batch.group_size)),
                action_mask=batch.mask[rows],
                kl=kl,
                response_length=torch.tensor(lengths),
                truncated=torch.zeros(len(lengths)),
                info={"reward": rewards, "num_actions": self.batch.width, "response_length": torch.tensor(lengths)},
            )
            if self.listed:
                item.action_mask = None
                item.kl = [row[:length] for row, length in zip(kl, lengths, strict=True)]
                item.info["num_actions"] = lengths
            found.append(item)
        return found

    def advantages(self) -> Tensor:
        """Return the advantages of all tokens (B, T)."""
        owners = [each for each in vars(self.maker).values() if isinstance(each, type)]
        name = "compute_advantages_and_returns"
        owner = next((each for each in owners if name in vars(each)), None)
        made = self.experiences()
        if owner is not None:
            open_ended = "kwargs" in inspect.signature(getattr(owner, name)).parameters
            discounts = {"gamma": 1.0, "lambd": 1.0} if open_ended else {}
            self._instance(owner).compute_advantages_and_returns(made, **discounts)
        else:
            self._before_0_6_3(owners, made)
        rows = [self._whole(row) for item in made for row in item.advantages]
        return self._whitened(torch.stack(rows))

    def _instance(self, owner: type) -> Any:
        maker: Any = object.__new__(owner)
        maker.strategy, maker.args = SimpleNamespace(args=self.args), self.args
        maker.advantage_estimator, maker.packing_samples = self.estimator, self.packed
        maker.kl_ctl = SimpleNamespace(value=self.coef)
        return maker

    def _before_0_6_3(self, owners: list[type], made: list[ReplayItem]) -> None:
        """Do what make_experience_list did around process_experiences."""
        maker = self._instance(next(each for each in owners if "process_experiences" in vars(each)))
        made, rewards = maker.process_experiences(made)
        for item, reward in zip(made, rewards, strict=True):
            shaped = self.utils.compute_reward(
                reward,
                self.coef,
                item.kl,
                action_mask=item.action_mask,
                num_actions=item.info["num_actions"],
                reward_clip_range=self.args.reward_clip_range,
            )
            item.advantages = maker.get_cumulative_returns(shaped, item.action_mask, 1.0)

    def _whole(self, row: Tensor) -> Tensor:
        return torch.cat([row, row.new_zeros(self.batch.width - len(row))])

    def _whitened(self, found: Tensor) -> Tensor:
        """Normalize in the replay buffer, as the trainer did up to 0.7.0.post1."""
        module = import_module("openrlhf.trainer.ppo_utils.replay_buffer")
        buffer = object.__new__(module.NaiveReplayBuffer)
        trainer = import_module("openrlhf.trainer.ray.ppo_actor" if _has_step() else "openrlhf.trainer.ppo_trainer")
        text = inspect.getsource(trainer)
        if not hasattr(buffer, "normalize"):
            return found
        before = text.partition("replay_buffer.normalize")[0][-200:]
        apart = [name for name in ("group_norm", "dr_grpo") if f'"{name}"' in before]
        if self.estimator in apart:
            return found
        lengths = self.batch.lengths
        buffer.items = [
            ReplayItem(advantages=row[:length], action_mask=None if self.listed else torch.ones(length))
            for row, length in zip(found, lengths, strict=True)
        ]
        strategy = SimpleNamespace(all_reduce=lambda value, op: value)
        named = (
            {"divide_by_std": not self.args.no_advantage_std_norm}
            if "divide_by_std" in inspect.signature(buffer.normalize).parameters
            else {}
        )
        buffer.normalize(attribute="advantages", strategy=strategy, **named)
        return torch.stack([self._whole(item.advantages) for item in buffer.items])

    def update(self, advantages: Tensor) -> tuple[Tensor, float]:
        """Return the gradient (B, T) with respect to the log-probs, and the loss, of one optimizer step."""
        leaf = self.batch.rows["log_probs"].clone().requires_grad_()
        spread = self.batch.rows["entropies"].clone()
        micro = [
            (self.batch.micro_batch == index).nonzero().flatten()
            for index in sorted(set(self.batch.micro_batch.tolist()))
        ]
        items = [self._step_input(rows, advantages) for rows in micro]
        total = 0.0
        for step, (rows, item, info) in enumerate(self._normalized(micro, items)):
            trainer = self._trainer(leaf, spread, rows)
            method = getattr(trainer, "training_step" if _has_step() else "training_step_actor")
            wanted = inspect.signature(method).parameters
            named = {"experience": item, "kl_ctl": self.coef, "step": step, "loss_batch_info": info}
            try:
                method(**{name: value for name, value in named.items() if name in wanted})
            except AttributeError as error:  # 0.7.2 and 0.7.3 stop where they log the KL of the loss
                raise SystemExit(f"the training step stops: {error}") from error
            loss = trainer.losses[0] / len(micro)
            loss.backward()
            total += loss.item()
        assert leaf.grad is not None
        return leaf.grad * self.batch.mask, total

    def _normalized(self, micro: list[Tensor], items: list[ReplayItem]) -> Any:
        """Yield the micro-batches, from 0.10.4 on with the counts of the whole step."""
        try:
            function = import_module("openrlhf.utils.loss_utils").iter_grad_accum_global_norm
        except (ImportError, AttributeError):
            return [(rows, item, None) for rows, item in zip(micro, items, strict=True)]
        given = zip(micro, items, strict=True)
        made = function(given, SimpleNamespace(ds_device_mesh=None), len(micro), lambda pair: pair[1].action_mask)
        return [(rows, item, info) for (rows, item), info in made]

    def _step_input(self, rows: Tensor, advantages: Tensor) -> ReplayItem:
        batch = self.batch
        mask, chosen = batch.mask[rows], {name: values[rows] for name, values in batch.rows.items()}
        parts: dict[str, Any] = {
            "sequences": torch.zeros(mask.shape, dtype=torch.long),
            "attention_mask": mask.long(),
            "action_mask": mask.float(),
            "action_log_probs": chosen["old_log_probs"],
            "advantages": advantages[rows],
            "base_action_log_probs": chosen["ref_log_probs"],
            "rollout_log_probs": chosen["sampler_log_probs"],
        }
        if self.listed:
            lengths = [batch.lengths[int(row)] for row in rows]
            parts = {
                name: [row[:length] for row, length in zip(values, lengths, strict=True)]
                for name, values in parts.items()
            } | {"action_mask": None}
        return ReplayItem(**parts, info={"response_length": mask.sum(dim=1).float()})

    def _trainer(self, leaf: Tensor, spread: Tensor, rows: Tensor) -> Any:
        """Return the release's trainer of the actor, without its set-up, on given log-probs."""
        module = import_module("openrlhf.trainer.ray.ppo_actor" if _has_step() else "openrlhf.trainer.ppo_trainer")
        owner = module.ActorPPOTrainer if _has_step() else module.PPOTrainer
        trainer: Any = object.__new__(owner)
        losses: list[Tensor] = []
        output = ReplayItem(entropy=spread[rows], aux_loss=0.0)
        now = leaf[rows]
        if self.listed:
            now = torch.cat([row[: self.batch.lengths[int(index)]] for row, index in zip(now, rows, strict=True)])[None]

        class Actor:
            def train(self) -> None:
                pass

            def __call__(self, *given: Any, **named: Any) -> tuple[Tensor, ReplayItem]:
                return now, output

        trainer.args, trainer.actor, trainer.losses = self.args, Actor(), losses
        trainer.strategy = SimpleNamespace(
            ring_attn_group=None,
            args=self.args,
            backward=lambda loss, *_: losses.append(loss),
            optimizer_step=lambda *_, **__: None,
            get_grad_norm=lambda _: 0.0,
        )
        trainer.actor_optim = trainer.ema_model = trainer.pretrain_dataloader = trainer.critic = None
        trainer.initial_model, trainer.aux_loss = object(), False
        trainer.kl_ctl, trainer.replay_buffer = SimpleNamespace(value=self.coef), None
        trainer.actor_scheduler = SimpleNamespace(get_last_lr=lambda: [0.0])
        trainer.actor_loss_fn = self._loss(owner)
        return trainer

    def _loss(self, owner: type) -> Any:
        """Run the statement with which the release constructs its policy loss."""
        for cls in owner.__mro__:
            own = vars(cls).get("__init__") if cls is not object else None
            source = "" if own is None else inspect.getsource(own)
            for node in ast.walk(ast.parse("class _:\n" + source if source else "")):
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self.actor_loss_fn":
                    holder = SimpleNamespace(args=self.args)
                    scope = {**vars(import_module(cls.__module__)), "self": holder}
                    scope["eps_clip"] = setting(self.args, "actor.eps_clip", "eps_clip")
                    exec(ast.unparse(node), scope)  # one statement of the release
                    return holder.actor_loss_fn
        raise SystemExit("the release constructs no policy loss")


def _has_step() -> bool:
    """Return True from 0.6.3 on, where the actor has its own trainer with a training step."""
    text = inspect.getsource(import_module("openrlhf.trainer.ray.ppo_actor").ActorPPOTrainer)
    return "def training_step(" in text and "training_step_actor" not in text


def run_case(folder: Path, batches: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Return what the release computes for a case, or why it refuses its options."""
    if "outside" in case:
        return {"outside": True}
    batch = Batch(batches[case["batch"]])
    options = dict(case["options"])
    dotted = any("." in name for name in options)
    sizes = {
        "rollout.n_samples_per_prompt" if dotted else "n_samples_per_prompt": batch.group_size,
        "vllm.num_engines" if dotted else "vllm_num_engines": 1,
        "reward.remote_url" if dotted else "remote_rm_url": "own.py",
        "actor.model_name_or_path" if dotted else "pretrain": "own",
    }
    if any("overlong" in name for name in options):
        limit = _limit_name(folder, dotted)
        sizes[limit] = batch.limit
    try:
        args = parse_options(folder, sizes | options)
    except (SystemExit, AssertionError) as error:
        return {"refused": str(error)}
    run = OpenrlhfRun(batch, args)
    advantages = run.advantages()
    try:
        gradient, loss = run.update(advantages)
    except SystemExit as error:
        return {"refused": str(error)}
    mask = batch.mask
    rows = [row[: int(length)] for row, length in zip(advantages, mask.sum(dim=1), strict=True)]
    found = {"gradient": gradient.tolist(), "loss": loss}
    if all(bool((row == row[0]).all()) for row in rows):  # else padding differs, which nothing reads
        found["advantages"] = [float(row[0]) for row in rows]
    return {name: found[name] for name in case["results"] if name in found}


def _limit_name(folder: Path, dotted: bool) -> str:
    text = (folder / "openrlhf/cli/train_ppo_ray.py").read_text()
    known = ("rollout.max_new_tokens",) if dotted else ("max_new_tokens", "generate_max_len")
    return next(name for name in known if f'"--{name}"' in text)


def main() -> None:
    """Read batches and cases from stdin and print the results as one line of JSON."""
    asked = json.load(sys.stdin)
    install_empty_modules(_EMPTY)
    stay_on_cpu()
    torch.set_num_threads(1)
    folder = Path(asked["folder"])
    if asked.get("options"):
        print(json.dumps(list_options(folder)))
        return
    found: dict[str, Any] = {case["name"]: run_case(folder, asked["batches"], case) for case in asked["cases"]}
    print(json.dumps({**found, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
