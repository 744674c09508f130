"""Small correct optimizers in three styles, and the same with one fault each: every fault must be caught.

`loop`, `foreach` and `fused` each hold a base class, whose pieces are methods, and faults that override one piece;
`promises` holds loops whose update is right and that break another promise, and `production` our own AdamW with
faults of its keywords and implementations. A class says by `role` whose definition
it follows, by `style` how it is written, and by `caught_by` which claim or check of conformance must see its fault.
"""

from tests.quality.broken import foreach, fused, loop, production, promises
from tests.quality.broken.foreach import Foreach
from tests.quality.broken.fused import Fused
from tests.quality.broken.loop import Plain, PlainCautious, PlainCautiousLion, PlainLion
from tests.quality.broken.production import Production

BASES = (Plain, PlainCautious, PlainLion, PlainCautiousLion, Foreach, Fused, Production)
FAULTS = tuple(
    cls
    for module in (loop, promises, foreach, fused, production)
    for cls in vars(module).values()
    if isinstance(cls, type)
    and cls.__module__ == module.__name__
    and cls not in BASES
    and issubclass(cls, BASES)
)
"""Every class in the package with a fault."""
