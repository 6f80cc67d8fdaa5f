from .registry import (
    FIGURES as FIGURES,
    build_views as build_views,
    write_figures as write_figures,
    write_tables as write_tables,
)
