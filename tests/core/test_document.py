"""verdicts.json: strict, complete, and read back as it was written."""

import json
import math
from dataclasses import fields, replace
from typing import get_args

import jsonschema
import pytest

from grams_theory.core.document import dumps, loads, schema
from grams_theory.core.errors import UsageError
from grams_theory.core.evidence import Evidence, MeasuredEvidence, ProofStep, Stated, Streamed, Witness
from grams_theory.core.ledger import SCHEMA, ClaimResult
from grams_theory.core.verdict import Verdict
from tests.ledgers import CHANGED, FUZZ, LEDGER


def strict(text: str):
    def refuse(constant: str):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("ledger", [LEDGER, CHANGED])
def test_a_ledger_is_read_back_as_it_was_written(ledger):
    assert loads(dumps(ledger)) == ledger
    assert dumps(loads(dumps(ledger))) == dumps(ledger)


SCHEMATA = json.loads(schema())
VALIDATOR, DEFINED = jsonschema.Draft202012Validator(SCHEMATA), SCHEMATA["$defs"]


def complaints(document) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_the_schema_is_a_schema_of_this_version():
    VALIDATOR.check_schema(SCHEMATA)
    assert SCHEMATA["properties"]["schema"]["const"] == SCHEMA
    assert SCHEMATA["$id"].endswith(f":{SCHEMA}")


@pytest.mark.parametrize("ledger", [LEDGER, CHANGED])
def test_what_is_written_keeps_the_schema(ledger):
    assert complaints(strict(dumps(ledger))) == []


def test_what_a_verification_finds_keeps_the_schema():
    from grams_theory import verify

    ledger = verify(["adam-monotone", "comparison-printed", "theorem-4.6"], budget=300)
    document = strict(dumps(ledger))
    assert complaints(document) == []
    assert {e["type"] for c in document["claims"] for e in c["evidence"]} >= {"proof", "fuzz", "ablation"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(schema=SCHEMA - 1),
        lambda d: d.update(extra=1),
        lambda d: d["claims"][0].pop("witness"),
        lambda d: d["claims"][0].update(verdict="disliked"),
        lambda d: d["claims"][0]["evidence"][0].update(type="rumour"),
        lambda d: d["claims"][0]["evidence"][0]["steps"][0].update(kind="hope"),
        lambda d: d["claims"][0]["evidence"][1].update(cases=-1),
        lambda d: d["claims"][0]["evidence"][1]["histogram"]["bound"].update({"1e-99": 1}),
        lambda d: d["claims"][0]["evidence"][1]["streams"].update(steps=-1),
        lambda d: d["claims"][0]["evidence"][1]["streams"].pop("reason"),
        lambda d: d["claims"][2]["witness"].update(margin=-0.5),
    ],
)
def test_what_breaks_the_schema_is_seen(spoil):
    document = strict(dumps(LEDGER))
    spoil(document)
    assert complaints(document)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((kind.kind, kind) for kind in get_args(Evidence) if kind is not Witness),
        ("witness", Witness),
        ("step", ProofStep),
        ("stated", Stated),
        ("streams", Streamed),
        ("claim", ClaimResult),
    ],
)
def test_the_schema_describes_every_field_and_no_other(name, kind):
    assert DEFINED[name]["properties"].keys() - {"type", "witness"} == {f.name for f in fields(kind)} - {
        "witness"
    }


def test_the_schema_knows_every_verdict():
    assert DEFINED["verdict"]["enum"] == list(Verdict)


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
        (f'{{"schema": {SCHEMA}}}', "damaged"),
        (f'{{"schema": {SCHEMA}, "claims": [3], "environment": {{}}}}', "damaged"),
        (dumps(LEDGER).replace('"refuted"', '"disliked"'), "damaged"),
        (dumps(LEDGER).replace('"proof"', '"rumour"'), "damaged"),
    ],
)
def test_anything_else_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        loads(text)
