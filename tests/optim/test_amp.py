"""GradScaler: fused optimizers divide by the scale and skip a step themselves, others are served from outside."""

import pytest
import torch
from torch.amp import GradScaler

SCALE = 2.0**12


def scaled(p, g, bad: bool = False) -> torch.Tensor:
    p.grad = (g * SCALE).to(p.dtype)
    if bad:
        p.grad[0] = float("inf")
    return p.grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_a_scaled_run_is_the_plain_one(make, implementation, dtype, history, advance):
    """To the last bit, the scale being a power of 2; a step with an infinite gradient leaves everything as it was."""
    p, q = ([torch.nn.Parameter(torch.ones(n, dtype=dtype)) for n in (20, 7)] for _ in range(2))
    gradients = list(zip(history(5, 20, dtype=dtype), history(5, 7, dtype=dtype), strict=True))
    options = {"lr": 0.01, "state_dtype": torch.float32, **implementation}
    amp, plain = make(p, **options), make(q, **options)
    scaler = GradScaler("cpu", init_scale=SCALE)
    scaler.scale(torch.ones(()))
    for t, step in enumerate(gradients):
        bad = t in (0, 3)
        given = [scaled(w, g, bad and w is p[1]) for w, g in zip(p, step, strict=True)]
        kept = [g.clone() for g in given]
        before = [w.detach().clone() for w in p]
        scaler.step(amp)
        scaler.update(SCALE)
        if bad:
            assert all(map(torch.equal, p, before))
        else:
            advance(plain, q, [step])
        if amp.defaults["fused"]:
            assert all(map(torch.equal, given, kept)), "p.grad is only read"
    assert all(map(torch.equal, p, q))
    assert [state["step"].item() for state in amp.state.values()] == [3, 3]
    assert not hasattr(amp, "grad_scale")
    assert not hasattr(amp, "found_inf")


def test_gradients_that_were_unscaled_are_not_unscaled_again(make, implementation, advance):
    p, q = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    amp, plain = make([p], **implementation), make([q], **implementation)
    scaler = GradScaler("cpu", init_scale=SCALE)
    scaler.scale(torch.ones(()))
    g = torch.tensor([0.5, -2.0, 3.0])
    scaled(p, g)
    scaler.unscale_(amp)
    scaler.step(amp)
    advance(plain, [q], [[g]])
    assert torch.equal(p, q)


def test_only_an_optimizer_that_is_fused_in_all_groups_scales_itself(make):
    p, q = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    assert make([p, q], fused=True)._step_supports_amp_scaling
    assert not make([p, q])._step_supports_amp_scaling
    assert not make([{"params": [p], "fused": True}, {"params": [q]}])._step_supports_amp_scaling


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize("infinite", [False, True])
def test_a_compiled_fused_step_scales_and_skips_too(make_kind, foreach, infinite, advance):
    """There the plain rule is compiled. float16 gradients are divided in float32: they would underflow."""
    p, q = (torch.nn.Parameter(torch.ones(20, dtype=torch.float16)) for _ in range(2))
    amp = make_kind([p], lr=2.0**-6, state_dtype=torch.float32)
    amp.param_groups[0]["foreach" if foreach else "fused"] = True
    torch._dynamo.reset()
    amp.grad_scale, amp.found_inf = torch.tensor(2.0**20), torch.tensor(float(infinite))
    g = torch.linspace(-1, 1, 20, dtype=torch.float16)
    p.grad = g
    torch.compile(amp.step, backend="eager", fullgraph=True)()
    wide = torch.nn.Parameter(torch.ones(20))
    advance(make_kind([wide], lr=2.0**-6), [wide], [[g.float() / 2.0**20]])
    if infinite:
        assert torch.equal(p, q)
        assert amp.state[p]["step"] == 0
        assert not amp.state[p]["exp_avg"].any()
    else:
        assert torch.allclose(p.float(), wide, rtol=2.0**-10, atol=0)
        assert not torch.equal(p, q)
