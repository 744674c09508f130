"""Held against the published packages, with their known differences stated and tested."""

import copy

import grams as grams_pytorch
import lion_pytorch
import pytest
import pytorch_optimizer
import torch
from lion_pytorch import cautious_lion
from pytorch_optimizer.base.optimizer import BaseOptimizer

from grams_theory import optim
from grams_theory.optim import rule

KEYWORDS = {"lr": 1e-3, "betas": (0.9, 0.999)}
STEPS = (1, 4, 25)


@pytest.mark.parametrize("steps", STEPS)
def test_pytorch_optimizer_s_grams_is_ours_within_rounding(steps, history, last_move, adam_ball):
    gradients, keywords = history(steps, 200, dtype=torch.float64), {**KEYWORDS, "eps": 1e-8}
    theirs = last_move(pytorch_optimizer.Grams, gradients, **keywords)
    error = (last_move(optim.Grams, gradients, **keywords) - theirs).abs()
    ball = adam_ball(gradients, **keywords)
    one_more = 2.0**-53 * ball.mid.abs()  # they divide by 1 - beta1^t and multiply by lr apart
    assert (error <= 2 * ball.rad + one_more).all()  # each is within `rad` of the exact step


@pytest.mark.parametrize("steps", STEPS)
def test_grams_pytorch_is_ours_within_rounding_if_there_is_no_eps(steps, history, last_move, adam_ball):
    gradients = history(steps, 200, dtype=torch.float64).abs().add(1e-4)
    theirs = last_move(grams_pytorch.Grams, gradients, **KEYWORDS, eps=0.0)
    error = (last_move(optim.Grams, gradients, **KEYWORDS, eps=0.0) - theirs).abs()
    assert (error <= 2 * adam_ball(gradients, **KEYWORDS, eps=0.0).rad).all()


@pytest.mark.parametrize("steps", STEPS)
def test_grams_pytorch_puts_eps_beside_the_uncorrected_root(steps, history, last_move, adam_ball):
    """So its eps at step t acts as eps / sqrt(1 - beta2^t): 32 times as much at t = 1."""
    gradients, eps = history(steps, 200, dtype=torch.float64), 1e-6
    effective = {**KEYWORDS, "eps": eps / (1 - 0.999**steps) ** 0.5}
    theirs = last_move(grams_pytorch.Grams, gradients, **KEYWORDS, eps=eps)
    as_theirs = (last_move(optim.Grams, gradients, **effective) - theirs).abs()
    as_defined = (last_move(optim.Grams, gradients, **KEYWORDS, eps=eps) - theirs).abs()
    bound = 3 * adam_ball(gradients, **effective).rad  # each within `rad`, and the effective eps is rounded
    assert (as_theirs <= bound).all()
    assert (as_defined > bound).any()


def test_grams_pytorch_destroys_the_gradient_and_ours_does_not(advance):
    left = {}
    for package in (grams_pytorch, optim):
        w = torch.nn.Parameter(torch.ones(2))
        advance(package.Grams([w]), [w], [[torch.tensor([0.5, -3.0])]])
        left[package] = w.grad
    assert not torch.equal(left[grams_pytorch], torch.tensor([0.5, -3.0]))
    assert torch.equal(left[optim], torch.tensor([0.5, -3.0]))


def test_pytorch_optimizer_counts_steps_per_group_and_ours_per_parameter(advance):
    moves = {}
    for package in (pytorch_optimizer, optim):
        early, late = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
        g = torch.ones(1)
        optimizer = package.Grams([early, late], lr=1.0, eps=0.0)
        advance(optimizer, [early, late], [(g, None)] * 9 + [(g, g)])
        moves[package] = late.item()
    assert moves[optim] == pytest.approx(-1.0, rel=8 * 2.0**-24)  # u = g / |g| at a parameter's first step
    corrected_for_ten = -(0.1 / (1 - 0.9**10)) / (0.001 / (1 - 0.999**10)) ** 0.5
    assert moves[pytorch_optimizer] == pytest.approx(corrected_for_ten, rel=1e-5)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_lion_pytorch_is_ours_to_the_last_bit(dtype, weight_decay, history, advance):
    p, q = (torch.nn.Parameter(torch.ones(300, dtype=dtype)) for _ in range(2))
    gradients = [[g] for g in history(20, 300, dtype=dtype)]
    advance(optim.Lion([p], weight_decay=weight_decay), [p], gradients)
    advance(lion_pytorch.Lion([q], weight_decay=weight_decay), [q], gradients)
    assert torch.equal(p, q)


def test_lion_pytorch_freezes_at_a_nan_and_ours_shows_it(last_move):
    gradients = torch.tensor([[1.0, float("nan")]])
    assert last_move(lion_pytorch.Lion, gradients)[1] == 0
    assert last_move(optim.Lion, gradients)[1].isnan()


def test_cautious_lion_pytorch_is_our_rescaled_one_to_the_last_bit(history, last_move):
    gradients = history(12, 300)
    assert torch.equal(
        last_move(optim.CautiousLion, gradients, mask_rescale=True),
        last_move(cautious_lion.Lion, gradients, cautious_factor=0.0),
    )


def test_cautious_lion_pytorch_cuts_the_mean_at_another_place(last_move):
    """It divides by max(mean, 1e-5) where released C-AdamW, timm and we divide by max(mean, 1e-3)."""
    gradients = torch.ones(2, 5000)
    gradients[1, 1:] = -0.05  # the momentum still points down, but only one coordinate's gradient does
    gradients[0, 1:] = 10
    ours = last_move(optim.CautiousLion, gradients, lr=1.0, mask_rescale=True)
    theirs = last_move(cautious_lion.Lion, gradients, lr=1.0, cautious_factor=0.0)
    assert ours[0] == pytest.approx(-1e3, rel=4 * 2.0**-24)
    assert theirs[0] == pytest.approx(-5e3, rel=4 * 2.0**-24)
    assert not ours[1:].any()


def test_pytorch_optimizer_s_rescaling_adds_one_to_the_count(history, last_move):
    """It multiplies by n / (k + 1) where k of n coordinates agree; we by n / k."""
    gradients = history(6, 300, dtype=torch.float64)
    ours = last_move(optim.CautiousLion, gradients, mask_rescale=True)
    theirs = last_move(pytorch_optimizer.Lion, gradients, cautious=True)
    k = (ours != 0).sum().item()
    assert 0 < k < 300
    assert torch.allclose(theirs, ours * (k / (k + 1)), rtol=8 * 2.0**-53, atol=0)


@pytest.mark.parametrize("steps", STEPS)
def test_released_c_adamw_is_ours_with_another_eps(steps, history, last_move, adam_ball):
    """Its step -lr √(1 - β₂ᵗ)/(1 - β₁ᵗ) m mask/(√v + eps) is ours with eps/√(1 - β₂ᵗ). No package carries it."""
    gradients, eps = history(steps, 200, dtype=torch.float64), 1e-6
    m = v = torch.zeros(200, dtype=torch.float64)
    for g in gradients:
        m, v = 0.9 * m + (1 - 0.9) * g, 0.999 * v + (1 - 0.999) * g * g
    mask = (m * g > 0).double()
    rate = 1e-3 * (1 - 0.999**steps) ** 0.5 / (1 - 0.9**steps)
    released = -rate * m * mask / mask.mean().clamp(min=1e-3) / (v.sqrt() + eps)

    effective = {**KEYWORDS, "eps": eps / (1 - 0.999**steps) ** 0.5}
    ours, as_given = (
        last_move(optim.CautiousAdam, gradients, mask_rescale=True, **chosen)
        for chosen in (effective, {**KEYWORDS, "eps": eps})
    )
    bound = (
        3 * adam_ball(gradients, **effective).rad / mask.mean()
    )  # each within `rad`, and the effective eps is rounded
    assert ((ours - released).abs() <= bound).all()
    assert ((as_given - released).abs() > bound).any()


def test_the_eps_of_released_c_adamw_makes_first_steps_shorter(last_move):
    """By (√v̂ + eps/√(1 - β₂))/(√v̂ + eps) at √v̂ = |g| = 10⁻⁵: what the page says."""
    g, eps = torch.full((1, 1), 1e-5, dtype=torch.float64), 1e-6
    as_released, ours = (
        last_move(optim.CautiousAdam, g, eps=value, mask_rescale=True) for value in (eps / 0.001**0.5, eps)
    )
    assert (ours / as_released).item() == pytest.approx(3.8, abs=0.05)


def outcome(run, *arguments, **keywords) -> str:
    """What it raised, by name, or nothing."""
    try:
        run(*arguments, **keywords)
    except Exception as error:
        return type(error).__name__
    return ""


OWN_STEP = {"grams-pytorch": grams_pytorch.Grams, "ours": optim.Grams}


def test_grams_pytorch_takes_another_second_step_on_the_same_gradient(advance):
    """It left |u| sign(g) in p.grad. Ours is as if the gradient had been given anew."""
    same = {}
    for name, cls in OWN_STEP.items():
        kept, fresh = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
        g = torch.tensor([0.5, -3.0])
        once, anew = cls([kept], lr=0.1), cls([fresh], lr=0.1)
        kept.grad = g.clone()
        once.step()
        once.step()
        advance(anew, [fresh], [[g], [g]])
        same[name] = torch.equal(kept, fresh)
    assert same == {"grams-pytorch": False, "ours": True}


def test_grams_pytorch_fails_on_an_expanded_gradient():
    def run(cls):
        w = torch.nn.Parameter(torch.ones(5))
        w.grad = torch.ones(1).expand(5)
        cls([w]).step()

    assert {name: outcome(run, cls) for name, cls in OWN_STEP.items()} == {
        "grams-pytorch": "RuntimeError",
        "ours": "",
    }


def test_grams_pytorch_fails_on_a_closure_that_calls_backward():
    def run(cls):
        w = torch.nn.Parameter(torch.ones(2))

        def closure():
            loss = (w**2).sum()
            loss.backward()
            return loss

        cls([w]).step(closure)

    assert {name: outcome(run, cls) for name, cls in OWN_STEP.items()} == {
        "grams-pytorch": "RuntimeError",
        "ours": "",
    }


@pytest.mark.parametrize("wrong", [{"lr": float("nan")}, {"weight_decay": -1.0}])
def test_grams_pytorch_takes_hyperparameters_that_mean_nothing(wrong):
    made = {
        name: outcome(cls, [torch.nn.Parameter(torch.ones(1))], **wrong) for name, cls in OWN_STEP.items()
    }
    assert made == {"grams-pytorch": "", "ours": "ValueError"}


def test_pytorch_optimizer_adds_an_l2_penalty_to_the_gradient_itself():
    """Ours that has such a penalty is Adam."""
    g, left = torch.tensor([0.5, -3.0]), {}
    for cls, options in ((pytorch_optimizer.Grams, {"weight_decouple": False}), (optim.Adam, {})):
        w = torch.nn.Parameter(torch.ones(2))
        w.grad = g.clone()
        cls([w], weight_decay=0.1, **options).step()
        left[cls] = torch.equal(w.grad, g)
    assert left == {pytorch_optimizer.Grams: False, optim.Adam: True}


def test_pytorch_optimizer_swallows_a_misspelt_keyword():
    made = [
        outcome(cls, [torch.nn.Parameter(torch.ones(1))], leraning_rate=1.0)
        for cls in (pytorch_optimizer.Grams, optim.Grams)
    ]
    assert made == ["", "TypeError"]


def test_pytorch_optimizer_cannot_step_after_a_deepcopy(advance):
    def run(cls):
        w = torch.nn.Parameter(torch.ones(1))
        optimizer = cls([w])
        advance(optimizer, [w], [[torch.ones(1)]])
        twin = copy.deepcopy(optimizer)
        advance(twin, twin.param_groups[0]["params"], [[torch.ones(1)]])

    assert [outcome(run, cls) for cls in (pytorch_optimizer.Grams, optim.Grams)] == [
        "AttributeError",
        "",
    ]


def test_pytorch_optimizer_is_compiled_anew_at_every_step():
    traced = []
    for cls in (pytorch_optimizer.Grams, optim.Grams):
        graphs = []

        def backend(module, inputs, graphs=graphs):
            graphs.append(module)
            return module.forward

        torch._dynamo.reset()
        w = torch.nn.Parameter(torch.ones(4))
        w.grad = torch.ones(4)
        step = torch.compile(cls([w]).step, backend=backend)
        for _ in range(5):
            step()
        traced.append(len(graphs))
    assert traced == [5, 1]


def test_pytorch_optimizer_s_mask_multiplies_what_underflows_in_float16():
    u = g = torch.full((3,), 1e-4, dtype=torch.float16)
    theirs = u.clone()
    BaseOptimizer.apply_cautious(theirs, g)
    assert not theirs.any()
    assert torch.equal(rule.cautious_rescaled(u, g), u)
    assert torch.equal(rule.cautious(u, g), u)


def test_pytorch_optimizer_s_mask_overflows_where_many_agree_in_float16():
    """Its sum does above 65,504. In every implementation ours is divided by 1."""
    u = torch.ones(70_000, dtype=torch.float16)
    theirs = u.clone()
    BaseOptimizer.apply_cautious(theirs, u)
    assert not theirs.any()
    assert torch.equal(rule.cautious_rescaled(u, u), u)


def test_lion_pytorch_s_decoupled_decay_depends_on_the_lr_of_the_constructor(advance):
    """A group's own lr, or a schedule's, is divided by it. Ours multiplies by 1 - lr weight_decay."""
    left = {}
    for cls, options in ((lion_pytorch.Lion, {"decoupled_weight_decay": True}), (optim.Lion, {})):
        for lr in (1e-4, 1e-2):
            w = torch.nn.Parameter(torch.ones(1))
            optimizer = cls([{"params": [w], "lr": 1e-3}], lr=lr, weight_decay=0.5, **options)
            advance(optimizer, [w], [[torch.zeros(1)]])
            left[cls, lr] = w.item()
    assert left[optim.Lion, 1e-4] == left[optim.Lion, 1e-2] == pytest.approx(1 - 5e-4, rel=2.0**-24)
    assert left[lion_pytorch.Lion, 1e-4] == pytest.approx(1 - 5, rel=1e-6)
    assert left[lion_pytorch.Lion, 1e-2] == pytest.approx(1 - 0.05, rel=1e-6)


def test_a_zero_gradient_is_what_each_package_says_it_is(last_move):
    """Momentum 1, then g = 0: Adam and the paper's Cautious move by u, Grams and released Cautious do not."""
    gradients = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    adam = last_move(optim.Adam, gradients)
    assert adam < 0
    assert torch.equal(last_move(optim.CautiousAdam, gradients), adam)
    for still in (
        last_move(optim.Grams, gradients),
        last_move(grams_pytorch.Grams, gradients),
        last_move(optim.CautiousAdam, gradients, mask_rescale=True),
        last_move(optim.CautiousLion, gradients, mask_rescale=True),
        last_move(cautious_lion.Lion, gradients, cautious_factor=0.0),
    ):
        assert still == 0


def test_torch_s_bfloat16_second_moment_never_decays(advance):
    """0.999 v rounds to v. With float32 moments it is what it should be after 3000 gradients of 0: 0.05 of it."""
    left = {}
    for cls, options in ((torch.optim.AdamW, {}), (optim.AdamW, {"state_dtype": torch.float32})):
        w = torch.nn.Parameter(torch.ones(1, dtype=torch.bfloat16))
        optimizer = cls([w], lr=0.0, **options)
        advance(optimizer, [w], [[torch.ones_like(w)]])
        optimizer.state[w]["exp_avg_sq"].fill_(1.0)
        advance(optimizer, [w], [[torch.zeros_like(w)]] * 3000)
        left[cls] = optimizer.state[w]["exp_avg_sq"].item()
    assert left[torch.optim.AdamW] == 1
    assert left[optim.AdamW] == pytest.approx(0.999**3000, rel=3000 * 2.0**-23)


def test_torch_s_fused_step_on_the_cpu_ignores_strides(implementation, history, advance):
    """Where the parameter lies by columns and its gradient by rows. Ours is the same in every layout."""
    g, ends = history(1, 4, 3)[0], {}
    for cls, options in ((torch.optim.AdamW, {"fused": True}), (optim.AdamW, implementation)):
        by_columns = torch.nn.Parameter(torch.arange(12.0).reshape(3, 4).t())
        by_rows = torch.nn.Parameter(by_columns.detach().contiguous())
        for w in (by_columns, by_rows):
            advance(cls([w], lr=0.5, **options), [w], [[g]])
        ends[cls] = torch.equal(by_columns, by_rows)
    assert ends == {torch.optim.AdamW: False, optim.AdamW: True}


def test_torch_s_fused_step_on_the_cpu_hides_its_writes_from_autograd(implementation):
    """So that a backward pass through the weights of before uses those of after, and nobody is told."""
    silent = {}
    for cls, options in ((torch.optim.AdamW, {"fused": True}), (optim.AdamW, implementation)):
        w = torch.nn.Parameter(torch.ones(2))
        version = w._version
        w.grad = torch.ones(2)
        cls([w], **options).step()
        silent[cls] = w._version == version
    assert silent == {torch.optim.AdamW: True, optim.AdamW: False}
