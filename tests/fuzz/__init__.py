"""Everything that reads bytes from outside, fed with what no honest sender sends.

    .venv/bin/python -m tests.fuzz 1000000 [--only NAME] [--seed N]

A small share runs with the tests.
"""
