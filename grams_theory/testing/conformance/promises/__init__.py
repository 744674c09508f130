"""What an optimizer owes its user, a file for each subject.

Every function `check_*(setup)` is found from here. Its docstring begins with the promise; it raises AssertionError,
with what was expected, if the promise is broken, and NotApplicable where it says nothing.
"""
