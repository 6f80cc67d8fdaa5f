from .figure import PaperFigure as PaperFigure, View as View
from .numbers import read_readings as read_readings
from .render import build_paper_table as build_paper_table, draw_paper_figure as draw_paper_figure
