"""The models: published sizes, initial weights, and what makes a decoder a decoder."""
# pyright: reportOperatorIssue=false, reportCallIssue=false

import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from grams_theory.core.errors import UsageError
from grams_theory.core.random import generator
from grams_theory.landscape.losses import finetune
from grams_theory.landscape.models import activations, convolutions, llama, minilm
from grams_theory.landscape.models.bottleneck_resnet import BottleneckResNet
from grams_theory.landscape.models.perceptron import perceptron
from grams_theory.landscape.models.wide_resnet import WideResNet


def count(model):
    return sum(p.numel() for p in model.parameters())


# ── sizes


@pytest.mark.parametrize("norm", convolutions.NORMS)
@pytest.mark.parametrize(
    ("depth", "widen", "millions"),
    [(40, 1, 0.6), (40, 2, 2.2), (40, 4, 8.9), (16, 8, 11.0), (16, 10, 17.1), (22, 8, 17.2), (28, 10, 36.5)],
)
def test_wide_resnets_have_the_published_number_of_parameters(depth, widen, millions, norm):
    """arXiv 1605.07146, Table 4, in millions with one decimal."""
    with torch.device("meta"):
        assert round(count(WideResNet(depth, widen, 10, norm=norm)) / 1e6, 1) == millions


@pytest.mark.parametrize("norm", convolutions.NORMS)
def test_wrn_50_2_has_the_published_number_of_parameters(norm):
    """68,883,240 with 1,000 classes and a first convolution of 7x7, as torchvision documents it."""
    with torch.device("meta"):
        found = count(BottleneckResNet(10, norm=norm))
    head, stem = 990 * (2048 + 1), 64 * 3 * (7**2 - 3**2)
    assert found == 68_883_240 - head - stem


def test_llama_60m_has_its_58_million_parameters():
    with torch.device("meta"):
        found = count(llama.Llama(llama.llama_60m()))
    V, d, layers, m = 32_000, 512, 8, 1376
    assert found == 2 * V * d + layers * (4 * d * d + 3 * d * m + 2 * d) + d
    assert round(found / 1e6) == 58


@pytest.mark.parametrize("model", [WideResNet, BottleneckResNet])
def test_images_become_logits(model):
    arguments = (10, 1, 7) if model is WideResNet else (7,)
    with torch.device("meta"):
        assert model(*arguments)(torch.empty(2, 3, 32, 32)).shape == (2, 7)


# ── initial weights

INITIALISED = {
    "wide_resnet": (lambda: WideResNet(10, 1, 10), convolutions.initialise),
    "wide_resnet_batch": (lambda: WideResNet(10, 1, 10, norm="batch"), convolutions.initialise),
    "llama": (lambda: llama.Llama(TINY), llama.initialise),
    "llama_tied": (lambda: llama.Llama(replace(TINY, tied=True)), llama.initialise),
}
TINY = llama.Shape(vocabulary=11, hidden=16, layers=2, heads=2, intermediate=24)


@pytest.mark.parametrize("name", INITIALISED)
def test_initial_weights_depend_on_the_generator_alone(name):
    make, initialise = INITIALISED[name]

    def weights(seed):
        model = make()
        for p in model.parameters():
            nn.init.normal_(p)  # from torch's global stream: none of it may be left
        initialise(model, generator(seed))
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_layers_of_a_perceptron_have_streams_of_their_own():
    first, second = perceptron((5, 4, 3), seed=2), perceptron((5, 4, 6, 2), "relu", seed=2)
    assert torch.equal(first[0].weight, second[0].weight)
    expected = torch.randn((4, 5), generator=generator(2, "perceptron", 0), dtype=torch.float64) / 5**0.5
    assert torch.equal(first[0].weight, expected)
    assert [type(module) for module in second] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    assert not any(layer.bias.any() for layer in (first[0], first[2]))


def test_convolutions_keep_the_size_of_a_signal():
    """Var of a weight is 2/fan-out: at fan-in = fan-out, and with half of the inputs cut off, outputs keep theirs."""
    layer = convolutions.convolution(64, 64, 3)
    convolutions.initialise(layer, generator(0))
    n = layer.weight.numel()
    # the sample variance of n normal numbers has the relative standard deviation √(2/n)
    assert layer.weight.var().item() * 64 * 9 / 2 == pytest.approx(1, abs=5 * (2 / n) ** 0.5)


# ── normalisation


@pytest.mark.parametrize(("norm", "alone"), [("group", True), ("batch", False)])
def test_only_batch_normalisation_mixes_samples(norm, alone):
    model = WideResNet(10, 1, 10, norm=norm).double()
    convolutions.initialise(model, generator(0))
    x = torch.randn((4, 3, 32, 32), generator=generator(0), dtype=torch.float64)
    together, single = model(x)[:1], model(x[:1])
    assert torch.allclose(together, single, rtol=1e-9) == alone


@pytest.mark.parametrize("channels", [16, 32, 48, 64, 160, 640, 2048])
def test_group_normalisation_has_at_most_32_groups_of_at_least_four(channels):
    layer = convolutions.norm("group")(channels)
    assert layer.num_groups <= 32 and channels // layer.num_groups >= 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WideResNet(12, 1, 10), "depth=12 must be 6 k"),
        (lambda: WideResNet(10, 1, 10, norm="layer"), "norm='layer' is not known; choose group, batch"),
        (lambda: activations.module("swish"), "choose gelu, relu, silu, tanh"),
        (lambda: replace(TINY, attention="flash"), "choose math, fused"),
        (lambda: replace(TINY, heads=16), "must be a multiple of twice heads=16"),
    ],
)
def test_a_shape_that_is_not_possible_is_explained(make, message):
    with pytest.raises(UsageError, match=message):
        make()


# ── the decoder


def decoder(shape=TINY, seed=0):
    """Weights N(0, 1/fan-in), so that attention is far from uniform."""
    model = llama.Llama(shape)
    for name, p in model.named_parameters():
        scale = p.shape[-1] ** -0.5 if p.dim() == 2 else 1
        nn.init.normal_(p, mean=p.dim() == 1, std=scale, generator=generator(seed, name))
    return model


TOKENS = torch.randint(11, (2, 9), generator=torch.Generator().manual_seed(0))


def first_position_that_moves(model, changed=5):
    """The first position whose logits a change of the token at `changed` changes."""
    other = TOKENS.clone()
    other[:, changed] = (other[:, changed] + 1) % 11
    with torch.no_grad():
        moved = (model(TOKENS) != model(other)).any(-1).all(0)
    return moved.nonzero().min().item()


@pytest.mark.parametrize("attention", llama.ATTENTIONS)
def test_a_later_token_does_not_change_earlier_logits(attention):
    assert first_position_that_moves(decoder(replace(TINY, attention=attention))) == 5


def test_attention_without_a_mask_would_be_caught(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "masked_fill", lambda self, mask, value: self)
    assert first_position_that_moves(decoder()) == 0


def test_both_attentions_are_one_function():
    model = decoder().double()
    fused = decoder(replace(TINY, attention="fused")).double()
    assert torch.allclose(model(TOKENS), fused(TOKENS), rtol=1e-12, atol=1e-12)


def test_rotary_products_depend_on_the_distance_only():
    q, k = torch.randn((2, 1, 8), generator=generator(0), dtype=torch.float64)
    Q, K = (llama.rotate(x.expand(6, 8), 10_000.0) for x in (q, k))
    products = Q @ K.mT
    for distance in range(6):
        along = products.diagonal(distance)
        assert torch.allclose(along, along[0].expand_as(along), rtol=1e-13, atol=1e-13)
    assert torch.allclose(Q.norm(dim=-1), q.norm().expand(6), rtol=1e-14)
    assert len(products[0].unique()) == 6


HF_NAMES = {
    "embedding": "model.embed_tokens",
    "layers": "model.layers",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "attention_norm": "input_layernorm",
    "forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
    "norm": "model.norm",
    "head": "lm_head",
}


def hf_name(name):
    path, _, last = name.rpartition(".")
    if path.startswith("layers"):
        _, index, inner = path.split(".", 2)
        return f"model.layers.{index}.{HF_NAMES[inner]}.{last}"
    return f"{HF_NAMES[path]}.{last}"


def test_the_decoder_is_the_llama_of_transformers():
    transformers = pytest.importorskip("transformers")
    shape, model = TINY, decoder()
    config = transformers.LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        rms_norm_eps=shape.eps,
        attn_implementation="eager",
    )
    theirs = transformers.LlamaForCausalLM(config)
    theirs.load_state_dict({hf_name(name): p for name, p in model.state_dict().items()})
    with torch.no_grad():
        ours, expected = model(TOKENS), theirs(TOKENS).logits
    # some ten products of `hidden` terms follow each other in a layer, each with a relative error of hidden · eps
    tolerance = shape.layers * 10 * shape.hidden * torch.finfo(torch.float32).eps
    assert (ours - expected).abs().max() <= tolerance * expected.abs().max()


def test_a_tied_head_is_the_embedding():
    model = llama.Llama(replace(TINY, tied=True))
    assert model.head.weight is model.embedding.weight
    assert count(llama.Llama(TINY)) - count(model) == TINY.vocabulary * TINY.hidden


# ── the pre-trained encoder


@pytest.fixture(scope="module")
def classifier():
    pytest.importorskip("transformers")
    return minilm.Classifier(finetune.folder(), 2, generator(0), "last")


def test_minilm_is_the_mean_of_what_transformers_computes(classifier):
    from transformers import AutoModel

    tokens = torch.tensor(
        minilm.tokenise(["To be, or not to be, that is the question"], finetune.folder(), 8)
    )
    theirs = AutoModel.from_pretrained(finetune.folder()).eval()
    with torch.no_grad():
        states = theirs(tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
        expected = states.mean(1) @ classifier.head.weight.mT + classifier.head.bias
        found = classifier(tokens)
    # six layers of some ten products of up to 1536 terms in float32, whose errors add up at random
    tolerance = 60 * 1536**0.5 * torch.finfo(torch.float32).eps
    assert (found - expected).abs().max() <= tolerance * states.abs().max() * classifier.head.weight.norm()


def test_minilm_has_no_dropout_in_train_mode_either(classifier):
    tokens = torch.tensor([[101, 2000, 2022, 102]])
    with torch.no_grad():
        expected = classifier(tokens)
        try:
            assert torch.equal(classifier.train()(tokens), expected)
        finally:
            classifier.eval()


def test_only_the_last_layer_and_the_head_are_trained(classifier):
    trained = {name for name, p in classifier.named_parameters() if p.requires_grad}
    last = {
        name
        for name, _ in classifier.named_parameters()
        if name.startswith(("head.", "encoder.encoder.layer.5."))
    }
    assert trained == last and len(last) > 2
    with pytest.raises(UsageError, match="choose all, last"):
        minilm.Classifier(finetune.folder(), 2, generator(0), "first")


def test_a_text_that_is_too_short_is_explained():
    with pytest.raises(UsageError, match="1 texts have fewer than 8 tokens, such as 'short'"):
        minilm.tokenise(["short", "To be, or not to be, that is the question"], finetune.folder(), 8)


def test_transformers_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UsageError, match="pip install transformers"):
        minilm.tokenise(["a"], finetune.folder(), 8)
