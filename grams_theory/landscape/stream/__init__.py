"""The PL ratio, alignment and noise of a training run, measured beside the user's own loop."""

from grams_theory.landscape.stream.callback import pl_callback
from grams_theory.landscape.stream.watch import PLStream, watch_pl

__all__ = ["PLStream", "pl_callback", "watch_pl"]
