"""verdicts.json: strict, complete, and read back as it was written."""

import json
import math
from dataclasses import replace

import pytest

from grams_theory.core.document import dumps, loads
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import MeasuredEvidence
from tests.ledgers import CHANGED, FUZZ, LEDGER


def strict(text: str):
    def refuse(constant: str):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("ledger", [LEDGER, CHANGED])
def test_a_ledger_is_read_back_as_it_was_written(ledger):
    assert loads(dumps(ledger)) == ledger
    assert dumps(loads(dumps(ledger))) == dumps(ledger)


def test_the_schema_is_the_one_that_was_agreed():
    document = strict(dumps(LEDGER))
    assert document["schema"] == 2
    assert {"schema", "claims", "environment"} == document.keys()
    for claim in document["claims"]:
        assert {"id", "verdict", "recorded", "evidence", "witness", "seconds"} <= claim.keys()


def test_every_number_of_a_witness_is_a_string():
    witness = next(c["witness"] for c in strict(dumps(LEDGER))["claims"] if c["witness"])
    assert witness["data"]["H"] == [["-4/5", "3/5"], ["3/5", "4/5"]]
    assert witness["data"]["eta"] == "1/4"


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_json_cannot_say_is_a_string(value):
    spoilt = replace(LEDGER.results[0], evidence=(replace(FUZZ, min_margin=value),))
    text = dumps(replace(LEDGER, results=(spoilt,)))
    strict(text)
    fuzz = loads(text).results[0].fuzz
    assert fuzz is not None
    assert str(fuzz.min_margin) == str(value)


def test_measured_infinities_survive_the_round_trip():
    measured = next(
        e for r in loads(dumps(LEDGER)).results for e in r.evidence if isinstance(e, MeasuredEvidence)
    )
    assert measured.rows[1][3] == math.inf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a verdicts.json"),
        ("[1, 2", "not a verdicts.json"),
        ("[1]", "schema None"),
        ('{"schema": 1}', "schema 1"),
        ('{"schema": 2}', "damaged"),
        ('{"schema": 2, "claims": [3], "environment": {}}', "damaged"),
        (dumps(LEDGER).replace('"refuted"', '"disliked"'), "damaged"),
        (dumps(LEDGER).replace('"proof"', '"rumour"'), "damaged"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        loads(text)
