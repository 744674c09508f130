"""What three theorems say of a run: their own formulas, faults that are seen, and nothing cried that is not sure."""

import math
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from grams_theory import optim
from grams_theory.claims import _small_step, by_id, linear_rate, one_step_pl_rate, theorem_4_15
from grams_theory.core.errors import UnknownNameError, UsageError
from grams_theory.core.html import escape
from grams_theory.core.rounding import Ball
from grams_theory.landscape import estimate_pl
from grams_theory.landscape.certificates.certificate import Certificate
from grams_theory.landscape.certificates.criteria import SquareLoss
from grams_theory.landscape.quantity import Quantity
from grams_theory.landscape.stream import watch_pl
from grams_theory.landscape.verdict import FAMILY, bounds, judge
from grams_theory.landscape.verdict.judgement import MEANINGS

CLAIMS = ("theorem-4.15", "linear-rate", "one-step-pl-rate")
EPS = 4.0
"""With θ = 0.1 and L = 1 the linear rate allows lr up to 0.4, Theorem 4.15 up to 0.2."""
LR = 0.1
EXACT = 1e-12
"""Relative error of some hundred operations in float64, with much to spare."""


class Certified:
    """A loss that certifies what it is told to; None leaves a constant open."""

    def __init__(self, L=1.0, mu=1.0, low=0.0, high=0.0):
        self.L, self.mu, self.low, self.high = L, mu, low, high

    def __call__(self, output, target):
        return output.mean()

    def certify(self, objective):
        star = Quantity(self.high, "planted", self.low, self.high)
        return Certificate(Quantity(self.L, "planted"), Quantity(self.mu, "planted"), star)


@pytest.fixture
def bowl(quadratic):
    """A production run on f = ‖w‖²/2 in one dimension from w = 1, where mu = L = G = 1, and f(w_1) − f* = ½."""

    def make(steps, loss=None, optimizer=optim.Grams, lr=LR, **options):
        model, _, data = quadratic(torch.eye(1), torch.ones(1))
        options = {} if optimizer is torch.optim.SGD else {"eps": EPS, **options}
        return estimate_pl(
            model, loss or Certified(), data, optimizer=partial(optimizer, **options), lr=lr, steps=steps
        )

    return make


# the formulas


@pytest.fixture(scope="module")
def record():
    """What a claim reads of a run of Grams: T + 1 = 6 points of f = ⟨w, diag(1, ½) w⟩/2."""
    curvature, w = torch.tensor([1.0, 0.5]).double(), nn.Parameter(torch.tensor([1.0, -3.0]).double())
    optimizer, path = optim.Grams([w], lr=LR, eps=EPS), []
    for _ in range(6):
        path.append(w.detach().clone())
        w.grad = curvature * path[-1]
        optimizer.step()
    points = torch.stack(path)[:, None]
    gaps = (curvature * points**2).sum(-1) / 2
    one = torch.ones(1).double()
    return SimpleNamespace(
        gap=lambda name: Ball.exact(gaps),
        grad=lambda name: Ball.exact(curvature * points),
        initial_gap=Ball.exact(gaps[0]),
        smoothness=one,
        pl=one / 2,
        eta=LR * one,
        eps=EPS,
        betas=(0.9, 0.999),
        steps=5,
    )


def test_theorem_4_15_is_bounded_by_the_formula_of_its_claim(record):
    G = _small_step.gradient_bound(record).mid.item()
    gaps, initial = record.gap("Grams").mid[:, 0].tolist(), record.initial_gap.mid.item()
    slack = [bounds.sublinear(T, LR, 0.5, G, EPS) * initial - gap for T, gap in enumerate(gaps, 1)]
    assert theorem_4_15.slack(record, "Grams").mid.item() == pytest.approx(min(slack), rel=EXACT)


def test_the_linear_rate_is_that_of_its_claim(record):
    read = linear_rate.reads(record)["Grams"]
    delta = bounds.step_in_units(LR, 1.0, 0.9, EPS)
    assert float(read["δ"]) == pytest.approx(delta, rel=EXACT)
    rho = bounds.contraction(LR, 0.5, read["G"].mid.item(), EPS, delta)
    assert read["ρ"].mid.item() == pytest.approx(rho, rel=EXACT)
    assert read["r"].mid[:, 0].tolist() == pytest.approx([(1 - rho) ** t for t in range(5)], rel=EXACT)


def test_the_step_sizes_are_those_of_the_claims(record):
    unit = bounds.step_in_units(1.0, 1.0, 0.9, EPS)
    assert _small_step.largest_step_size(record).item() == pytest.approx(bounds.SMALL / unit, rel=EXACT)
    assert _small_step.longest_step_size(record).item() == pytest.approx(1 / unit, rel=EXACT)


@pytest.mark.parametrize("phi", [0.0, 0.5, 1.0, 2.0])
def test_the_one_step_rate_is_that_of_its_claim(phi):
    rate = one_step_pl_rate.formal().conclusions["rate"]
    values = {"F": 1.0, "φ": phi, "κ": 0.7, "μ": 0.2, "L": 3.0}
    stated = rate.rhs.subs({symbol: values[symbol.name] for symbol in rate.rhs.free_symbols})
    assert 1 - bounds.one_step_fall(phi, 0.7, 0.2, 3.0) == pytest.approx(float(stated), rel=EXACT)


def test_the_length_of_a_step_is_that_of_its_claim():
    premise = one_step_pl_rate.formal().premises[1]  # ηL⟨u,u⟩ = φA
    values = {"η": 0.3, "L": 2.0, "⟨u,u⟩": 5.0**2, "A": 7.0}
    values["φ"] = bounds.one_step_length(0.3, 7.0, 5.0, 2.0)
    left, right = (
        float(side.subs({symbol: values[symbol.name] for symbol in side.free_symbols}))
        for side in premise.args
    )
    assert left == pytest.approx(right, rel=EXACT)


@pytest.mark.parametrize("claim", CLAIMS)
def test_each_verdict_is_about_a_claim(claim, bowl):
    assert by_id(judge(bowl(3))[claim].claim).id == claim


# runs that keep them


@pytest.mark.parametrize(("steps", "status"), [(200, "vacuous"), (201, "informative")])
def test_theorem_4_15_informs_from_the_step_that_its_formula_says(steps, status, bowl):
    """4(G + ε)/(μη) = 4·5/0.1 = 200."""
    verdict = judge(bowl(steps))["theorem-4.15"]
    assert verdict.status == verdict.says == status
    assert verdict.informative_from == 201
    assert verdict.at_end == pytest.approx(200 / steps, rel=EXACT)
    assert verdict.bound[9] == pytest.approx(10.0, rel=EXACT)  # 200/10 of a gap of ½
    assert verdict.ahead == (() if status == "informative" else ((201, pytest.approx(100 / 201, rel=EXACT)),))
    assert all(premise.holds for premise in verdict.premises)
    assert {c.standing for c in verdict.constants.values()} == {"certified", "on the run"}


def test_the_linear_rate_informs_at_once(bowl):
    """δ = 1/4, ρ = 2·¾·0.1/5 = 0.03, and the first step has the factor (1 − 0.1/5)²."""
    e = bowl(50)
    verdict = judge(e)["linear-rate"]
    assert verdict.status == "informative"
    assert verdict.informative_from == 2
    assert verdict.largest_lr == pytest.approx(0.4, rel=EXACT)
    assert verdict.at_end == pytest.approx(0.97**49, rel=EXACT)
    assert e.trajectory.f[1] == pytest.approx(0.98**2 / 2, rel=EXACT)
    assert "23.1 steps" in verdict.why  # ln 2/0.03


def test_the_one_step_rate_is_attained_by_the_bowl(bowl):
    """So its product is the run itself, and equality is no violation."""
    e = bowl(50)
    verdict = judge(e)["one-step-pl-rate"]
    assert verdict.status == "informative"
    assert verdict.informative_from == 2
    assert verdict.bound == pytest.approx(e.trajectory.f, rel=1e-9)


@pytest.mark.parametrize("optimizer", [optim.Adam, optim.CautiousAdam, optim.AMS])
def test_the_linear_rate_speaks_of_the_whole_family_and_the_others_of_grams(optimizer, bowl):
    judged = judge(bowl(50, optimizer=optimizer))
    assert judged["linear-rate"].status == "informative"
    for claim in ("theorem-4.15", "one-step-pl-rate"):
        assert judged[claim].status == "premise fails"
        assert optimizer.__name__ in judged[claim].why
        assert judged[claim].says is not None


def test_nothing_is_violated_on_random_quadratics_within_the_premises(quadratic):
    """Along whole runs of production Grams, with mu certified or read off the run, at δ = 0.05 .. 0.5."""
    stream = torch.Generator().manual_seed(0)
    seen = set()
    for case in range(24):
        D = int(torch.randint(1, 6, (), generator=stream))
        values = 10 ** (-2 * torch.rand(D, generator=stream, dtype=torch.float64))
        Q = torch.linalg.qr(torch.randn(D, D, generator=stream, dtype=torch.float64)).Q
        w = torch.randn(D, generator=stream, dtype=torch.float64) * 10.0 ** (case % 5 - 2)
        delta, eps = 0.05 + 0.45 * (case % 10) / 9, 10.0 ** (case % 4 - 2)
        L = values.max().item() * (1 + EXACT)
        mu = values.min().item() * (1 - EXACT) if case % 2 else None
        model, _, data = quadratic(Q @ torch.diag(values) @ Q.mT, w)
        e = estimate_pl(
            model,
            Certified(L, mu),
            data,
            optimizer=partial(optim.Grams, eps=eps, lr=delta * 0.1 * eps / L),
            steps=60,
            curvature=False,
        )
        for verdict in judge(e):
            assert verdict.status in ("informative", "vacuous"), (case, verdict)
            seen.add((verdict.claim, verdict.status))
    assert {claim for claim, _ in seen} == set(CLAIMS)


# planted faults


SLOW = {"lr": LR / 1000}
"""An optimizer whose steps are a thousandth of what it says."""


@pytest.mark.parametrize(
    ("claim", "at"), [("theorem-4.15", 202), ("linear-rate", 2), ("one-step-pl-rate", 2)]
)
def test_an_optimizer_that_steps_too_short_is_seen_to_violate(claim, at, bowl):
    """Its gap shrinks by (1 − 2e-5)² a step: (1 − 2e-5)^(2(T − 1)) > 200/T from T = 202 on, > 0.97^(T − 1) at once."""
    verdict = judge(bowl(250, **SLOW), LR)[claim]
    assert verdict.status == "violated"
    assert verdict.exceeded_at == at


def test_the_one_step_rate_sees_a_step_that_is_too_short_by_a_billionth(bowl):
    assert judge(bowl(50, lr=(1 - 1e-9) * LR), LR)["one-step-pl-rate"].status == "violated"
    assert judge(bowl(50), LR)["one-step-pl-rate"].status == "informative"


@pytest.mark.parametrize("claim", CLAIMS)
def test_with_a_smoothness_that_was_only_seen_it_is_no_violation_of_the_theorem(claim, bowl):
    verdict = judge(bowl(250, Certified(L=None), **SLOW), LR)[claim]
    assert verdict.says == "exceeded"
    assert verdict.status == "contradicted"
    assert "only seen" in verdict.why


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_mu_that_holds_at_the_visited_points_will_do(claim, bowl):
    verdict = judge(bowl(250, Certified(mu=None), **SLOW), LR)[claim]
    assert verdict.constants["μ"].standing == "on the run"
    assert verdict.status == "violated"


@pytest.mark.parametrize("claim", CLAIMS)
def test_an_uncertain_minimum_leaves_no_violation_that_its_interval_could_explain(claim, bowl):
    """Gaps between 0.01 and 100.5: the bound is on the large ones, the run may have the small ones."""
    verdict = judge(bowl(250, Certified(mu=None, low=-100.0, high=0.49), **SLOW), LR)[claim]
    assert verdict.says != "exceeded"


@pytest.mark.parametrize("claim", CLAIMS)
def test_without_a_lower_end_of_the_minimum_nothing_is_sure(claim, quadratic):
    model, loss, data = quadratic(torch.eye(1), torch.ones(1))
    e = estimate_pl(model, loss, data, optimizer=partial(optim.Grams, eps=EPS), lr=LR / 1000, steps=250)
    verdict = judge(e, LR)[claim]
    assert verdict.constants["μ"].standing == "seen"
    assert verdict.status == "contradicted"
    assert "lower end" in verdict.constants["μ"].quantity.provenance


@pytest.mark.parametrize(
    ("lr", "fails"), [(0.19, ()), (0.21, CLAIMS[:1]), (0.41, CLAIMS[:2]), (11.0, CLAIMS)]
)
def test_a_step_that_is_too_long_fails_the_premise_with_numbers(lr, fails, bowl):
    """φ = η‖u‖/‖g‖ = η/(|g_t| averaged + 4) at first, so the one-step rate allows lr = 10 at w = 1, and more later."""
    judged = judge(bowl(2, lr=lr))
    assert tuple(v.claim for v in judged if v.status == "premise fails") == fails
    for verdict in judged:
        assert verdict.largest_lr == pytest.approx(
            dict(zip(CLAIMS, (0.2, 0.4, 10.0), strict=True))[verdict.claim]
        )
        assert (verdict.largest_lr < lr) == (verdict.claim in fails)
    if fails:
        assert f"{lr / 0.2:.4g} times too long" in judged["theorem-4.15"].why


def test_with_the_default_eps_the_linear_rate_says_how_far_off_practice_is(bowl):
    verdict = judge(bowl(20, eps=1e-8))["linear-rate"]
    assert verdict.status == "premise fails"
    assert "1e+08 times too long" in verdict.why
    assert verdict.says is None
    assert "halves the gap in 1.386e+09 steps" in verdict.why  # ρ = ημ/(G + ε) at δ = ½, η = θε/2: ln 2/5e-10


def test_a_curvature_that_was_only_seen_leaves_a_short_step_open(bowl):
    (*_, step) = judge(bowl(5, Certified(L=None)))["linear-rate"].premises
    assert step.holds is None
    assert judge(bowl(5, Certified(L=None), lr=0.41))["linear-rate"].status == "premise fails"


def test_between_the_seen_and_the_certified_smoothness_the_premise_is_open(bowl):
    judged = judge(bowl(5, Certified(L=100.0), lr=0.39))
    assert judged["linear-rate"].status == "unknown"
    assert judged["theorem-4.15"].status == "premise fails"  # 0.39 > 0.2 even for L = 1
    assert judged["one-step-pl-rate"].status == "unknown"


def test_the_one_step_rate_says_at_how_many_steps_it_speaks(bowl):
    """Up to lr = 10 at w = 1, where φ = 2; then the momentum overshoots, and φ is larger."""
    verdict = judge(bowl(30, lr=9.9))["one-step-pl-rate"]
    covered, steps = verdict.covered or (0, 0)
    assert 0 < covered < steps == 29
    assert f"at {covered} of 29 steps" in verdict.summary
    assert sum(gap is None for gap in verdict.bound) == steps - covered


def test_a_run_on_minibatches_is_none_of_theirs(rng):
    X = torch.randn(40, 2, generator=rng, dtype=torch.float64)
    model = nn.Linear(2, 1, dtype=torch.float64)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=rng, dtype=p.dtype))
    optimizer = optim.Grams(model.parameters(), lr=1e-2)
    with watch_pl(optimizer, model, SquareLoss(), (X, X[:, :1]), every=5) as stream:
        for batch in X.split(2):
            optimizer.zero_grad()
            SquareLoss()(model(batch), batch[:, :1]).backward()
            optimizer.step()
    judged = judge(stream.estimate())
    for verdict in judged:
        assert verdict.status == "premise fails"
        assert "signs are not those of the loss" in verdict.summary
    paper = judged["theorem-4.15"]
    scale = 21 * (paper.at_end or 0)  # the last point is after 20 steps: T = 21
    assert math.floor(scale) + 1 == paper.informative_from


def test_kinks_fail_the_premise(rng):
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    X = torch.randn(8, 2, generator=rng, dtype=torch.float64)
    with pytest.warns(UserWarning, match="not smooth"):
        e = estimate_pl(model, nn.MSELoss(), (X, X[:, :1]), optimizer=optim.Grams, lr=0.01, steps=3)
    for verdict in judge(e):
        assert verdict.status == "premise fails"
        assert "kinks of 1" in verdict.why


def test_a_run_of_something_else_fails_the_premise_by_name(bowl):
    for verdict in judge(bowl(5, optimizer=torch.optim.SGD)):
        assert verdict.status == "premise fails"
        assert "SGD" in verdict.why


def test_an_optimizer_under_another_name_can_be_vouched_for(bowl):
    class Mine(optim.Grams):
        pass

    e = bowl(5, optimizer=Mine)
    assert judge(e)["linear-rate"].status == "premise fails"
    assert judge(e, optimizer="Grams")["linear-rate"].status == "informative"
    assert all(hasattr(optim, name) for name in FAMILY)


def test_the_optimizer_is_a_field_and_the_words_for_a_run_decide_nothing(bowl, quadratic):
    e = bowl(5)
    assert e.trajectory.optimizer == "Grams"
    words = replace(e, trajectory=replace(e.trajectory, method="5 points of Adagrad with lr 0.1"))
    assert [v.status for v in judge(words)] == [v.status for v in judge(e)]
    other = replace(e, trajectory=replace(e.trajectory, optimizer="Adagrad"))
    assert {v.status for v in judge(other)} == {"premise fails"}
    model, _, data = quadratic(torch.eye(1), torch.ones(1))
    assert estimate_pl(model, Certified(), data, steps=2).trajectory.optimizer is None
    assert estimate_pl(model, Certified(), data, lr=LR, steps=2).trajectory.optimizer == "SGD"


def test_a_start_at_the_minimum_leaves_all_unknown(quadratic):
    model, _, data = quadratic(torch.eye(1), torch.zeros(1))
    e = estimate_pl(model, Certified(mu=None), data, optimizer=optim.Grams, lr=1e-10, steps=3)
    assert {verdict.status for verdict in judge(e)} == {"unknown"}


def test_gaps_that_are_lost_in_rounding_violate_nothing(bowl):
    """The run falls below 1000 eps of f = 1 + w²/2 and stays there, while the linear bound goes on falling."""

    class Raised(Certified):
        def __call__(self, output, target):
            return 1 + output.mean()

    e = bowl(900, Raised(low=1.0, high=1.0), lr=0.2)
    assert e.dropped > 100
    verdict = judge(e)["linear-rate"]
    assert verdict.bound[-1] < 1e-12  # pyright: ignore[reportOptionalOperand]
    assert verdict.status == "informative"


@pytest.mark.parametrize("claim", CLAIMS[1:])
def test_after_a_point_whose_ratio_is_lost_nothing_is_exceeded(claim, bowl):
    """There PL is not known to hold with the mu of the run."""
    e = bowl(9, **SLOW)
    assert judge(e, LR)[claim].says == "exceeded"
    lost = replace(e, ratios=(None, *e.ratios[1:]))
    assert judge(lost, LR)[claim].says != "exceeded"


# what is shown


def test_hyperparameters_are_those_of_the_run_unless_given(bowl):
    e = bowl(5, betas=(0.5, 0.9))
    judged = judge(e)
    assert (judged.lr, judged.eps, judged.beta1) == (LR, EPS, 0.5)
    assert judge(e, 0.3, eps=2.0, beta1=0.0).lr == 0.3
    assert judge(e, eps=2.0)["linear-rate"].largest_lr == pytest.approx(1.0)


@pytest.mark.parametrize("options", [{"lr": 0.0}, {"lr": math.nan}, {"eps": 0.0}, {"beta1": 1.0}])
def test_bad_hyperparameters_are_refused(options, bowl):
    with pytest.raises(UsageError, match="must be positive"):
        judge(bowl(3), **options)


def test_a_run_of_steps_one_over_L_has_no_lr(quadratic):
    model, _, data = quadratic(torch.eye(1), torch.ones(1))
    with pytest.raises(UsageError, match="pass lr"):
        judge(estimate_pl(model, Certified(), data, steps=3))


def test_the_table_has_a_row_and_a_reason_for_each_and_the_origin_of_each_constant(bowl):
    judged = judge(bowl(5))
    table, html = judged.table(), judged._repr_html_()
    assert [row[0] for row in table.rows] == [verdict.title for verdict in judged]
    assert all(row[-1] for row in table.rows)
    assert any(note.startswith("μ = 1 (certified): planted") for note in table.notes)
    assert all(escape(note) in html for note in table.notes)
    assert all(verdict.status in MEANINGS and verdict.status in verdict.summary for verdict in judged)


def test_an_unknown_theorem_is_refused_with_the_known_ones(bowl):
    with pytest.raises(UnknownNameError, match=r"theorem-4\.15"):
        judge(bowl(3))["theorem-4.14"]
