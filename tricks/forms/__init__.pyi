from .arguments import read_arguments as read_arguments
from .documents import read_markdown as read_markdown, read_notebook as read_notebook
from .json_form import read_json as read_json
from .python_form import read_python as read_python
from .reading import FormHints as FormHints, FormReading as FormReading, Given as Given
from .recognize import read_text as read_text, recognize_form as recognize_form
from .shell_form import read_options as read_options, read_shell as read_shell
from .toml_form import read_toml as read_toml
from .writing import write_text as write_text
from .yaml_form import read_yaml as read_yaml
