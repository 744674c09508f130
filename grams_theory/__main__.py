"""`python -m grams_theory` is the command `grams-theory`."""

from grams_theory.cli import main

main(prog_name="grams-theory")
