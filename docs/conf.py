"""How Sphinx builds the site: `make docs`, warnings are errors."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import grams_theory

project = "grams_theory"
author = "The grams_theory authors"
copyright = author
release = version = grams_theory.__version__

extensions = [
    "claims",
    "commands",
    "docstrings",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "sphinx_copybutton",
    "walkthroughs",
]
exclude_patterns = ["_extensions"]
source_suffix = {".md": "markdown"}
smartquotes = False  # commands are for copying
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "grams_theory"
html_show_sphinx = False

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
copybutton_prompt_text = r"\$ |Example: "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.output) > div.highlight > pre"
html_math_renderer = "mathml"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_rtype = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
