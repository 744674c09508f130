"""Kill counts of the planted faults, listed when the tests end."""

from collections import defaultdict

import pytest

KILLS = defaultdict(lambda: [0, 0])


@pytest.fixture
def killed(request):
    """Counts the planted fault of this test as killed if the test passes."""
    kind = request.module.KIND
    KILLS[kind][1] += 1
    yield
    report = request.node.stash.get(REPORT, None)
    KILLS[kind][0] += bool(report and report.passed)


@pytest.fixture
def tallied():
    """Adds to the kill counts: tallied(kind, dead, planted)."""

    def add(kind, dead, planted):
        KILLS[kind][0] += dead
        KILLS[kind][1] += planted

    return add


REPORT = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[REPORT] = report
    return report


def pytest_terminal_summary(terminalreporter):
    for kind, (dead, planted) in sorted(KILLS.items()):
        terminalreporter.write_line(f"planted {kind}: {dead} of {planted} caught")
