"""What every torch optimizer owes its user beside the right update, as a table over checks and implementations.

Nothing here knows an update rule: an optimizer is held against itself, where two runs must end alike.

    from grams_theory.testing import conformance

    report = conformance.run(MyOptimizer)            # or "my_package.optim:MyOptimizer"
    print(report)                                    # the table
    assert report.passed

    @pytest.mark.parametrize("case", conformance.cases(MyOptimizer))
    def test_conformance(case):                      # one test for each check and implementation
        case()

    python -m grams_theory.testing.conformance my_package.optim:MyOptimizer

What cannot be seen from the constructor is said by a `Description`: a norm that couples parameters on purpose, say,
or a fault that is known and not mended.
"""

from grams_theory.testing.conformance.description import IMPLEMENTATIONS as IMPLEMENTATIONS
from grams_theory.testing.conformance.description import Description as Description
from grams_theory.testing.conformance.description import describe as describe
from grams_theory.testing.conformance.marks import NotApplicable as NotApplicable
from grams_theory.testing.conformance.setup import Setup as Setup
from grams_theory.testing.conformance.table import Case as Case
from grams_theory.testing.conformance.table import Check as Check
from grams_theory.testing.conformance.table import Outcome as Outcome
from grams_theory.testing.conformance.table import Report as Report
from grams_theory.testing.conformance.table import by_name as by_name
from grams_theory.testing.conformance.table import cases as cases
from grams_theory.testing.conformance.table import checks as checks
from grams_theory.testing.conformance.table import quick as quick
from grams_theory.testing.conformance.table import run as run
