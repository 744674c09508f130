"""The directive `claims`: every claim, or those named, with its formula as MathML and what is recorded of it.

On every page the id of a claim, in code, links to its section of the page `claims`.
"""

from docutils import nodes
from docutils.parsers.rst import Directive
from markupsafe import Markup
from sphinx.transforms.post_transforms import SphinxPostTransform

from grams_theory.claims import all_claims, by_id, names
from grams_theory.core.definitions import all_definitions
from grams_theory.core.summary import GLYPHS
from grams_theory.report.mathml import from_latex


def _facts(*parts: str) -> nodes.raw:
    body = Markup(" · ").join(part for part in parts if part)
    return nodes.raw("", Markup('<p class="claim-facts">{}</p>').format(body), format="html")


def _formula(latex: str, statement: str) -> nodes.raw:
    return nodes.raw("", f"<p>{from_latex(latex, statement, display=True)}</p>", format="html")


def _section(identifier: str, title: str) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(identifier)], names=[identifier])
    section += nodes.title(text=title)
    return section


def claim(one) -> nodes.section:
    section = _section(one.id, one.title)
    needs = ", ".join(assumption.id for assumption in one.assumptions)
    section += _facts(
        Markup("<code>{}</code>").format(one.id),
        Markup("{} <b>{}</b>").format(GLYPHS[one.recorded], one.recorded.value),
        Markup("{}").format(one.source),
        Markup("needs: {}").format(needs) if needs else "",
    )
    section += nodes.paragraph(text=one.statement)
    section += _formula(one.latex, one.statement)
    if one.note:
        section += nodes.paragraph(text=one.note)
    return section


class Claims(Directive):
    """Without arguments all claims, in the order of the paper."""

    optional_arguments = 100

    def run(self):
        return [claim(one) for one in (map(by_id, self.arguments) if self.arguments else all_claims())]


class Definitions(Directive):
    def run(self):
        return [self._definition(one) for one in all_definitions()]

    @staticmethod
    def _definition(one) -> nodes.section:
        section = _section(f"definition-{one.id}", one.title)
        section += _facts(Markup("<code>{}</code>").format(one.id), Markup("{}").format(one.source))
        section += nodes.paragraph(text=one.text)
        section += _formula(one.latex, one.text)
        return section


class Links(SphinxPostTransform):
    default_priority = 500

    def run(self, **kwargs):
        page = self.app.builder.get_relative_uri(self.env.docname, "claims")
        known = set(names())
        for code in list(self.document.findall(nodes.literal)):
            if code.astext() in known and not isinstance(code.parent, nodes.reference | nodes.title):
                uri = f"{page}#{nodes.make_id(code.astext())}"
                code.replace_self(nodes.reference("", "", code.deepcopy(), internal=True, refuri=uri))


def setup(app):
    app.add_post_transform(Links)
    app.add_directive("claims", Claims)
    app.add_directive("definitions", Definitions)
    return {"parallel_read_safe": True}
