"""Operations shared by tensors, `Ball`s and exact arrays."""


def dot(x, y):
    """Inner product over the last axis: (..., D), (..., D) -> (...,)."""
    return (x * y).sum(-1)


def norm2(x):
    """Squared Euclidean norm over the last axis: (..., D) -> (...,)."""
    return (x * x).sum(-1)


def stack(rows):
    """Along a new leading axis, such as that of steps: T of shape (...) -> (T, ...)."""
    return type(rows[0]).stack(rows)
