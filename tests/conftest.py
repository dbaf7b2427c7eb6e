"""Make the reference package and the modules beside the tests importable."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "reference"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
