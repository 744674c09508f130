"""Which cells are needed: tuning first, on other seeds, on a grid that grows; planted results stand for runs."""

import math

import pytest

from grams_theory.study import contenders, plan
from grams_theory.study.cell import Floor, Run
from grams_theory.study.settings import FULL, MINIBATCH, TUNING_SEED, Settings, Task

TASK = Task("diabetes", modes=(FULL,))


def study(**changes):
    given = {"optimizers": ("Grams", "Adam"), "seeds": 3, "tuning_seeds": 2, **changes}
    return Settings((TASK,), **given)


class Played(dict):
    """A journal in which a run ends at score(its learning rate), or diverges for None."""

    def __init__(self, score):
        super().__init__()
        self.score = score

    def play(self, settings):
        while cells := plan.needed(settings, self):
            for cell in cells:
                self[cell] = {} if isinstance(cell, Floor) else self.result(cell)
        return self

    def result(self, run):
        f = self.score(run.lr)
        return {"diverged": None if f is not None else 3, "points": [{"f": f}]}


def valley(best):
    return lambda lr: (math.log10(lr) - math.log10(best)) ** 2


def tuned(settings, score):
    return plan.tune(settings, TASK, FULL, "Adam", Played(score).play(settings))


def test_the_best_rate_is_the_bottom_of_the_valley():
    found = tuned(study(), valley(0.0316))
    assert contenders.rate(found.best) == 0.0316
    assert not found.at_edge


@pytest.mark.parametrize("best", [1e-4, 30.0])
def test_a_grid_grows_where_its_best_is_at_the_edge(best):
    found = tuned(study(), valley(best))
    assert contenders.rate(found.best) == pytest.approx(best, rel=0.1)
    assert not found.at_edge


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_a_grid_that_may_not_grow_further_says_so(slope):
    found = tuned(study(extensions=2), lambda lr: slope * lr)
    assert found.at_edge
    assert len(found.scores) == 7 + 2 * plan.GROWTH


def test_a_rate_that_diverges_is_never_chosen():
    found = tuned(study(), lambda lr: None if lr > 0.02 else valley(0.0316)(lr))
    assert contenders.rate(found.best) == 0.01
    assert found.scores[-3] is None


def test_no_rate_is_chosen_if_all_diverge_and_nothing_is_evaluated():
    settings = study()
    found = tuned(settings, lambda lr: None)
    assert found.best is None
    assert plan.evaluation(settings, TASK, FULL, "Adam", found) == ()


def test_rates_are_chosen_on_seeds_that_are_not_evaluated():
    settings = study(sweep=("diabetes",))
    journal = Played(valley(0.0316)).play(settings)
    runs = [cell for cell in journal if isinstance(cell, Run)]
    evaluated = {run.seed for run in runs if run.tested}
    assert evaluated == {0, 1, 2}
    assert {run.seed for run in runs if not run.tested} == {TUNING_SEED, TUNING_SEED + 1}


def test_every_contender_is_evaluated_on_the_same_seeds():
    journal = Played(valley(0.0316)).play(study())
    seeds = {
        name: {run.seed for run in journal if isinstance(run, Run) and run.tested and run.optimizer == name}
        for name in ("Grams", "Adam")
    }
    assert seeds["Grams"] == seeds["Adam"]


def test_a_score_is_the_mean_over_the_tuning_seeds():
    class Noisy(Played):
        def result(self, run):
            lucky = run.lr == 0.001 and run.seed == TUNING_SEED
            return {"diverged": None, "points": [{"f": -5.0 if lucky else self.score(run.lr)}]}

    settings = study()
    journal = Noisy(lambda lr: 10.0 if lr == 0.001 else valley(0.0316)(lr)).play(settings)
    assert contenders.rate(plan.tune(settings, TASK, FULL, "Adam", journal).best) == 0.0316


def test_the_ablation_adds_its_arms_where_it_is_run_only():
    settings = Settings((TASK, Task("breast_cancer")), ablation=("diabetes",))
    assert set(contenders.ARMS) <= set(settings.contenders(settings.tasks[0]))
    assert settings.contenders(settings.tasks[1]) == contenders.MAIN


def test_the_sweep_is_the_full_factorial_around_the_tuned_rate():
    settings = study(sweep=("diabetes",), sweep_beta1=(0.8, 0.9), sweep_beta2=(0.99, 0.999))
    journal = Played(valley(0.0316)).play(settings)
    found = plan.tune(settings, TASK, FULL, "Grams", journal)
    points = plan.sweep(settings, TASK, FULL, "Grams", found)
    assert len({(p.beta1, p.beta2, p.lr) for p in points}) == 12
    assert {p.lr for p in points} == {0.01, 0.0316, 0.1}
    assert all(run in journal for p in points for run in p.runs)


def test_the_outlook_is_exact_while_no_grid_grows():
    settings = study(sweep=("diabetes",))
    expected = len(plan.outlook(settings, Played(valley(0.0316))))
    assert len(Played(valley(0.0316)).play(settings)) == expected


def test_both_modes_differ_in_the_batch_alone():
    task = Task("diabetes", modes=(FULL, MINIBATCH))
    journal = Played(valley(0.0316)).play(Settings((task,), optimizers=("Grams", "Adam")))
    runs = [cell for cell in journal if isinstance(cell, Run)]
    assert {run.batch for run in runs} == {None, task.batch}
