"""Put every mistake that tests/mutations.py knows into the emitted models, one at a time: do their tests see it?

For each model type the model and its tests are emitted; tests that fail without a mistake, and mistakes that they do
not see, are printed with their lines.  Exit status 1 where there are any.  All types of the package take about an hour.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "reference"), str(ROOT / "tests")]


def package() -> Path:
    import transformers

    return Path(transformers.__file__).parent


def emit(adgen: str, name: str, folder: Path) -> tuple[Path, Path] | str:
    """The model and its tests; or why there are none."""
    module = name.replace("-", "_")
    model, tests = folder / f"modeling_{module}.py", folder / f"test_{module}_modeling.py"
    command = [adgen, name, "--package", str(package()), "-q", "-o", str(model), "--test", str(tests)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        return next((line for line in done.stderr.splitlines() if "error" in line), "refused")
    return model, tests


def mutate(name: str, adgen: str) -> dict:
    """What the tests of one model type see."""
    import mutations
    import torch
    from adgen_reference import hf, standins

    standins.install()
    hf.quiet()
    torch.set_num_threads(1)
    found = {"type": name, "caught": 0, "same": 0, "survived": [], "error": None}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        emitted = emit(adgen, name, folder)
        if isinstance(emitted, str):
            return {**found, "refused": emitted}
        custom = mutations.CUSTOM
        sys.modules[custom].__path__.append(scratch)
        tests = mutations.load(emitted[1])
        model = sys.modules[f"{custom}.{emitted[0].stem}"]
        if mutations.fails(tests):
            return {**found, "error": "the tests fail without a mistake"}
        text = emitted[0].read_text(encoding="utf-8")
        for mutant in mutations.mutants(text):
            line = text.splitlines()[mutant.line - 1].strip()
            if mutations.is_equivalent(text, mutant):
                continue
            verdict = mutations.verdict(tests, model, mutant, folder)
            if verdict == "survived":
                found["survived"].append(f"{mutant.line}: {mutant.kind}: {line}")
            else:
                found[verdict] += 1
    return found


def run(name: str, options: argparse.Namespace) -> dict:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--one", name, "--adgen", options.adgen]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=options.timeout
        )
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"type": name, "error": f"not done after {options.timeout:.0f} s"}
    except (IndexError, json.JSONDecodeError):
        return {"type": name, "error": (done.stderr.strip().splitlines() or ["no result"])[-1]}


def say(found: dict) -> bool:
    """Print what was found for a type; whether all is well."""
    if found.get("refused"):
        print(f"{found['type']:24s} not translated, or without tests", flush=True)
        return True
    if found["error"]:
        print(f"{found['type']:24s} {found['error']}", flush=True)
        return False
    print(f"{found['type']:24s} {found['caught']:4d} seen, {found['same']:3d} without effect", flush=True)
    for line in found["survived"]:
        print(f"    NOT SEEN {line}", flush=True)
    return not found["survived"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--types", nargs="+", help="model types (default: all)")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="processes")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds a type")
    parser.add_argument("--adgen", default=str(ROOT / "build/release/adgen"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(mutate(options.one, options.adgen)))
        return 0
    from adgen_reference import corpus

    types = options.types or [entry.model_type for entry in corpus.entries()]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        return 0 if all(list(map(say, pool.map(lambda name: run(name, options), types)))) else 1


if __name__ == "__main__":
    sys.exit(main())
