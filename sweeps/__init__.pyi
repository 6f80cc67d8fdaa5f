from .options import (
    SweepOptions as SweepOptions,
    TuneOptions as TuneOptions,
    read_effect as read_effect,
    read_seeds as read_seeds,
    read_tune_options as read_tune_options,
    read_twins as read_twins,
)
