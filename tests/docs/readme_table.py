"""The excerpt of verify's table in README.md. From the root of the repository, on an idle machine:

python -m tests.docs.readme_table    # writes it anew
"""

import io
import re
from pathlib import Path

from rich.console import Console

from grams_theory.cli.tables import results_table

README = Path(__file__).parents[2] / "README.md"
SHOWN = (
    "lemma-4.2",
    "comparison-printed",
    "comparison-sign-repaired",
    "comparison-sharp",
    "theorem-4.6",
    "theorem-4.15",
    "linear-rate",
)
WIDTH = 100
MARKED = re.compile(r"(?<=<!-- table:begin -->\n).*?(?=<!-- table:end -->)", re.DOTALL)
TIME = re.compile(r" +\d+\.\d s$", re.MULTILINE)


def shown(text: str) -> str:
    """The table that stands in the page."""
    found = MARKED.search(text)
    assert found
    return found[0]


def timeless(table: str) -> str:
    """Without what each claim took."""
    return TIME.sub("", table)


def computed() -> str:
    """The table that verify prints of these claims."""
    from grams_theory import verify

    found = verify(claims=SHOWN)
    printed = io.StringIO()
    Console(file=printed, width=WIDTH, highlight=False, emoji=False).print(
        results_table([found[claim] for claim in SHOWN], WIDTH)
    )
    lines = [line.rstrip() for line in printed.getvalue().strip("\n").splitlines()]
    return "".join(f"    {line}".rstrip() + "\n" for line in lines).strip("\n") + "\n"


if __name__ == "__main__":
    table = computed()
    README.write_text(MARKED.sub(lambda _: table, README.read_text()))
