"""The noise skew against exact answers: every law of a minibatch that can be counted, in fractions."""
# pyright: reportOptionalOperand=false, reportOperatorIssue=false, reportCallIssue=false, reportArgumentType=false

from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.families.two_point_noise import LAW
from grams_theory.landscape.noise import SignCount, noise_skew
from grams_theory.landscape.objective import Objective

FIELDS = ("sign_disagreement", "silent", "expected_descent", "biased_share")
LEVEL = 0.95
RUNS = 12
CHANCE = 1e-6
"""With which a correct interval fails a test; the seeds are fixed."""
MOST = int(binom.ppf(1 - CHANCE, RUNS, 1 - LEVEL))
HALF = Fraction(1, 2)
ONE, THREE = (HALF,), (HALF, Fraction(-1, 4), Fraction(3, 2))


class Noisy(nn.Module):
    """Outputs ‖w‖²/2 + ⟨x, w⟩: the gradient of a sample is w + x."""

    def __init__(self, w):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([float(x) for x in w], dtype=torch.float64))

    def forward(self, x):
        return (self.w * self.w / 2 + self.w * x).sum(-1)


class Pair(nn.Module):
    """Two of them, each with its own column."""

    def __init__(self):
        super().__init__()
        self.skewed, self.fair = Noisy(ONE), Noisy(ONE)

    def forward(self, x):
        return self.skewed(x[:, :1]) + self.fair(x[:, 1:])


def mean_output(output, target):
    return output.mean()


def data_of(law, n, dim):
    """(n, dim): the law, exactly, in each column, in another order."""
    column = torch.tensor([float(x) for x, p in law.items() for _ in range(int(p * n))], dtype=torch.float64)
    assert len(column) == n
    rng = torch.Generator().manual_seed(0)
    return torch.stack([column[torch.randperm(n, generator=rng)] for _ in range(dim)], 1)


def problem(law, n, w, groups="none"):
    return Objective(Noisy(w), mean_output, (data_of(law, n, len(w)), None), groups=groups)


def signs(law, n, batch, w):
    """{sign: probability} of a minibatch gradient w + mean noise, drawn without replacement from n samples."""
    (low, often), (high, _) = law.items()
    K = int((1 - often) * n)
    found = dict.fromkeys((-1, 0, 1), Fraction(0))
    for k in range(max(0, batch - n + K), min(K, batch) + 1):
        g = w + (k * high + (batch - k) * low) / batch
        found[(g > 0) - (g < 0)] += Fraction(comb(K, k) * comb(n - K, batch - k), comb(n, batch))
    return found


def exact(law, n, batch, w, u):
    """The four numbers by their definitions; the mean of the noise is 0, so that ∇f = w."""
    laws = [signs(law, n, batch, x) for x in w]
    own = [(x > 0) - (x < 0) for x in w]
    D = len(w)
    descent = sum(abs(v) * x * (p[1] - p[-1]) for x, v, p in zip(w, u, laws, strict=True))
    return {
        "sign_disagreement": sum(1 - p[s] for p, s in zip(laws, own, strict=True)) / D,
        "silent": sum(p[0] for p, s in zip(laws, own, strict=True) if s) / D,
        "expected_descent": descent / sum(abs(v * x) for x, v in zip(w, u, strict=True)),
        "biased_share": Fraction(sum(p[-s] > p[s] for p, s in zip(laws, own, strict=True) if s), D),
    }


def measured(objective, batch, u, seeds=range(RUNS), batches=32):
    u = torch.tensor([float(x) for x in u], dtype=torch.float64)
    return [
        noise_skew(objective, u, batch_size=batch, batches=batches, seed=seed, level=LEVEL) for seed in seeds
    ]


def misses(found, truth):
    """Per quantity, how many intervals do not hold the truth."""
    return {
        name: sum(
            not q.low - 1e-12 <= truth[name] <= q.high + 1e-12 for q in (getattr(s, name) for s in found)
        )
        for name in FIELDS
    }


SYMMETRIC = {Fraction(-1): HALF, Fraction(1): HALF}
RARE = {Fraction(-1): Fraction(7, 8), Fraction(7): Fraction(1, 8)}
CASES = {
    "two points, one sample": (LAW, 4, 1, ONE, (1,)),
    "two points, two samples": (LAW, 4, 2, ONE, (1,)),
    "two points, three samples": (LAW, 4, 3, ONE, (1,)),
    "two points, all samples": (LAW, 4, 4, ONE, (1,)),
    "below and above the median": (LAW, 8, 1, THREE, (1, -2, HALF)),
    "at the median": (LAW, 8, 1, (Fraction(1), HALF), (1, 1)),
    "one weight at its minimum": (LAW, 8, 2, (Fraction(0), HALF), (1, 3)),
    "symmetric": (SYMMETRIC, 8, 1, THREE, (1, 1, 1)),
    "rare": (RARE, 16, 4, THREE, (1, -1, 2)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_intervals_hold_the_exact_numbers_as_often_as_they_say(case):
    law, n, batch, w, u = case
    found = measured(problem(law, n, w), batch, u)
    assert max(misses(found, exact(*case)).values()) <= MOST


def test_the_law_of_r5_is_found_and_large_batches_cure_it():
    """At w = ½ three of four samples point the wrong way; of three samples' means just one does."""
    objective = problem(LAW, 4, ONE)
    one, three = (measured(objective, batch, (1,), [0], 64)[0] for batch in (1, 3))
    assert exact(LAW, 4, 1, ONE, (1,)) == dict(zip(FIELDS, (Fraction(3, 4), 0, -HALF, 1), strict=True))
    assert one.expected_descent.high < 0
    assert (one.biased_share.value, one.biased_share.low) == (1, 1)
    assert exact(LAW, 4, 3, ONE, (1,))["expected_descent"] == HALF
    assert three.expected_descent.low > 0
    assert (three.biased_share.value, three.biased_share.high) == (0, 0)


FAULTS = {
    "no noise": lambda objective: lambda index: objective.value_and_gradient(),
    "drawn with too few samples": lambda objective: lambda index: GRADIENT_ON(objective, index[:1]),
    "noise of the other sign": lambda objective: lambda index: flipped(objective, index),
}
GRADIENT_ON = Objective.gradient_on


def flipped(objective, index):
    f, g = GRADIENT_ON(objective, index)
    return f, 2 * objective.w - g


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_seen(fault, monkeypatch):
    case = LAW, 4, 3, ONE, (1,)
    objective = problem(*case[:2], case[3])
    monkeypatch.setattr(objective, "gradient_on", fault(objective))
    assert max(misses(measured(objective, 3, case[4]), exact(*case)).values()) > MOST


def flagged(law, w, dim, batches):
    """Per seed, the share that is found biased, and the share that is surely so."""
    found = measured(problem(law, 64, [w] * dim), 1, [1] * dim, batches=batches)
    return np.array([[s.biased_share.value, s.biased_share.low] for s in found]).T


def test_symmetric_noise_is_not_flagged():
    """As many up as down: whatever is found is false. Holm finds one, and Benjamini–Hochberg does, in 5 % of runs."""
    found, surely = flagged(SYMMETRIC, HALF, 200, 32)
    assert (found > 0).sum() <= MOST
    assert (surely > 0).sum() <= MOST


def test_planted_skew_is_flagged_in_every_coordinate_that_has_it():
    found, surely = flagged(LAW, HALF, 40, 64)
    assert found.mean() > 0.9
    assert surely.mean() > 0.5


def test_a_test_without_correction_would_flag_symmetric_noise(monkeypatch):
    monkeypatch.setattr("grams_theory.landscape.noise.discovered", lambda p, rate: p <= rate)
    found, _ = flagged(SYMMETRIC, HALF, 200, 32)
    assert (found > 0).sum() > MOST


def test_groups_are_judged_by_themselves():
    data = torch.cat([data_of(LAW, 8, 1), data_of(SYMMETRIC, 8, 1)], 1)
    objective = Objective(Pair(), mean_output, (data, None))
    found = noise_skew(objective, torch.tensor([3.0, -1.0]), batch_size=1)
    assert set(found.groups) == set(objective.groups) == {"skewed", "fair"}
    parts = [found.groups["skewed"], found.groups["fair"]]
    assert [part.biased_share.value for part in parts] == [1, 0]
    assert found.biased_share.value == HALF
    assert sum(p.sign_disagreement.value for p in parts) / 2 == pytest.approx(found.sign_disagreement.value)
    weighted = 0.75 * parts[0].expected_descent.value + 0.25 * parts[1].expected_descent.value
    assert found.expected_descent.value == pytest.approx(weighted)


def test_without_u_every_coordinate_moves_alike_and_zero_updates_say_nothing():
    objective = problem(LAW, 8, THREE)
    alike = noise_skew(objective, torch.full((3,), -2.0), batch_size=1, seed=3)
    assert noise_skew(objective, batch_size=1, seed=3) == alike
    still = noise_skew(objective, torch.zeros(3), batch_size=1, seed=3)
    assert still.expected_descent.value is None
    assert "= 0" in still.expected_descent.provenance
    assert still.sign_disagreement == alike.sign_disagreement


def test_the_seed_draws_the_minibatches():
    objective = problem(LAW, 8, THREE)
    first, again, other = (noise_skew(objective, batch_size=1, seed=s) for s in (0, 0, 1))
    assert first == again != other


def test_tiny_gradients_and_updates_do_not_underflow():
    objective = problem({Fraction(-1): HALF, Fraction(1): HALF}, 4, ONE)
    count = SignCount(2, objective.groups | {"parameter": (slice(0, 2),)})
    count.add(torch.tensor([1e-30, 1e-30]), torch.tensor([1.0, -1.0]), torch.tensor([3e-30, 1e-30]))
    descent = count.skew("", 1, LEVEL, independent=True).expected_descent
    assert descent.value == pytest.approx(0.5, rel=1e-6)


def test_memory_grows_by_a_few_numbers_per_minibatch():
    count = SignCount(1000, {"half": (slice(0, 500),)})
    g = torch.ones(1000)
    for _ in range(5):
        count.add(g, g, g)
    tensors = [x for x in vars(count).values() if isinstance(x, torch.Tensor)]
    assert sum(x.numel() * x.element_size() for x in tensors) == 9 * 1000
    assert sum(len(row) for rows in count.seen.values() for row in rows) == 2 * 5 * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "from 1 to 8"),
        ({"batch_size": 9}, "from 1 to 8"),
        ({"batch_size": 1, "batches": 0}, "at least 1"),
        ({"batch_size": 1, "level": 1.0}, "between 0 and 1"),
        ({"batch_size": 1, "u": torch.ones(2)}, "shape"),
        ({"batch_size": 1, "u": torch.tensor([1.0, torch.nan, 1.0])}, "finite"),
    ],
)
def test_bad_arguments_say_what_is_allowed(options, message):
    with pytest.raises(UsageError, match=message):
        noise_skew(problem(LAW, 8, THREE), **options)


@pytest.mark.parametrize(("where", "message"), [(slice(None), "the gradient is"), (0, r"minibatch \d+ is")])
def test_a_gradient_that_is_not_finite_names_minibatch_and_parameter(where, message, monkeypatch):
    objective = problem(LAW, 8, THREE)
    inputs, _ = objective.batches[0]
    if isinstance(where, int):  # the sum of both is finite, each by itself is not
        monkeypatch.setattr(
            objective, "value_and_gradient", lambda: (0.0, torch.ones(3, dtype=torch.float64))
        )
    inputs[where] = torch.inf
    with pytest.raises(UsageError, match=message + ".*'w'"):
        noise_skew(objective, batch_size=1)


def test_the_fractions_agree_with_all_minibatches_listed():
    """The reference against itself, by enumeration of ordered draws."""
    column = [float(x) for x, p in LAW.items() for _ in range(int(p * 4))]
    for batch, w in product((1, 2, 3), (0.5, 1.0, -0.25)):
        drawn = [
            w + sum(column[i] for i in draw) / batch
            for draw in product(range(4), repeat=batch)
            if len(set(draw)) == batch
        ]
        for sign, p in signs(LAW, 4, batch, Fraction(w)).items():
            assert np.mean(np.sign(drawn) == sign) == pytest.approx(float(p), abs=1e-15)
