"""Translate and verify every decoder language model of the installed transformers package.

The same as `python -m adgen_reference.sweep`, which see for the options; exit status 1 where a model got worse than
tests/expected_verdicts.tsv says.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "reference"))
from adgen_reference import sweep  # noqa: E402

if __name__ == "__main__":
    sys.exit(sweep.main())
