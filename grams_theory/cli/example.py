"""A refutation as a falsifying example: a comment that says what it violates, then Python that shows it."""

from grams_theory.core.ledger import ClaimResult


def falsifying_example(result: ClaimResult) -> str:
    """Text that can be pasted into Python as it stands, its long lines unbroken; "" without a witness.

    A case on a loss with estimated constants is no refutation; its text says "violating".
    """
    from grams_theory.engine.recheck import as_code
    from grams_theory.testing.snippet import snippet

    witness = result.witness
    if witness is None:
        return ""
    what = "Violating" if witness.kind == "estimated" else "Falsifying"
    margin = f"{witness.part} = {witness.margin} < 0 ({witness.method})"
    text = f"\n# {what} example of {result.id}: {margin}\n"
    code = witness.snippet or (snippet(witness.token) if witness.token else None)
    text += f"{(code or f'case = {as_code(witness.data)}').rstrip()}\n"
    replay = f"# grams-theory replay {witness.token}\n"
    return text if not witness.token or text.endswith(replay) else text + replay
