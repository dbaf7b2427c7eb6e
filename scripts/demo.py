"""Translate one model of the installed transformers package and verify it against Hugging Face.

Usage: demo.py [MODEL_TYPE] (default: qwen3).  Exit status 0 if it is verified.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADGEN = ROOT / "build" / "release" / "adgen"
OUT = ROOT / "build" / "demo"
sys.path.insert(0, str(ROOT / "reference"))


def package() -> Path:
    import transformers

    return Path(transformers.__file__).parent


def translate(model_type: str) -> tuple[Path, dict]:
    """The file written and the report of what was done."""
    target, report = OUT / f"modeling_{model_type}.py", OUT / f"{model_type}.json"
    OUT.mkdir(parents=True, exist_ok=True)
    command = [ADGEN, model_type, "--package", package(), "-o", target, "--report", report]
    print("$", "adgen", model_type, "-o", target.relative_to(ROOT), flush=True)
    done = subprocess.run(command)
    if done.returncode not in (0, 3):
        raise SystemExit(done.returncode)
    return target, json.loads(report.read_text(encoding="utf-8"))


def fates(report: dict) -> Counter:
    """How many statements of the source were kept, rewritten and removed."""
    methods = [function for cls in report["classes"] for function in cls.get("functions", [])]
    functions = report["functions"] + methods
    return Counter(statement["status"] for function in functions for statement in function.get("statements", []))


def main() -> int:
    model_type = sys.argv[1] if len(sys.argv) > 1 else "qwen3"
    target, report = translate(model_type)
    print(f"verifying {model_type} against Hugging Face on the CPU ...", flush=True)
    import torch
    from adgen_reference import hf, verify

    hf.quiet()
    torch.set_num_threads(1)
    start = time.perf_counter()
    result = verify.verify(target, model_type)
    seconds = time.perf_counter() - start
    rules = ", ".join(f"{rule['id']} x{rule['times']}" for rule in report["rules"])
    statements = ", ".join(f"{count} {fate}" for fate, count in fates(report).most_common())
    print()
    print(f"written   {target.relative_to(ROOT)}: {report['lines_out']} lines, from {report['lines_in']}")
    print(f"source    of its statements {statements}")
    print(f"rules     {rules}")
    print("ops      ", ", ".join(f"{name} x{n}" for name, n in sorted(result.ops.items())) or "none")
    print(f"proof     {len(result.passed)} configurations, largest relative error {result.worst_rmse:.1e}, "
          f"{seconds:.0f} s")  # fmt: skip
    print("verdict  ", verify.render(result) if result.first_difference else result.verdict)
    return verify.EXIT[result.verdict]


if __name__ == "__main__":
    sys.exit(main())
