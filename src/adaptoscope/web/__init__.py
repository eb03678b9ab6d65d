"""The app in the browser: count, look, correct, learn and check, on one's own machine.

Thin: what it counts and trains it does by the same commands that a person would type, each in a
process of its own, and it shows the command.
"""
