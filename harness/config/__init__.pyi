from .compose import (
    compose_config as compose_config,
    compose_fast as compose_fast,
    split_sweep_override as split_sweep_override,
)
from .engines import (
    BackendConfig as BackendConfig,
    DeepspeedConfig as DeepspeedConfig,
    Dtype as Dtype,
    Layout as Layout,
    ProcessPlace as ProcessPlace,
    VllmConfig as VllmConfig,
    plan_layout as plan_layout,
)
from .expand import expand_from as expand_from
from .experiment import (
    ARITHMETIC as ARITHMETIC,
    DataConfig as DataConfig,
    EvalConfig as EvalConfig,
    ExperimentConfig as ExperimentConfig,
    ModelConfig as ModelConfig,
    OptimConfig as OptimConfig,
    RewardConfig as RewardConfig,
    check_config as check_config,
    find_implausible_settings as find_implausible_settings,
    list_hints as list_hints,
    load_config as load_config,
)
from .groups import list_config_groups as list_config_groups
from .recipe import compose_recipe as compose_recipe, recipe_of as recipe_of
from .window import (
    max_prompt_tokens as max_prompt_tokens,
    max_text_tokens as max_text_tokens,
    read_loaded_positions as read_loaded_positions,
    refuse_short_window as refuse_short_window,
)
