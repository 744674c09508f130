"""What an optimizer must pass, ready to run: the conformance of torch optimizers, and the claims about its role.

    pytest --pyargs grams_theory.testing.checks --gt-optimizer=torch.optim:Adam

One test for each check of `testing.conformance` and implementation, and one for each claim that speaks of the
optimizer's role and that our own optimizer of that role keeps. The role is `--gt-role`, else the one that the
optimizer's steps are nearest to. An optimizer that is near to none, as a badly broken Grams may be, fails one test, as
no claim was tried: name its role, or say `--gt-role=none`.
"""

import pytest

_NO_ROLE = (
    "no claim was tested: its steps are near to those of no role; name the one that it is meant to play, such as "
    "--gt-role=Grams, or --gt-role=none if it plays none"
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    from grams_theory.engine.production import load

    optimizer = metafunc.config.getoption("gt_optimizer")
    if optimizer is None:
        raise pytest.UsageError("which optimizer is under test? give --gt-optimizer=module:Class")
    cls = load(optimizer)
    if "case" in metafunc.fixturenames:
        from grams_theory.testing import conformance

        device = str(metafunc.config.getoption("gt_device"))
        metafunc.parametrize("case", conformance.cases(cls, device=device))
    if "claim_id" in metafunc.fixturenames:
        metafunc.parametrize("claim_id", _claims(metafunc.config, cls))


def _claims(config: pytest.Config, cls) -> list:
    from grams_theory import families
    from grams_theory.testing.roles import claims_about, natural_role

    role, loss = config.getoption("gt_role") or natural_role(cls), config.getoption("gt_loss")
    if role == "none":
        return []
    if role is None:
        return [pytest.param(None, id="no role")]
    traits = None if loss is None else families.by_name(loss).traits
    return [claim.id for claim in claims_about(role) if _covered(claim, traits)]


def _covered(claim, traits) -> bool:
    """Whether the loss, if there is one, has what the claim assumes."""
    if traits is None:
        return True
    from grams_theory.core.claim import Noise

    needed = {assumption.id for assumption in claim.assumptions}
    return needed <= traits and not isinstance(claim.setting, Noise)


def test_conformance(case):
    case()


def test_claim(claim_id, assert_claim):
    if claim_id is None:
        pytest.fail(_NO_ROLE)
    result = assert_claim(claim_id)
    if result.fuzz is None or result.fuzz.cases == result.fuzz.undecided:
        pytest.skip(f"no case was decided: {result.fuzz and result.fuzz.cases} were inside the premise")
