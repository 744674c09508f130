"""The table over the real losses."""
# pyright: reportOperatorIssue=false, reportOptionalOperand=false

from grams_theory.landscape import names
from grams_theory.landscape.real import LOSSES, measure_real_losses


def test_the_table_has_every_small_loss_and_no_contradiction():
    measured = measure_real_losses(steps=4)
    rows = [dict(zip(measured.columns, row, strict=True)) for row in measured.rows]
    assert tuple(row["loss"] for row in rows) == LOSSES
    assert set(LOSSES) <= set(names())
    for row in rows:
        assert row["L cert."] is None or row["L seen"] <= row["L cert."]
        assert row["μ cert."] is None or row["μ cert."] <= row["μ upper"]
        assert 0 < row["κ min"] <= row["κ median"] <= 1
        assert 0 <= row["disagree"] <= 1
        assert (row["bound/gap"] < 1) == (row["Thm 4.15"] == "informative")
        assert (row["informs from T"] <= 4) == (row["Thm 4.15"] == "informative")
        assert row["lr/allowed"] > 1e6  # with eps = 1e-8 nobody trains within the linear rate's premise
        assert row["one step"] not in ("violated", "contradicted")
