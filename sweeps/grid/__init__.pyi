from .ad_hoc import build_ad_hoc_grid as build_ad_hoc_grid
from .cells import (
    PlannedCell as PlannedCell,
    compose_cells as compose_cells,
    find_varied_axes as find_varied_axes,
    format_labels as format_labels,
    list_overrides as list_overrides,
    select_cells as select_cells,
)
from .file import LAPTOP as LAPTOP, read_derived_profiles as read_derived_profiles
from .grid import (
    Grid as Grid,
    GridSlice as GridSlice,
    collect_seeds as collect_seeds,
    describe_replaced as describe_replaced,
    find_grid as find_grid,
    list_grid_names as list_grid_names,
    read_grid as read_grid,
)
from .tuned import (
    EVERY_MODEL as EVERY_MODEL,
    FINISHED as FINISHED,
    MODEL as MODEL,
    FlatRange as FlatRange,
    Hyperparameter as Hyperparameter,
    OwnValue as OwnValue,
    TrialLine as TrialLine,
    TunedFile as TunedFile,
    TunedModel as TunedModel,
    find_hyperparameter as find_hyperparameter,
    read_tuned_file as read_tuned_file,
)
