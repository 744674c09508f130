"""Where the data come from: packages, files of the user, and how they are split."""

import pickle

import numpy as np
import pytest
import torch
from sklearn import datasets

from grams_theory.core.errors import UsageError
from grams_theory.landscape import by_name
from grams_theory.landscape.losses import recipes
from grams_theory.landscape.losses.sources import cifar, folders, mnist, passages, photos, shakespeare, text
from grams_theory.landscape.losses.sources.packages import packaged


def test_a_missing_package_is_named_with_what_to_install():
    with pytest.raises(UsageError, match="pip install --no-deps no-such-package"):
        packaged("no-such-package", ".txt")
    with pytest.raises(UsageError, match=r"no file that ends in '\.nothing'"):
        packaged("torch", ".nothing")


# ── MNIST


def test_mnist_5k_is_split_without_losing_an_image():
    (X, y), (X_test, y_test) = mnist.mnist_5k()
    assert X.shape == (4000, 784) and X_test.shape == (1000, 784)
    assert (y.bincount() + y_test.bincount()).tolist() == [500] * 10
    assert X.min() == 0 and X.max() == 1
    assert len(torch.cat([X, X_test]).unique(dim=0)) == 5000


def idx(*axes, values=None):
    size = int(np.prod(axes))
    body = bytes(range(size)) if values is None else bytes(values)
    return b"\0\0\x08" + bytes([len(axes)]) + b"".join(n.to_bytes(4, "big") for n in axes) + body


@pytest.fixture
def mnist_files(tmp_path):
    """Two images of 2x3 pixels to train on and one held out, in a folder within a folder."""
    folder = tmp_path / "MNIST"
    folder.mkdir()
    for name, content in zip(
        mnist.FILES, (idx(2, 2, 3), idx(2, values=[7, 9]), idx(1, 2, 3), idx(1, values=[4])), strict=True
    ):
        (folder / name).write_bytes(content)
    return folder


def test_mnist_is_read_from_its_own_files(mnist_files):
    (X, y), (X_test, y_test) = mnist.mnist(mnist_files.parent)
    assert torch.equal(X * 255, torch.arange(12.0).double().view(2, 6))
    assert (y.tolist(), X_test.shape, y_test.tolist()) == ([7, 9], (1, 6), [4])
    problem = by_name("mnist_mlp_squares", path=mnist_files)
    assert problem.data[1].shape == (2, 10) and problem.model(problem.data[0]).shape == (2, 10)
    assert str(mnist_files) in problem.source


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (mnist.FILES[0], b"\x1f\x8b compressed", "unpack it first"),
        (mnist.FILES[0], idx(2, 2, 3)[:-1], r"has 27 bytes, but its header .* says 28"),
        (mnist.FILES[1], idx(3), "one label an image"),
        (mnist.FILES[3], None, f"has no {mnist.FILES[3]}"),
    ],
)
def test_a_broken_mnist_is_explained(name, content, message, mnist_files):
    (mnist_files / name).unlink() if content is None else (mnist_files / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        mnist.mnist(mnist_files)


# ── CIFAR-10


def pixels(count, first=0):
    """Bytes (count, 3072): an image is constant, and its channels differ."""
    levels = first + 10 * torch.arange(count).view(-1, 1) + torch.arange(3)
    return levels.to(torch.uint8).repeat_interleave(1024, dim=1).numpy()


def binary(images, labels):
    return b"".join(bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True))


def pickled(images, labels):
    return pickle.dumps({b"data": images, b"labels": list(labels)}, protocol=2)


def pickled_long_ago(images, labels):
    """By a NumPy before version 2, as the published files are."""
    return pickled(images, labels).replace(b"numpy._core", b"numpy.core")


VERSIONS = {
    "binary": (cifar.BINARY, binary),
    "python": (cifar.PYTHON, pickled),
    "python, old": (cifar.PYTHON, pickled_long_ago),
}


@pytest.fixture(params=VERSIONS)
def cifar_files(request, tmp_path):
    """Two images in each of the six files: their classes are the number of the file, and 9."""
    names, write = VERSIONS[request.param]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes(write(pixels(2, number), (number, 9)))
    return tmp_path


def test_cifar10_is_read_from_both_versions(cifar_files):
    (X, y), (X_test, y_test) = cifar.cifar10(cifar_files)
    assert y.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9] and y_test.tolist() == [5, 9]
    assert X.shape == (10, 3, 32, 32) and X_test.shape == (2, 3, 32, 32)
    levels = torch.stack([torch.from_numpy(pixels(2, n)).view(2, 3, 32, 32) for n in range(6)]).flatten(0, 1)
    train = levels[:10].double()
    mean, std = (getattr(train, what)((0, 2, 3), keepdim=True) for what in ("mean", "std"))
    expected = (levels - mean) / std
    # numbers of size 4 at most, each after a handful of float32 operations and a mean of 10240 terms
    assert torch.allclose(torch.cat([X, X_test]).double(), expected, rtol=0, atol=100 * 2**-24 * 4)


def test_the_data_folder_may_come_from_the_environment(cifar_files, monkeypatch):
    monkeypatch.setenv(folders.VARIABLE, str(cifar_files.parent))
    assert len(cifar.cifar10(None, samples=4)[0][0]) == 4


def test_a_missing_path_says_what_to_supply_and_where(monkeypatch, tmp_path):
    monkeypatch.delenv(folders.VARIABLE, raising=False)
    for name in [name for name, recipe in recipes().items() if recipe.needs_path]:
        with pytest.raises(UsageError, match=r"CIFAR-10.*data_batch_1\.bin.*path=.*GRAMS_THEORY_DATA"):
            by_name(name)
    with pytest.raises(UsageError, match="none of the files is in"):
        by_name("cifar10_wrn", path=tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        by_name("cifar10_wrn", path=tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (binary(pixels(2), (1, 2))[:-1], "6145 bytes, no multiple of 3073"),
        (b"", "0 bytes"),
        (binary(pixels(1), (10,)), "the class 10.*CIFAR-100"),
    ],
)
def test_a_broken_binary_batch_is_explained(content, message, tmp_path):
    (tmp_path / "batch.bin").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        cifar.read_binary(tmp_path / "batch.bin")


class Malice:
    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (open, (str(self.file), "w"))


def test_a_pickle_cannot_run_anything(tmp_path):
    (tmp_path / "batch").write_bytes(pickle.dumps({b"data": Malice(tmp_path / "owned"), b"labels": []}))
    with pytest.raises(UsageError, match="asks for"):
        cifar.read_python(tmp_path / "batch")
    assert not (tmp_path / "owned").exists()
    pickle.loads((tmp_path / "batch").read_bytes())
    assert (tmp_path / "owned").exists(), "the pickle of this test does nothing: it proves nothing"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({b"labels": [1]}), "b'data'"),
        (pickle.dumps([1, 2]), "no batch"),
        (b"not a pickle", "no batch"),
        (b"", "no batch"),
        (pickled(pixels(2), (1,)), r"shape \(2, 3072\) with 1 labels"),
    ],
)
def test_a_broken_python_batch_is_explained(content, message, tmp_path):
    (tmp_path / "batch").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        cifar.read_python(tmp_path / "batch")


# ── patches


@pytest.mark.parametrize("stride", [16, 32])
def test_no_pixel_of_a_photograph_is_both_trained_on_and_held_out(stride, monkeypatch):
    """Photographs whose pixels tell their column: normalising keeps the order."""
    columns = np.broadcast_to(np.arange(640)[None, :, None] // 4, (427, 640, 3)).astype(np.uint8)

    class Bunch:
        images = (columns, columns)

    monkeypatch.setattr(datasets, "load_sample_images", Bunch)
    (X, y), (X_test, y_test) = photos.patches(stride)
    assert X.max() < X_test.min()
    rows, left, right = ((size - 32) // stride + 1 for size in (427, photos.BORDER, 640 - photos.BORDER))
    assert y.bincount().tolist() == [rows * left] * 2
    assert y_test.bincount().tolist() == [rows * right] * 2


def test_patches_are_cut_from_the_photographs():
    (X, y), _ = photos.patches(32)
    photo = torch.from_numpy(np.array(datasets.load_sample_images().images[1])).float()
    second = X[y == 1][1].movedim(0, -1)  # the patch to the right of the first
    expected = photo[:32, 32:64]
    for channel in range(3):  # an affine map of each channel
        correlation = torch.corrcoef(torch.stack([second[..., channel], expected[..., channel]]).flatten(1))
        assert correlation[0, 1] > 1 - 1e-5
    with pytest.raises(UsageError, match="stride=0 must be at least 1"):
        photos.patches(0)


# ── text


@pytest.fixture(scope="module")
def works():
    return shakespeare.works()


def test_the_works_are_there_without_anything_of_project_gutenberg(works):
    assert len(works) == 42
    assert sum(map(len, works.values())) > 5_000_000
    assert not [name for name, body in works.items() if "project gutenberg" in body.lower()]
    assert not [name for name, body in works.items() if "William Shakespeare" in body[:200]]


def test_comedies_and_tragedies_are_those_of_the_first_folio(works):
    assert (len(set(shakespeare.COMEDIES)), len(set(shakespeare.TRAGEDIES))) == (14, 12)
    assert not set(shakespeare.COMEDIES) & set(shakespeare.TRAGEDIES)
    assert {*shakespeare.COMEDIES, *shakespeare.TRAGEDIES, *shakespeare.HELD_OUT} <= set(works)
    for genre in (shakespeare.COMEDIES, shakespeare.TRAGEDIES):
        assert 0 < len(set(genre) & set(shakespeare.HELD_OUT)) < len(genre)


def test_works_that_are_held_out_are_not_trained_on(works):
    source = text.corpus()
    assert set(source.test) == set(shakespeare.HELD_OUT)
    assert not set(source.train) & set(source.test)
    assert {**source.train, **source.test} == works


def test_a_file_is_cut_at_nine_tenths(tmp_path):
    (tmp_path / "b.txt").write_text("0123456789", encoding="utf-8")
    (tmp_path / "a.txt").write_text("é" * 20, encoding="utf-8")
    source = text.corpus(tmp_path)
    assert source.train == {"a.txt": "é" * 18, "b.txt": "012345678"}
    assert source.test == {"a.txt": "é" * 2, "b.txt": "9"}
    assert text.corpus(tmp_path / "b.txt").train == {"b.txt": "012345678"}


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"\xff\xfe", "is not UTF-8"), (None, "no text file")]
)
def test_a_broken_text_is_explained(content, message, tmp_path):
    file = tmp_path / "mine.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        text.corpus(file)


SMALL = text.Corpus({"a": "the cat and the hat " * 20}, {"b": "the rat é"})


@pytest.mark.parametrize("kind", text.TOKENS)
def test_every_text_is_encoded_within_the_vocabulary(kind):
    encode, vocabulary = text.tokens(kind, SMALL)
    for body in ("the cat", SMALL.test["b"]):
        ids = encode(body)
        assert len(ids) and ids.min() >= 0 and ids.max() < vocabulary


def test_characters_and_bytes_are_numbered_as_they_say():
    encode, vocabulary = text.characters(SMALL)
    known = sorted(set(SMALL.train["a"] + SMALL.test["b"]))
    assert vocabulary == len(known) and [known[i] for i in encode("the rat é").tolist()] == list("the rat é")
    assert bytes(text.utf8_bytes(SMALL)[0]("é").tolist()) == "é".encode()


def test_pairs_that_occur_often_become_one_token():
    encode, _ = text.pairs(SMALL)
    assert len(encode("the cat and the hat")) == 5
    assert len(encode("xyz")) == 3


def test_pairs_without_their_package_say_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(UsageError, match="pip install tokenizers"):
        text.pairs(SMALL)


def test_an_unknown_kind_of_tokens_is_explained():
    with pytest.raises(UsageError, match="choose characters, bytes, pairs"):
        text.tokens("words", SMALL)


def test_targets_are_the_next_tokens_and_windows_do_not_overlap():
    encode, _ = text.utf8_bytes(SMALL)
    X, Y = text.windows({"a": "abcdefghij", "b": "xyz"}, encode, 3, None)
    assert [bytes(row.tolist()).decode() for row in X] == ["abc", "def", "ghi"]
    assert [bytes(row.tolist()).decode() for row in Y] == ["bcd", "efg", "hij"]
    with pytest.raises(UsageError, match="more than 10 tokens"):
        text.windows({"a": "abcdefghij"}, encode, 10, None)


def test_windows_are_drawn_once_and_none_twice():
    body = "".join(map(chr, range(200)))
    encode, _ = text.characters(text.Corpus({"a": body}, {}))

    def draw(samples):
        return text.windows({"a": body}, encode, 4, samples)[0]

    assert torch.equal(draw(20), draw(20)) and torch.equal(draw(20), draw(30)[:20])
    assert len(draw(20).unique(dim=0)) == 20
    assert len(draw(1000)) == len(draw(None)) == 49


def test_passages_come_from_the_right_plays(works):
    drawn = []

    def tokenise(texts):
        drawn.append(texts)
        return [[len(passage)] for passage in texts]

    (_, y), (_, y_test) = passages.comedy_or_tragedy(tokenise, 60, 30)
    flat = {name: " ".join(body.split()) for name, body in works.items()}
    for texts, labels, held_out in zip(drawn, (y, y_test), (False, True), strict=True):
        assert labels.bincount().tolist() == [len(texts) // 2] * 2
        assert len(set(texts)) == len(texts)
        for passage, label in zip(texts, labels.tolist(), strict=True):
            owners = [name for name, body in flat.items() if passage in body]
            genre = (shakespeare.COMEDIES, shakespeare.TRAGEDIES)[label]
            assert len(owners) == 1 and owners[0] in genre
            assert (owners[0] in shakespeare.HELD_OUT) == held_out
    with pytest.raises(UsageError, match="are wanted"):
        passages.comedy_or_tragedy(tokenise, 10**6, 2)
