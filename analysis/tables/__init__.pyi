from .controls import build_controls_table as build_controls_table
from .curves import build_curves_table as build_curves_table
from .factorial import build_factorial_table as build_factorial_table
from .notes import (
    list_table_notes as list_table_notes,
    note_failed_seeds as note_failed_seeds,
    note_reference_file as note_reference_file,
)
from .render import (
    TEXT as TEXT,
    format_entry as format_entry,
    render_csv as render_csv,
    render_latex as render_latex,
    render_markdown as render_markdown,
    summarize_table as summarize_table,
    write_result as write_result,
)
from .scores import (
    Column as Column,
    Entry as Entry,
    Kind as Kind,
    MissingScore as MissingScore,
    ResultTable as ResultTable,
    build_study_table as build_study_table,
)
from .study import build_study_tables as build_study_tables, describe_leftovers as describe_leftovers
