from .catalog import CLAIMS as CLAIMS, STUDIES as STUDIES, write_takeaways as write_takeaways
