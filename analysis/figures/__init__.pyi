from .replay import write_replays as write_replays
from .study import (
    COLORS as COLORS,
    DASHES as DASHES,
    MARKERS as MARKERS,
    NOTHING as NOTHING,
    SAVED as SAVED,
    WIDTH as WIDTH,
    FigureArm as FigureArm,
    draw_bands as draw_bands,
    draw_curves as draw_curves,
    draw_ends as draw_ends,
    draw_study as draw_study,
    render_figure as render_figure,
)
