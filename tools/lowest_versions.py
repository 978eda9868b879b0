"""Print pip constraints for the lowest versions that pyproject.toml admits: `name>=1,<2` as `name==1`."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
for requirement in {*project["dependencies"], *project["optional-dependencies"]["dev"]}:
    if bound := re.match(r"([\w-]+)>=([\w.]+)", requirement):
        print(f"{bound[1]}=={bound[2]}")
