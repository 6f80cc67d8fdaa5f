from .twins import Twins as Twins, find_twins as find_twins
