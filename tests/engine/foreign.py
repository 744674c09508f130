"""Other people's optimizers in the place of ours, and the claims that they violate."""

from functools import cache

from grams_theory.engine import fuzz

FOREIGN = (
    ("definitions", "torch.optim:Adam", "Grams"),
    ("definitions", "torch.optim:RMSprop", "Adam"),
    ("lemma-4.2", "torch.optim:Adam", "Grams"),
    ("lemma-4.2", "torch.optim:SGD", "Grams"),
    ("one-step-pl-rate", "torch.optim:Adam", "Grams"),
    ("comparison-sharp", "torch.optim:RAdam", "Grams"),
    ("lion-descent", "torch.optim:Adam", "Lion"),
    ("momentum-descent", "torch.optim:Adagrad", "SGD"),
)


@cache
def search(claim_id, optimizer=None, role=None):
    """What a short campaign finds; once for each of them, for every test that looks at it."""
    return fuzz(claim_id, optimizer=optimizer, role=role, budget=20_000)
