"""Turns: pure functions of their number, that grow with what was drawn before, within bounds."""

import importlib.util
import itertools
import sys

import pytest
from hypothesis import strategies as st

from grams_theory import claims
from grams_theory.engine.campaign import APART, SHARE, Campaign
from grams_theory.engine.cases import DRIVERS, structure
from grams_theory.engine.cases.structure import CELLS
from grams_theory.engine.production import Rig

FLOW = Campaign(claims.by_id("theorem-4.6"), quadratic=True)
STEP = Campaign(claims.by_id("alignment"), quadratic=True)


def timeless(tally):
    return {**tally.as_dict(), "seconds": None}


def turn(campaign, index):
    return next(itertools.islice(campaign.turns(), index, None))


def drawn(campaign, count, monkeypatch):
    """The structures of the first turns, without their cases."""
    seen = []
    monkeypatch.setattr(Campaign, "evaluate", lambda self, structure: seen.append(structure))
    for one in itertools.islice(campaign.turns(), count):
        campaign.play(one)
    return seen


@pytest.mark.parametrize("campaign", [FLOW, STEP], ids=lambda c: c.claim.id)
def test_a_turn_alone_is_the_turn_in_sequence(campaign):
    in_sequence = [timeless(campaign.play(one)[0]) for one in itertools.islice(campaign.turns(), 6)]
    assert timeless(campaign.play(turn(campaign, 5))[0]) == in_sequence[5]
    assert in_sequence[5] != in_sequence[0]


def same_after_an_import(path, factor, monkeypatch):
    """Whether turns draw the same once a module with many numbers is imported. Hypothesis never forgets a module."""
    before = drawn(STEP, 40, monkeypatch)
    path.write_text(f"NUMBERS = {[factor * n for n in range(1, 300)]}\n")
    spec = importlib.util.spec_from_file_location("constants_of_a_user", path)
    monkeypatch.setitem(sys.modules, spec.name, importlib.util.module_from_spec(spec))
    return drawn(STEP, 40, monkeypatch) == before


def test_a_turn_does_not_depend_on_the_modules_that_are_imported(tmp_path, monkeypatch):
    assert same_after_an_import(tmp_path / "constants.py", 10_007, monkeypatch)


def test_seeds_that_hypothesis_draws_whole_would_depend_on_them(tmp_path, monkeypatch):
    """It mixes the numbers of imported modules into wide draws."""
    monkeypatch.setattr(structure, "SEEDS", st.integers(0, 2**32 - 1))
    assert not same_after_an_import(tmp_path / "constants.py", 10_009, monkeypatch)


def test_a_campaign_depends_on_its_seed_and_its_claim():
    other_seed, other_claim = (
        Campaign(FLOW.claim, seed=1, quadratic=True),
        Campaign(STEP.claim, quadratic=True),
    )
    tallies = [timeless(c.play(turn(c, 2))[0]) for c in (FLOW, other_seed, other_claim)]
    assert tallies[0] != tallies[1] != tallies[2] != tallies[0]


@pytest.mark.parametrize("setting", DRIVERS, ids=lambda s: s.__name__)
def test_turns_grow_first_in_structures_and_then_in_rows(setting):
    campaign = Campaign(next(c for c in claims.all_claims() if type(c.setting) is setting and c.margin))
    driver, families = DRIVERS[setting], len(campaign.families)
    turns = list(itertools.islice(campaign.turns(), 40 * families))
    assert [one.index for one in turns] == list(range(len(turns)))
    assert [one.before for one in turns] == list(
        itertools.accumulate((one.rows for one in turns), initial=0)
    )[:-1]
    for one in turns:
        smallest = min(driver.BATCH, one.family.max_batch)
        least, most = driver.EXAMPLES
        assert least <= one.examples <= most
        assert smallest <= one.batch <= max(driver.BATCH, driver.LARGEST)
        assert one.batch == smallest or one.examples == most  # rows grow only when structures cannot
        assert one.batch <= one.family.max_batch
    for family in campaign.families:
        own = [one.rows for one in turns if one.family is family]
        assert own == sorted(own)


def test_no_turn_is_more_than_a_small_share_of_what_was_drawn_before():
    smallest = max(DRIVERS[type(STEP.claim.setting)].EXAMPLES) * DRIVERS[type(STEP.claim.setting)].BATCH
    late = [one for one in itertools.islice(STEP.turns(), 300) if one.before > SHARE * smallest]
    assert len(late) > 100
    assert all(one.rows <= one.before // SHARE for one in late)
    assert late[-1].batch > 100 * late[0].batch


def test_batches_stay_small_where_each_row_is_a_parameter_of_its_own():
    coupled = Rig(cast={"Grams": "lion_pytorch.cautious_lion:Lion"})
    late = [turn(Campaign(claims.by_id("lemma-4.2"), rig, quadratic=True), 300) for rig in (coupled, Rig())]
    assert late[0].batch == APART < late[1].batch


def test_no_batch_has_more_cells_than_memory_allows():
    driver = DRIVERS[type(STEP.claim.setting)]
    for family in Campaign(STEP.claim).families:
        for one in examples(driver.strategy(STEP.claim, family, driver.LARGEST)):
            assert one.batch * one.dim**2 <= CELLS


def examples(strategy):
    from hypothesis import HealthCheck, Phase, given, settings

    seen = []
    options = {"database": None, "derandomize": True, "phases": [Phase.generate], "max_examples": 20}
    settings(suppress_health_check=list(HealthCheck), **options)(
        given(strategy)(lambda drawn: seen.append(drawn))
    )()
    return seen


def test_no_two_turns_share_a_structure(monkeypatch):
    seen = [str(s.as_dict()) for s in drawn(FLOW, 60, monkeypatch)]
    assert len(seen) > 180
    assert len(set(seen)) == len(seen)
