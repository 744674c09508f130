"""The Triton kernels of the fused step. Imports triton: `cuda` imports this module when it needs it.

A program works on one chunk of one tensor, which it finds in a table with one row of int64 each for the addresses of
w, of g and of the moments, for the sizes, and for the tensors' first chunks. Numbers are computed in C (float64 for
float64, else float32), in the same way by both kernels: where a multiply-add is one rounding, the code says `fma`, and
the compiler may contract nothing else. bfloat16 is handled by its bits, as tl.uint16.
"""

# ruff: noqa: SIM108, SIM300 (branches on constants of the compilation; Triton's types are spelt in capitals)
# pyright: reportGeneralTypeIssues=false, reportArgumentType=false

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["tensors"])
def count(
    table,
    owners,
    numbers,
    constants,
    agreeing,
    tensors,
    MOMENTS: tl.constexpr,
    C: tl.constexpr,
    W: tl.constexpr,
    G: tl.constexpr,
    M: tl.constexpr,
    NEAR: tl.constexpr,
    PENALISED: tl.constexpr,
    ALIGNED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Adds to `agreeing` how many elements of each tensor have u g > 0."""
    tensor, start, size = place(table, owners, tensors, MOMENTS, BLOCK)
    if start + BLOCK <= size:
        k = agreeing_in(
            table, numbers, constants, tensors, tensor, start, size,
            MOMENTS, C, W, G, M, NEAR, PENALISED, ALIGNED, True, BLOCK,
        )  # fmt: skip
        tl.atomic_add(agreeing + tensor, k)
    else:
        k = agreeing_in(
            table, numbers, constants, tensors, tensor, start, size,
            MOMENTS, C, W, G, M, NEAR, PENALISED, ALIGNED, False, BLOCK,
        )  # fmt: skip
        tl.atomic_add(agreeing + tensor, k)


@triton.jit(do_not_specialize=["tensors"])
def step(
    table,
    owners,
    numbers,
    constants,
    mean_agreeing,
    found_inf,
    seed,
    tensors,
    MOMENTS: tl.constexpr,
    C: tl.constexpr,
    W: tl.constexpr,
    G: tl.constexpr,
    M: tl.constexpr,
    NEAR: tl.constexpr,
    PENALISED: tl.constexpr,
    RESCALED: tl.constexpr,
    SKIPPABLE: tl.constexpr,
    STOCHASTIC: tl.constexpr,
    ALIGNED: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """One step of every tensor; none where `found_inf` is not 0."""
    tensor, start, size = place(table, owners, tensors, MOMENTS, BLOCK)
    agree = tl.load(constants + 5)
    if RESCALED:
        agree = 1 / tl.maximum(tl.load(mean_agreeing + tensor), agree)
    if SKIPPABLE:
        size = tl.where(tl.load(found_inf) != 0, 0, size)
    if start + BLOCK <= size:  # memory is moved 16 bytes at a time where nothing is masked
        move(
            table, numbers, constants, seed, tensors, tensor, start, size, agree,
            MOMENTS, C, W, G, M, NEAR, PENALISED, STOCHASTIC, ALIGNED, True, BLOCK,
        )  # fmt: skip
    else:
        move(
            table, numbers, constants, seed, tensors, tensor, start, size, agree,
            MOMENTS, C, W, G, M, NEAR, PENALISED, STOCHASTIC, ALIGNED, False, BLOCK,
        )  # fmt: skip


@triton.jit
def place(table, owners, tensors, MOMENTS: tl.constexpr, BLOCK: tl.constexpr):
    """(tensor, index of the first element, size of the tensor) of this program's chunk."""
    program = tl.program_id(0)
    tensor = tl.load(owners + program)
    size = tl.load(table + (MOMENTS + 2) * tensors + tensor)
    first = tl.load(table + (MOMENTS + 3) * tensors + tensor)
    return tensor, (program - first) * BLOCK, size


@triton.jit
def agreeing_in(
    table, numbers, constants, tensors, tensor, start, size,
    MOMENTS: tl.constexpr, C: tl.constexpr, W: tl.constexpr, G: tl.constexpr, M: tl.constexpr,
    NEAR: tl.constexpr, PENALISED: tl.constexpr, ALIGNED: tl.constexpr, WHOLE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = start + tl.arange(0, BLOCK)
    g = read(address(table, 1, tensors, tensor, G, ALIGNED), i, size, C, WHOLE)
    m = read(address(table, 2, tensors, tensor, M, ALIGNED), i, size, C, WHOLE)
    w = g
    if PENALISED:
        w = read(address(table, 0, tensors, tensor, W, ALIGNED), i, size, C, WHOLE)
    g = gradient(g, w, numbers, constants, tensors, tensor, C, PENALISED)
    if MOMENTS == 1:
        u = lion_sign(m, g, constants, C)
    else:
        u = mean(m, g, constants, C, NEAR)
    return tl.sum((agrees(u, g) & (i < size)).to(tl.int32)).to(tl.int64)


@triton.jit
def move(
    table, numbers, constants, seed, tensors, tensor, start, size, agree,
    MOMENTS: tl.constexpr, C: tl.constexpr, W: tl.constexpr, G: tl.constexpr, M: tl.constexpr,
    NEAR: tl.constexpr, PENALISED: tl.constexpr, STOCHASTIC: tl.constexpr, ALIGNED: tl.constexpr,
    WHOLE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    i = start + tl.arange(0, BLOCK)
    w_at = address(table, 0, tensors, tensor, W, ALIGNED)
    m_at = address(table, 2, tensors, tensor, M, ALIGNED)
    w = read(w_at, i, size, C, WHOLE)
    g = read(address(table, 1, tensors, tensor, G, ALIGNED), i, size, C, WHOLE)
    m = read(m_at, i, size, C, WHOLE)
    w_words, m_words, v_words, largest_words = random(seed, BLOCK, STOCHASTIC)
    rate = tl.load(numbers + tensor).to(C)
    eps = tl.load(numbers + tensors + tensor).to(C)
    decay = tl.load(numbers + 2 * tensors + tensor).to(C)
    weight2, beta2 = tl.load(constants + 2).to(C), tl.load(constants + 3).to(C)
    g = gradient(g, w, numbers, constants, tensors, tensor, C, PENALISED)
    if MOMENTS == 1:
        u = lion_sign(m, g, constants, C)
        m = tl.fma(weight2, g, beta2 * m)
        change = direct(u, g, agree, constants, C) * rate
    else:
        m = mean(m, g, constants, C, NEAR)
        v_at = address(table, 3, tensors, tensor, M, ALIGNED)
        v = read(v_at, i, size, C, WHOLE)
        v = tl.fma(weight2 * g, g, beta2 * v)
        write(v_at, i, size, rounded(v, v_words, M, STOCHASTIC), M, WHOLE)
        if MOMENTS == 3:
            largest_at = address(table, 4, tensors, tensor, M, ALIGNED)
            largest = read(largest_at, i, size, C, WHOLE)
            v = tl.where((v > largest) | (v != v), v, largest)
            write(largest_at, i, size, rounded(v, largest_words, M, STOCHASTIC), M, WHOLE)
        change = quotient(rate * direct(m, g, agree, constants, C), root(v, C) + eps, C)
    write(m_at, i, size, rounded(m, m_words, M, STOCHASTIC), M, WHOLE)
    write(w_at, i, size, rounded(decay * w + change, w_words, W, STOCHASTIC), W, WHOLE)


@triton.jit
def address(table, kind: tl.constexpr, tensors, tensor, DTYPE: tl.constexpr, ALIGNED: tl.constexpr):
    at = tl.load(table + kind * tensors + tensor).to(tl.pointer_type(DTYPE))
    if ALIGNED:
        at = tl.multiple_of(at, 16)
    return at


@triton.jit
def read(at, i, size, C: tl.constexpr, WHOLE: tl.constexpr):
    if WHOLE:
        x = tl.load(at + i)
    else:
        x = tl.load(at + i, mask=i < size, other=0)
    if x.dtype == tl.uint16:
        x = (x.to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    return x.to(C)


@triton.jit
def write(at, i, size, x, DTYPE: tl.constexpr, WHOLE: tl.constexpr):
    if DTYPE == tl.uint16:
        x = x.to(tl.float32)
        bits = x.to(tl.uint32, bitcast=True)
        nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        stored = tl.where(x == x, nearest, 0x7FC0).to(tl.uint16)
    else:
        stored = x.to(DTYPE)
    if WHOLE:
        tl.store(at + i, stored)
    else:
        tl.store(at + i, stored, mask=i < size)


@triton.jit
def gradient(g, w, numbers, constants, tensors, tensor, C: tl.constexpr, PENALISED: tl.constexpr):
    """g without its scale, uphill if that is wanted, and with the gradient of the penalty."""
    g = g * tl.load(numbers + 3 * tensors + tensor).to(C)
    if PENALISED:
        g = tl.fma(tl.load(constants + 4).to(C), w, g)
    return g


@triton.jit
def mean(m, g, constants, C: tl.constexpr, NEAR: tl.constexpr):
    """As torch.lerp, from the nearer end, so that weights of 0 and 1 are exact."""
    weight = tl.load(constants).to(C)
    if NEAR:
        return tl.fma(weight, g - m, m)
    return tl.fma(weight - 1, g - m, g)


@triton.jit
def lion_sign(m, g, constants, C: tl.constexpr):
    """The sign of beta1 m + (1 - beta1) g, and NaN where that is NaN."""
    c = tl.fma(tl.load(constants).to(C), g, tl.load(constants + 1).to(C) * m)
    return tl.where(c > 0, 1, tl.where(c < 0, -1, c)).to(C)


@triton.jit
def agrees(u, g):
    return ((u > 0) & (g > 0)) | ((u < 0) & (g < 0))


@triton.jit
def direct(u, g, agree, constants, C: tl.constexpr):
    opposes = ((u > 0) & (g < 0)) | ((u < 0) & (g > 0))
    oppose, tie = tl.load(constants + 6).to(C), tl.load(constants + 7).to(C)
    return tl.where(agrees(u, g), agree.to(C), tl.where(opposes, oppose, tie)) * u


@triton.jit
def root(x, C: tl.constexpr):
    if C == tl.float32:
        return tl.sqrt_rn(x)
    return tl.sqrt(x)


@triton.jit
def quotient(x, y, C: tl.constexpr):
    if C == tl.float32:
        return tl.div_rn(x, y)
    return x / y


@triton.jit
def random(seed, BLOCK: tl.constexpr, STOCHASTIC: tl.constexpr):
    """Four random words for each element of this program's chunk; zeros where they are not wanted."""
    lane = tl.arange(0, BLOCK).to(tl.uint32)
    zero = lane * 0
    if STOCHASTIC:
        return tl.philox(tl.load(seed), lane, zero + tl.program_id(0).to(tl.uint32), zero, zero)
    return zero, zero, zero, zero


@triton.jit
def rounded(x, words, DTYPE: tl.constexpr, STOCHASTIC: tl.constexpr):
    """x, or where it is stored in 16 bits and that is wanted, one of its two neighbours there."""
    if STOCHASTIC and (DTYPE == tl.uint16 or DTYPE == tl.float16):
        return dither(x.to(tl.float32), words, DTYPE)
    return x


@triton.jit
def dither(x, words, W: tl.constexpr):
    """float32 x as one of its two neighbours in W, each as likely as x is near to it; as x beyond the largest."""
    bits = x.to(tl.uint32, bitcast=True)
    magnitude = bits & 0x7FFFFFFF
    if W == tl.uint16:
        chosen = (bits + (words & 0xFFFF)) & 0xFFFF0000
        return tl.where(magnitude < 0x7F7F0000, chosen.to(tl.float32, bitcast=True), x)
    normal = ((bits + (words & 0x1FFF)) & 0xFFFFE000).to(tl.float32, bitcast=True)
    steps = tl.where(
        magnitude < 0x38800000, tl.abs(x) * 16777216.0, 0.0
    )  # below 2^-14 numbers are 2^-24 apart
    below = tl.floor(steps)
    chance = ((words >> 8).to(tl.float32) + 0.5) * 5.9604644775390625e-08
    tiny = (below + (chance < steps - below).to(tl.float32)) * 5.9604644775390625e-08
    signed = (tiny.to(tl.uint32, bitcast=True) | (bits & 0x80000000)).to(tl.float32, bitcast=True)
    return tl.where(magnitude < 0x38800000, signed, tl.where(magnitude < 0x477FE000, normal, x))
