"""The proof kernel: a step is recorded only after its check has run, and knows what it rests on.

A proof is a function that receives a `Proof` and calls its methods; `prove(claim)` runs it and returns evidence. All
symbols of a step are universally quantified over the reals. A hypothesis ("given") that an earlier step established
is thereby used; any other becomes a hypothesis of the step, and of all that uses the step. In the end every part of
the claim's `formal` must have been concluded from nothing but its premises, definitions, instances of its assumptions,
instances of proved claims, and named axioms. Floating-point numbers are refused.

What could turn a quotient or a root into something else is a hypothesis too: where symbols are replaced, SymPy cancels
x/x and makes x of √x √x. What speaks of one coordinate or one step, and what stands for a certain number, is neither
discharged nor replaced; `shared` and `constant` declare what is the same in all of them. No machine checks that the
quantities that a proof hands to `assume`, `axiom` or `cite` are the values and gradients that its words name.

What holds in one coordinate is summed over all of them by the one rule that `lifting` states. Vector statements use
`gram.Space`: an identity between Gram entries holds in every R^d.

`recorder` puts steps down; `foundations`, `citations`, `steps`, `lifting`, `hypotheses` and `conclusions` hold the
rules, each of which checks first; `kernel` puts them together and runs a proof.
"""

from grams_theory.symbolic.proof.foundations import reals
from grams_theory.symbolic.proof.kernel import CheckedProof, Proof, prove
from grams_theory.symbolic.proof.recorder import ProofFailed

__all__ = ["CheckedProof", "Proof", "ProofFailed", "prove", "reals"]
