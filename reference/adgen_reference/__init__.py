"""Reference ops and equivalence verifier for the models that adgen emits."""

__version__ = "0.1.0"
