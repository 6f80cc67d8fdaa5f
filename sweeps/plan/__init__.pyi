from .cost_report import format_way_out as format_way_out
from .estimate import START_SECONDS as START_SECONDS, RunSpeed as RunSpeed, makespan as makespan
from .plan import Plan as Plan, PlannedRun as PlannedRun, build_study as build_study, make_plan as make_plan
from .power import read_prior_studies as read_prior_studies
from .report import print_header as print_header, print_plan as print_plan
