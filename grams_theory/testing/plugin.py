"""pytest plugin: claims as tests, of this package's own proofs and of your optimizer.

    def test_lemma_4_2_is_proved(examine):
        assert examine("lemma-4.2").verdict == "proved"

    @pytest.mark.claim("lemma-4.2", optimizer=MyGrams, role="Grams")
    def test_my_grams_descends():
        \"\"\"Fails if a case violates the claim; what stands here runs after that.\"\"\"

    pytest --pyargs grams_theory.testing.checks --gt-optimizer=torch.optim:Adam

Fixtures: `examine(claim_id)` proves and fuzzes a claim once per session; `gt_optimizer` is the class of
`--gt-optimizer`; `fuzz_claim(claim_id, **options)` fuzzes a claim with it and returns the result, and
`assert_claim(claim_id, **options)` fails on a violation. Keywords are those of `grams_theory.fuzz`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from grams_theory.core.errors import UsageError
from grams_theory.core.ledger import ClaimResult
from grams_theory.core.summary import GLYPHS, lines

_RESULTS = pytest.StashKey[dict[str, ClaimResult]]()

Examine = Callable[[str], ClaimResult]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("grams_theory", "machine-checked claims")
    group.addoption("--gt-budget", default="default", help="fuzzing per claim: cases (20000) or time (30s)")
    group.addoption("--gt-seed", type=int, default=0, help="seed of every random stream")
    group.addoption("--gt-device", default="cpu", help="torch device that cases are fuzzed on")
    group.addoption("--gt-optimizer", metavar="MODULE:CLASS", help="the torch optimizer under test")
    group.addoption(
        "--gt-role", metavar="NAME", help="whose place it takes, or none (default: seen from its steps)"
    )
    group.addoption("--gt-dtype", default="float64", help="of the weights, such as float32")
    group.addoption("--gt-loss", metavar="MODULE:FACTORY", help="attack claims on this loss alone")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = {}
    config.addinivalue_line(
        "markers",
        "claim(id, ..., **options): the test fails if the optimizer of --gt-optimizer, or of the option "
        "`optimizer`, violates one of these claims; options as of grams_theory.fuzz",
    )


@pytest.fixture(scope="session")
def examine(pytestconfig: pytest.Config) -> Examine:
    """The result of proving and fuzzing a claim, computed once per session."""

    def run(claim_id: str) -> ClaimResult:
        from grams_theory.engine import verify

        results = pytestconfig.stash[_RESULTS]
        if claim_id not in results:
            results.update(verify([claim_id], **_given(pytestconfig, "budget", "device", "seed")))
        return results[claim_id]

    return run


@pytest.fixture(scope="session")
def gt_optimizer(pytestconfig: pytest.Config) -> Any:
    """The optimizer class of `--gt-optimizer`."""
    from grams_theory.engine.production import load

    return load(_optimizer(pytestconfig))


@pytest.fixture
def fuzz_claim(pytestconfig: pytest.Config) -> Callable[..., ClaimResult]:
    """Fuzz a claim with the optimizer under test, as the options of the command line and the keywords say."""

    def run(claim_id: str, **options: Any) -> ClaimResult:
        from grams_theory.engine import fuzz
        from grams_theory.testing.assertions import role_of

        options = _options(pytestconfig, options)
        options["role"] = options["role"] or role_of(options["optimizer"])
        return _record(pytestconfig, fuzz(claim_id, **options), options)

    return run


@pytest.fixture
def assert_claim(pytestconfig: pytest.Config) -> Callable[..., ClaimResult]:
    """Fuzz a claim with the optimizer under test, and fail if a case violates it."""

    def run(claim_id: str, **options: Any) -> ClaimResult:
        return _assert(pytestconfig, claim_id, options)

    return run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    for marker in item.iter_markers("claim"):
        if not marker.args:
            pytest.fail('the mark names no claim; write @pytest.mark.claim("lemma-4.2", ...)', pytrace=False)
        for claim_id in marker.args:
            _assert(item.config, claim_id, dict(marker.kwargs))
    return (yield)


def _assert(config: pytest.Config, claim_id: str, options: dict[str, Any]) -> ClaimResult:
    from grams_theory.testing.assertions import ClaimViolated, assert_claim

    options = _options(config, options)
    try:
        return _record(config, assert_claim(claim_id, **options), options)
    except ClaimViolated as violated:
        _record(config, violated.result, options)
        pytest.fail(str(violated), pytrace=False)
    except UsageError as error:  # such as weights that became NaN
        pytest.fail(str(error), pytrace=False)


def _given(config: pytest.Config, *names: str) -> dict[str, Any]:
    """Options of the command line, by the names of keywords."""
    return {name: config.getoption(f"gt_{name}") for name in names}


def _optimizer(config: pytest.Config) -> str:
    given = config.getoption("gt_optimizer")
    if given is None:
        raise UsageError("which optimizer is under test? run pytest with --gt-optimizer=module:Class")
    return given


def _options(config: pytest.Config, options: dict[str, Any]) -> dict[str, Any]:
    """The keywords of `fuzz`: those of the command line, and those that a test gives in their place."""
    given = _given(config, "budget", "seed", "device", "role", "dtype", "loss")
    if "optimizer" in options:
        given["role"] = None
    else:
        given["optimizer"] = _optimizer(config)
    return {**given, **options}


def _record(config: pytest.Config, result: ClaimResult, options: dict[str, Any]) -> ClaimResult:
    from grams_theory.engine.production import name_of

    config.stash[_RESULTS][f"{result.id}, {name_of(options['optimizer'])}"] = result
    return result


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    results = config.stash[_RESULTS]
    if not results:
        return
    terminalreporter.section("claims")
    width = max(map(len, results))
    for claim_id, result in results.items():
        changed = f"   CHANGED, recorded: {result.recorded}" if result.changed else ""
        terminalreporter.write_line(
            f"{GLYPHS[result.verdict]} {claim_id:<{width}}  {result.verdict:<9}{changed}"
        )
        for line in lines(result.evidence):
            terminalreporter.write_line(f"  {'':<{width}}  {line}")
