"""Exact reasoning: the proof kernel, Z3 and cvc5, Gram identities, the twin in exact numbers."""
