from .embedded import EmbeddedModel as EmbeddedModel
from .errors import ModelError as ModelError
from .load import (
    load_embedded as load_embedded,
    load_model as load_model,
    load_outline as load_outline,
    load_tokenizer as load_tokenizer,
)
from .locate import (
    BUILTIN_PREFIX as BUILTIN_PREFIX,
    EMBEDDED_MODELS as EMBEDDED_MODELS,
    WEIGHTS_FOLDER as WEIGHTS_FOLDER,
    check_model as check_model,
    locate_model as locate_model,
    read_local_settings as read_local_settings,
    refuse_encoder as refuse_encoder,
)
from .prompting import PromptForm as PromptForm, format_prompt as format_prompt, list_prompt_notes as list_prompt_notes
from .validate import NO_END as NO_END, collect_end_ids as collect_end_ids
