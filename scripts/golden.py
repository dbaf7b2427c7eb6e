"""Compare the goldens with what adgen makes of them; --update writes what changed, after showing it."""

import argparse
import difflib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from golden_cases import Case, cases  # noqa: E402


def files(case: Case) -> dict[str, str | None]:
    """Text of each file that the case should have; None where there should be none."""
    got = case.run()
    usual = 0 if got.out else 1
    return {
        "expected.py": got.out.decode() or None,
        "expected.err": got.err.decode() or None,
        "report.json": case.report(),
        "tests.py": case.tests(),
        "status": None if got.status == usual else f"{got.status}\n",
    }


def changes(case: Case) -> dict[Path, tuple[str | None, str | None]]:
    found = {}
    for name, after in files(case).items():
        path = case.folder / name
        before = path.read_text(encoding="utf-8") if path.exists() else None
        if before != after:
            found[path] = before, after
    return found


def show(path: Path, before: str | None, after: str | None) -> None:
    label = f"{path.parent.name}/{path.name}"
    lines = [(text or "").splitlines(keepends=True) for text in (before, after)]
    names = [f"a/{label}" if before else "/dev/null", f"b/{label}" if after else "/dev/null"]
    sys.stdout.writelines(difflib.unified_diff(*lines, *names))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", nargs="*", help="names of cases (default: all)")
    parser.add_argument("--update", action="store_true", help="write what changed, after asking")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args()
    found = {}
    for case in cases():
        if not options.case or case.name in options.case:
            found.update(changes(case))
    for path, (before, after) in found.items():
        show(path, before, after)
    if not found:
        print("every golden is as expected")
        return 0
    print(f"{len(found)} files differ")
    if not options.update:
        return 1
    if not options.yes and input("Write them? [y/N] ").strip().lower() != "y":
        return 1
    for path, (_, after) in found.items():
        if after is None:
            path.unlink()
        else:
            path.write_text(after, encoding="utf-8")
    print("written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
