"""Completion: what a shell offers, at once, without importing what stands behind the names."""

import os
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from grams_theory.claims import by_id, names
from grams_theory.cli import complete, main
from tests.cli.test_cli import HEAVY, processor_time

ASK = """
import sys
sys.argv[0] = "grams-theory"
try:
    from grams_theory.cli import main
    main(prog_name="grams-theory", complete_var="_GRAMS_THEORY_COMPLETE")
finally:
    print(*(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""
SHELLS = ("bash", "zsh", "fish")


def offered(*words):
    """What bash is offered for the last of the words, by a process of its own, and the seconds that it takes."""
    line = " ".join(("grams-theory", *words))
    asked = {"_GRAMS_THEORY_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    began = processor_time()
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(heavy=HEAVY)],
        capture_output=True,
        text=True,
        env={**os.environ, **asked},
    )
    assert done.stderr.strip() == "", "imported, or failed"
    found = [line.partition(",")[2] for line in done.stdout.splitlines() if line]
    return found, processor_time() - began


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("ver",), ["verify"]),
        (("prove", "lemma-"), ["lemma-3.9", "lemma-4.2", "lemma-4.14"]),
        (("show", "figure"), ["figure-1"]),
        (("verify", "--claims", "lemma-4.2,lion-d"), ["lemma-4.2,lion-descent"]),
        (("fuzz", "lemma-4.2", "--optimizer", "Cau"), ["CautiousAdam", "CautiousLion"]),
        (("fuzz", "lemma-4.2", "--loss", "breast"), ["breast_cancer", "breast_cancer_ridge"]),
        (("fuzz", "comparison-sharp", "--role", ""), list(by_id("comparison-sharp").setting.optimizers)),
        (("fuzz", "./my"), ["./my"]),
        (("estimate-pl", "diabetes_"), ["diabetes_ridge"]),
        (("estimate-pl", "x", "--optimizer", "Gr"), ["Grams"]),
        (("completion", "z"), ["zsh"]),
        (("prove", "nothing-like-it"), []),
    ],
    ids=str,
)
def test_names_are_offered_at_once(words, wanted):
    found, seconds = min((offered(*words) for _ in range(2)), key=lambda answer: answer[1])
    assert found == wanted
    assert seconds < 0.5


def test_every_claim_is_offered():
    assert [item.value for item in complete.claim(None, None, "")] == list(names())


def test_optimizers_and_losses_are_those_of_the_registries():
    from grams_theory import optim
    from grams_theory.landscape import losses

    assert complete.optimizers() == list(optim.names())
    assert sorted(complete.losses()) == sorted(losses.names(None))


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_can_read(shell, tmp_path):
    done = CliRunner().invoke(main, ["completion", shell], prog_name="grams-theory")
    assert done.exit_code == 0
    assert f"_GRAMS_THEORY_COMPLETE={shell}_complete" in done.output
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here to read it")
    script = tmp_path / "script"
    script.write_text(done.output)
    subprocess.run([shell, "-n", script], check=True)


def test_bash_completes_by_the_script():
    """In a bash that has run the script, the function fills COMPREPLY."""
    if shutil.which("bash") is None:
        pytest.skip("no bash here")
    folder = os.path.dirname(sys.executable)
    asked = 'eval "$(grams-theory completion bash)"; COMP_WORDS=(grams-theory prove comparison-sh); COMP_CWORD=2; '
    asked += '_grams_theory_completion grams-theory; echo "${COMPREPLY[@]}"'
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == ["comparison-sharp", "comparison-sharp-convex"]


def test_another_shell_is_refused():
    done = CliRunner().invoke(main, ["completion", "tcsh"])
    assert done.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in done.output
