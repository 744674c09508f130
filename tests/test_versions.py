"""The versions that are allowed, pinned and named agree: `pyproject.toml`, `constraints.txt`, `docs/install.md`."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
INSTALL = (ROOT / "docs" / "install.md").read_text()


def parsed(lines: Iterable[str]) -> list[Requirement]:
    return [Requirement(line) for line in lines]


def installed_by_make_test() -> list[Requirement]:
    """What the package needs, to be built and to be tested."""
    found = parsed([*PROJECT["dependencies"], *PYPROJECT["build-system"]["requires"]])
    extras = ["test"]
    for extra in extras:
        for requirement in parsed(PROJECT["optional-dependencies"][extra]):
            if requirement.name == PROJECT["name"]:
                extras += sorted(requirement.extras)
            else:
                found.append(requirement)
    return found


def pinned(lines: Iterable[str]) -> dict[str, Version]:
    return {canonicalize_name(pin.name): Version(next(iter(pin.specifier)).version) for pin in parsed(lines)}


PINS = pinned((ROOT / "constraints.txt").read_text().splitlines())


def disagreements(requirements: Iterable[Requirement], pins: dict[str, Version]) -> list[str]:
    """The requirements without a pin, or whose pin they do not allow."""
    found = []
    for requirement in requirements:
        pin = pins.get(canonicalize_name(requirement.name))
        if pin is None or not requirement.specifier.contains(pin):
            found.append(requirement.name)
    return found


def lower_bound(name: str) -> Version:
    (requirement,) = (r for r in parsed(PROJECT["dependencies"]) if r.name == name)
    (bound,) = requirement.specifier
    assert bound.operator == ">="
    return Version(bound.version)


def test_every_pin_is_allowed():
    assert disagreements(installed_by_make_test(), PINS) == []


@pytest.mark.parametrize(
    ("requirement", "pin", "wrong"),
    [
        ("torch>=2.6", "torch==2.5.1", ["torch"]),
        ("python-flint>=0.7", "Python_Flint==0.7.0", []),
        ("lion-pytorch<1", "lion_pytorch==1.0", ["lion-pytorch"]),
        ("torch>=2.6", "numpy==2.4.6", ["torch"]),
    ],
)
def test_a_pin_that_is_missing_or_not_allowed_is_found(requirement, pin, wrong):
    assert disagreements(parsed([requirement]), pinned([pin])) == wrong


def test_what_make_test_installs_includes_the_extras_of_the_extra():
    names = {requirement.name for requirement in installed_by_make_test()}
    assert {"torch", "hatchling", "pytest", "sphinx", "transformers", "nbclient"} <= names


@pytest.mark.parametrize("name", ["torch", "numpy", "sympy", "python-flint"])
def test_the_page_on_installing_names_the_oldest_version_that_is_allowed(name):
    (told,) = re.findall(rf"\b{name} ([\d.]*\d)", INSTALL)
    assert Version(told) == lower_bound(name)


def test_the_page_on_installing_names_the_oldest_python():
    (told,) = re.findall(r"^Python ([\d.]+) or newer", INSTALL, re.MULTILINE)
    assert PROJECT["requires-python"] == f">={told}"
