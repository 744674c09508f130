"""Programs with other default devices and dtypes, and tensors of other types: a step takes them as torch.optim does."""

import pytest
import torch
from torch import nn
from torch._subclasses import FakeTensorMode
from torch.testing._internal.two_tensor import TwoTensor


@pytest.fixture
def defaults():
    """Puts torch's defaults back."""
    yield
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


def test_the_step_count_stays_on_the_cpu_under_another_default_device(make, implementation, defaults):
    """On an accelerator, each step would wait for it."""
    w, g = nn.Parameter(torch.ones(5)), torch.ones(5)
    optimizer = make([w], **implementation)
    torch.set_default_device("meta")
    for _ in range(2):
        w.grad = g
        optimizer.step()
    assert optimizer.state[w]["step"].device.type == "cpu"
    assert optimizer.state[w]["step"].item() == 2


def test_bits_at_random_are_drawn_on_the_cpu_under_another_default_device(make, implementation, defaults):
    w = nn.Parameter(torch.ones(5, dtype=torch.bfloat16))
    optimizer = make([w], stochastic_rounding=True, **implementation)
    w.grad = torch.ones_like(w)
    torch.set_default_device("meta")
    optimizer.step()
    assert torch.isfinite(w).all()


@pytest.mark.parametrize("flag", ["differentiable", "capturable"])
def test_a_program_of_float64_counts_and_takes_powers_in_float64(make, flag, defaults):
    """Else gradcheck's differences would see the noise of float32."""
    torch.set_default_dtype(torch.float64)
    ends = []
    for options in ({"foreach": False}, {flag: True}):
        w = torch.ones(5)
        optimizer = make([w], **options)
        for t in range(3):
            w.grad = torch.linspace(-1, 1, 5) + t
            optimizer.step()
        ends.append(w.clone())
    assert torch.allclose(*ends, rtol=64 * 2.0**-53, atol=0)  # fewer than 64 roundings, nothing cancels


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_a_step_passes_fake_tensors_through(make, implementation, device):
    """As estimators of memory and time send them, also of a device that this machine has not."""
    with FakeTensorMode():
        params = [nn.Parameter(torch.empty(n, 3, device=device)) for n in (1, 4)]
        optimizer = make(params, **implementation)
        for _ in range(2):
            for p in params:
                p.grad = torch.empty_like(p)
            optimizer.step()
        assert {x.device for x in params} == {torch.device(device)}


def test_a_parameter_that_is_made_of_two_tensors_moves_both(make, implementation):
    plain, pair = nn.Parameter(torch.ones(5)), nn.Parameter(TwoTensor(torch.ones(5), torch.ones(5)))
    plain.grad, pair.grad = torch.ones(5), TwoTensor(torch.ones(5), torch.ones(5))
    make([plain], **implementation).step()
    make([pair], **implementation).step()
    assert (plain < 1).all()
    assert torch.equal(pair.a, pair.b)
    assert torch.allclose(pair.a, plain, rtol=64 * 2.0**-24, atol=0)


def test_a_gradient_that_is_made_of_two_tensors_is_taken_or_refused(make, implementation):
    w = nn.Parameter(torch.ones(5))
    w.grad = TwoTensor(torch.ones(5), torch.ones(5))
    optimizer = make([w], **implementation)
    try:
        optimizer.step()
    except (RuntimeError, TypeError):
        assert w.eq(1).all()
    else:
        assert w.ne(1).all()


def test_a_conjugated_view_is_refused_as_a_parameter(make, implementation):
    stored = torch.complex(torch.ones(5), torch.ones(5))
    w = nn.Parameter(stored.conj())
    w.grad = torch.ones_like(stored)
    with pytest.raises(RuntimeError, match=r"give the optimizer p.resolve_conj"):
        make([w], **implementation).step()
    assert torch.equal(stored, torch.complex(torch.ones(5), torch.ones(5)))


def test_a_group_that_is_no_dict_is_refused(make):
    with pytest.raises(TypeError, match="param_group must be a dict, but got <class 'list'>"):
        make([torch.ones(1)]).add_param_group([torch.ones(1)])


def test_the_flag_that_gradscaler_reads_can_be_set_as_on_torch_s(make):
    optimizer = make([torch.ones(1)], fused=True)
    assert optimizer._step_supports_amp_scaling
    optimizer._step_supports_amp_scaling = False
    assert not optimizer._step_supports_amp_scaling
