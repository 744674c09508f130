"""v -> (Hessian of a problem) v, as each tool computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import hessian_eigenthings as eigenthings
import pyhessian
import torch
from curvlinops import HessianLinearOperator
from torch import Tensor, nn

from .problems import Problem

Matvec = Callable[[Tensor], Tensor]


def our_product(problem: Problem) -> Matvec:
    return problem.objective().hessian_product()


def curvlinops_product(problem: Problem) -> Matvec:
    operator = HessianLinearOperator(
        problem.model, problem.loss, problem.params, problem.batches, check_deterministic=False
    )
    return lambda v: cast(Tensor, operator @ v)


def pyhessian_product(problem: Problem) -> Matvec:
    cuda = problem.batches[0][0].is_cuda
    if problem.chunk is None:
        kept = pyhessian.hessian(problem.model, problem.loss, data=problem.batches[0], cuda=cuda)
    else:
        kept = pyhessian.hessian(problem.model, problem.loss, dataloader=problem.batches, cuda=cuda)
    for p in problem.params:
        p.grad = None  # else the graph is never freed

    def product(v: Tensor) -> Tensor:
        parts = cut(v, problem.params)
        if problem.chunk is None:
            return flat(pyhessian.utils.hessian_vector_product(kept.gradsH, kept.params, parts))
        return flat(kept.dataloader_hv_product(parts)[1])

    return product


def eigenthings_product(problem: Problem) -> Matvec:
    loss = eigenthings.supervised_loss(problem.loss)
    return eigenthings.HessianOperator(problem.model, problem.batches, loss).matvec


PRODUCTS = {
    "ours": our_product,
    "curvlinops": curvlinops_product,
    "PyHessian": pyhessian_product,
    "hessian-eigenthings": eigenthings_product,
}


def flat(parts: Iterable[Tensor]) -> Tensor:
    return torch.cat([part.reshape(-1) for part in parts])


def cut(v: Tensor, params: list[nn.Parameter]) -> list[Tensor]:
    return [part.view_as(p) for part, p in zip(v.split([p.numel() for p in params]), params, strict=True)]
