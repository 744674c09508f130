"""Exact reasoning: update rules in SymPy, the proof kernel, Z3, Gram identities."""
