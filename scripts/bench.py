"""What adgen costs, as ratios of one run: beside tree-sitter's own parse, and beside other tools on the same files.

Times are the least of several rounds, so the ratios hold on a busy machine too.  Nothing here is a test.
"""

import ast
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "build" / "release"
ADGEN = RELEASE / "adgen"
ROUNDS = 3


def install() -> None:
    requirements = ROOT / "requirements-bench.txt"
    stamp = Path(sys.prefix) / ".requirements-bench"
    if stamp.exists() and stamp.read_text() == requirements.read_text():
        return
    print(f"installing what adgen is compared with ({requirements.name})", flush=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--requirement", str(requirements)], check=True)
    stamp.write_text(requirements.read_text())


def package() -> Path:
    import transformers

    return Path(transformers.__file__).parent


def least(function, *arguments) -> float:
    """Seconds of the fastest of several calls."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        function(*arguments)
        best = min(best, time.perf_counter() - start)
    return best


def translations() -> list[dict]:
    """One entry for each type that can be translated."""
    subprocess.run(["cmake", "--build", str(RELEASE), "--target", "adgen_bench"], check=True, capture_output=True)
    done = subprocess.run([RELEASE / "tests" / "adgen_bench", package()], check=True, capture_output=True, text=True)
    found = []
    for line in done.stdout.splitlines():
        model_type, size, parse, translate, kb, *files = line.split("\t")
        times = {"parse": float(parse), "translate": float(translate)}
        found.append(
            {"type": model_type, "bytes": int(size), "kb": int(kb), "files": files, "modeling": files[0], **times}
        )
    return found


def run(*arguments) -> None:
    subprocess.run([ADGEN, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def peak_of(*arguments) -> int:
    """Peak resident memory of one run, in KiB."""
    command = [RELEASE / "tests" / "adgen_bench", "--peak", ADGEN, *map(str, arguments)]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout)


def batch(jobs: int, folder: Path) -> float:
    return least(run, "--all", "--quiet", "--package", package(), "--out-dir", folder, "-j", jobs)


def others(paths: list[str]) -> dict[str, float]:
    """Seconds that other tools take to parse all the files."""
    import libcst
    from ast_grep_py import SgRoot

    texts = [Path(path).read_text(encoding="utf-8") for path in paths]
    tools = {
        "ast.parse": ast.parse,
        "ast-grep": lambda text: SgRoot(text, "python").root(),
        "LibCST": libcst.parse_module,
    }
    return {name: least(lambda tool=tool: [tool(text) for text in texts]) for name, tool in tools.items()}


def row(what: str, value: str, note: str = "") -> None:
    print(f"  {what:58s} {value:>12s}  {note}".rstrip())


def main() -> int:
    install()
    entries = translations()
    parse = sum(entry["parse"] for entry in entries)
    translate = sum(entry["translate"] for entry in entries)
    ratios = sorted((entry["translate"] / entry["parse"], entry["type"]) for entry in entries)
    files = sorted({path for entry in entries for path in entry["files"]})
    megabytes = sum(os.path.getsize(path) for path in files) / 1e6
    near = min(entries, key=lambda entry: abs(os.path.getsize(entry["modeling"]) - 40_000))
    alone = least(run, near["modeling"], "--package", package())
    start = least(run, "--version")
    folder = ROOT / "build" / "bench"
    one, two = batch(1, folder), batch(2, folder)
    largest = max(entries, key=lambda entry: entry["kb"])
    peak = peak_of(largest["modeling"], "--package", package())

    print(f"\n{len(entries)} types that are translated; {len(files)} files, {megabytes:.1f} MB")
    row("tree-sitter, modeling and configuration files", f"{parse / 1e3:.0f} ms", "= 1")
    row("adgen, from reading to text", f"{translate / parse:.2f}", "to be at most 1.5")
    row("  the median type", f"{ratios[len(ratios) // 2][0]:.2f}", ratios[len(ratios) // 2][1])
    row("  the worst type", f"{ratios[-1][0]:.2f}", ratios[-1][1])
    print("\nthe same files, parsed only")
    reference = sum(entry["translate"] for entry in {entry["modeling"]: entry for entry in entries}.values()) / 1e6
    for name, seconds in others(files).items():
        row(name, f"{seconds / (parse / 1e6):.2f}", f"adgen translates them in {reference / seconds:.2f} of its time")
    print("\none process")
    kilobytes = os.path.getsize(near["modeling"]) / 1e3
    note = f"{start * 1e3:.1f} ms of it to start; to be below 20 ms"
    row(f"{kilobytes:.0f} KB file by its path, process start included", f"{alone * 1e3:.1f} ms", note)
    row("peak resident memory of the largest translation", f"{peak / 1024:.1f} MiB",
        f"{largest['type']}; to be at most 20 MiB")  # fmt: skip
    row("--all -j 1", f"{one * 1e3:.0f} ms")
    row("--all -j 2", f"{two * 1e3:.0f} ms", f"{one / two:.2f} times as fast, on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
