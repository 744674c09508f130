"""What an optimizer must pass, ready to run: the contract of torch optimizers, and the claims about its role.

    pytest --pyargs grams_theory.testing.checks --gt-optimizer=torch.optim:Adam

One test for each check of `testing.contract`, and one for each claim that speaks of the optimizer's role and that our
own optimizer of that role keeps. The role is `--gt-role`, else the one that the optimizer's steps are nearest to.
"""

import pytest

from grams_theory.core.errors import UsageError
from grams_theory.testing.contract import CHECKS

_NO_ROLE = "its steps are near to those of no role; name one with --gt-role to test claims"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "claim_id" not in metafunc.fixturenames:
        return
    from grams_theory import families
    from grams_theory.engine.production import load
    from grams_theory.testing.roles import claims_about, natural_role

    optimizer, role, loss = map(metafunc.config.getoption, ("gt_optimizer", "gt_role", "gt_loss"))
    if optimizer is None:
        raise pytest.UsageError("which optimizer is under test? give --gt-optimizer=module:Class")
    role = role or natural_role(load(optimizer))
    found = [pytest.param("", marks=pytest.mark.skip(_NO_ROLE), id="no role")]
    if role is not None:
        traits = None if loss is None else families.by_name(loss).traits
        found = [claim.id for claim in claims_about(role) if _covered(claim, traits)]
    metafunc.parametrize("claim_id", found)


def _covered(claim, traits) -> bool:
    """Whether the loss, if there is one, has what the claim assumes."""
    if traits is None:
        return True
    from grams_theory.core.claim import Noise

    needed = {assumption.id for assumption in claim.assumptions}
    return needed <= traits and not isinstance(claim.setting, Noise)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check, gt_optimizer, pytestconfig):
    try:
        check(gt_optimizer, pytestconfig.getoption("gt_device"))
    except UsageError as error:
        pytest.skip(f"the optimizer takes no such parameters: {error}")


def test_claim(claim_id, assert_claim):
    result = assert_claim(claim_id)
    if result.fuzz is None or result.fuzz.cases == result.fuzz.undecided:
        pytest.skip(f"no case was decided: {result.fuzz and result.fuzz.cases} were inside the premise")
