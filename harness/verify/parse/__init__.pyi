from .cursor import LETTERS as LETTERS
from .numerals import list_other_numbers as list_other_numbers
from .parser import parse_answer as parse_answer
from .relations import find_class_difference as find_class_difference, is_least as is_least
from .tokenizer import normalize_latex as normalize_latex, to_ascii as to_ascii
from .wording import (
    find_chosen_option as find_chosen_option,
    is_same_wording as is_same_wording,
    read_option_letter as read_option_letter,
    strip_label as strip_label,
    strip_qualifiers as strip_qualifiers,
)
