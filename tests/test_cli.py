"""The command: where its text goes, what it says when it cannot, and that nothing is ever half done."""

import hashlib
import json
import os
import pty
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ADGEN = os.environ.get("ADGEN", str(ROOT / "build/release/adgen"))
MINI = ROOT / "tests/data/minipkg"
MODELS = MINI / "transformers/models"
ACORN = MODELS / "acorn/modeling_acorn.py"
CEDAR = MODELS / "cedar/modeling_cedar.py"
ENV = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM")}
PLAIN = "class X:\n    pass\n"


def adgen(*args, package=True, **kwargs):
    command = [ADGEN, *map(str, args), *(["--package", str(MINI)] if package else [])]
    kwargs.setdefault("env", ENV)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **kwargs)


def digest(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


@pytest.fixture
def translated():
    return adgen("acorn").stdout


# -- output ----------------------------------------------------------------------------------------------------------


def test_standard_output(translated):
    compile(translated, "acorn.py", "exec")
    assert translated.rstrip().endswith('register_custom_model_cls("AcornConfig", AcornForCausalLM)')
    assert adgen(ACORN).stdout == translated
    assert adgen(ACORN, package=False).stdout == translated


def test_output_file(tmp_path, translated):
    out = tmp_path / "out.py"
    for options in (["-o", out], [f"-o{out}"], ["--output", out], [f"--output={out}"]):
        out.unlink(missing_ok=True)
        run = adgen(*options, "acorn")
        assert (run.returncode, run.stdout) == (0, "")
        assert run.stderr == f"adgen: wrote {out}\n"
        assert out.read_text() == translated
    before = out.stat().st_mtime_ns
    assert adgen("acorn", "-o", out).stderr == f"adgen: {out} is up to date\n"
    assert out.stat().st_mtime_ns == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.py"]


def test_output_folder(tmp_path, translated):
    assert adgen("acorn", "--out-dir", tmp_path / "a/b").returncode == 0
    assert (tmp_path / "a/b/modeling_acorn.py").read_text() == translated
    assert adgen("birch-text", "--out-dir", tmp_path).returncode == 0
    assert (tmp_path / "modeling_birch_text.py").exists()
    shutil.copy(ACORN, tmp_path / "named.py")
    assert adgen(tmp_path / "named.py", "--out-dir", tmp_path / "c").returncode == 0
    assert (tmp_path / "c/named.py").exists()


def test_output_keeps_mode_and_follows_links(tmp_path, translated):
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    assert adgen("acorn", "-o", link).returncode == 0
    assert link.is_symlink()
    assert real.read_text() == translated
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_device_or_pipe_is_written_to(tmp_path, translated):
    run = adgen("acorn", "-o", "/dev/stdout")
    assert (run.returncode, run.stdout) == (0, translated)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True) as cat:
        assert adgen("acorn", "-o", pipe).returncode == 0
        assert cat.communicate(timeout=20)[0] == translated
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    full = adgen("acorn", "-o", "/dev/full")
    assert full.returncode == 1
    assert "No space left on device" in full.stderr
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_the_input_itself(tmp_path):
    file = tmp_path / "modeling.py"
    shutil.copy(ACORN, file)
    run = adgen(file, "-o", file)
    assert (run.returncode, run.stderr) == (0, f"adgen: replaced {file} by its translation\n")
    text = file.read_text()
    assert "past_key_values" not in text


def test_a_translation_is_left_alone(tmp_path):
    file, other = tmp_path / "modeling.py", tmp_path / "other.py"
    shutil.copy(ACORN, file)
    for _ in range(2):
        adgen(file, "-o", file)
    text = file.read_bytes()
    before = file.stat().st_mtime_ns
    run = adgen(file, "-o", file)
    assert (run.returncode, run.stderr) == (0, f"adgen: {file} is translated already: nothing to change\n")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (text, before)
    run = adgen(file)
    assert run.stdout.encode() == text
    assert "translated already" in run.stderr
    assert adgen(file, "-o", other).returncode == 0
    assert other.read_bytes() == text
    assert adgen(file, "--check").returncode == 0


def test_check(tmp_path, translated):
    out = tmp_path / "out.py"
    assert adgen("acorn", "--check", "-o", out).returncode == 1
    assert not out.exists()
    out.write_text(translated)
    assert adgen("acorn", "--check", "-o", out).returncode == 0
    out.write_text(translated + "# more\n")
    run = adgen("acorn", "--check", "-o", out)
    assert (run.returncode, run.stdout, run.stderr) == (1, "", f"adgen: {out} would change\n")
    assert out.read_text() == translated + "# more\n"
    assert adgen(ACORN, "--check").returncode == 1
    assert not (tmp_path / "new").exists()
    assert adgen("acorn", "--check", "--out-dir", tmp_path / "new").returncode == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
@pytest.mark.parametrize("model", ["acorn", "birch", "cedar"])
def test_diff_is_a_patch(tmp_path, model):
    source = MODELS / model / f"modeling_{model}.py"
    run = adgen(model, "--diff")
    assert run.returncode == 0
    assert run.stdout.startswith("--- ")
    copy = tmp_path / "copy.py"
    shutil.copy(source, copy)
    subprocess.run(["patch", str(copy)], input=run.stdout, text=True, check=True, capture_output=True)
    assert copy.read_text() == adgen(model).stdout


def test_diff_of_a_file_without_a_last_newline(tmp_path):
    file = tmp_path / "m.py"
    file.write_text(ACORN.read_text().rstrip("\n"))
    assert "\\ No newline at end of file\n" in adgen(file, "--diff").stdout


def test_standard_input(tmp_path, translated):
    text = ACORN.read_text()
    run = adgen("-", "--stdin-filename", ACORN, input=text)
    assert (run.returncode, run.stdout) == (0, translated)
    assert adgen("-", input=text).returncode == 0
    bad = adgen("-", "--stdin-filename", "dir/name.py", input="x = (\n")
    assert bad.returncode == 1
    assert bad.stderr.startswith("dir/name.py:1:")
    assert "empty" in adgen("-", input="").stderr


def test_relative_path_inside_the_package(translated):
    assert adgen("modeling_acorn.py", package=False, cwd=ACORN.parent).stdout == translated


# -- failures leave everything as it was -----------------------------------------------------------------------------

BAD_INPUTS = {
    "empty": (b"", "the file is empty"),
    "blank": (b" \n\n", "the file is empty"),
    "nul": (b"x = 1\0\n", "a NUL byte"),
    "latin1": ("x = 'é'\n".encode("latin-1"), "not UTF-8"),
    "truncated": (ACORN.read_bytes()[:1500], "error:"),
    "unclosed": (b"def f(:\n", "error:"),
    "prose": (b"This is not Python at all, is it?\n", "error:"),
    "json": (b'{"a": 1}\n', "no causal LM"),
    "no model": (PLAIN.encode(), "no causal LM"),
    "binary": (bytes(range(1, 256)), "error:"),
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input(tmp_path, name):
    content, message = BAD_INPUTS[name]
    bad, out = tmp_path / "bad.py", tmp_path / "out.py"
    bad.write_bytes(content)
    out.write_text("precious")
    for target in (out, bad):
        before = digest(tmp_path)
        run = adgen(bad, "-o", target)
        assert run.returncode == 1
        assert run.stdout == ""
        assert message in run.stderr
        assert "bad.py" in run.stderr
        assert digest(tmp_path) == before


def test_unreadable_input(tmp_path):
    for path, message in (
        (tmp_path / "none.py", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "loop.py", "symbolic links"),
    ):
        if path.name == "loop.py":
            path.symlink_to(path)
        run = adgen(path)
        assert (run.returncode, run.stdout) == (1, "")
        assert message in run.stderr
    if os.geteuid() != 0:
        secret = tmp_path / "secret.py"
        secret.write_text(PLAIN)
        secret.chmod(0)
        assert "Permission denied" in adgen(secret).stderr


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    for target, message in (
        (tmp_path / "no/such/out.py", "No such file"),
        (tmp_path, "directory"),
        (tmp_path / "file/out.py", "Not a directory"),
    ):
        run = adgen("acorn", "-o", target)
        assert run.returncode == 1
        assert message in run.stderr
    run = adgen("acorn", "--out-dir", tmp_path / "file")
    assert run.returncode == 1
    assert digest(tmp_path) == {"file": hashlib.sha256(b"x").hexdigest()}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(tmp_path):
    out = tmp_path / "out.py"
    out.write_text("precious")
    tmp_path.chmod(0o555)
    try:
        run = adgen("acorn", "-o", out)
    finally:
        tmp_path.chmod(0o755)
    assert run.returncode == 1
    assert "Permission denied" in run.stderr
    assert out.read_text() == "precious"


def test_full_disk(tmp_path):
    """A limit on the size of files stands for a full disk: the old file stays and no new one is left behind."""
    out = tmp_path / "out.py"
    out.write_text("precious")
    command = f"trap '' XFSZ; ulimit -f 1; exec {ADGEN} acorn --package {MINI} -o {out}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "cannot write" in run.stderr
    assert out.read_text() == "precious"
    assert [p.name for p in tmp_path.iterdir()] == ["out.py"]


@pytest.mark.parametrize("bad", ["-o", "--test", "--html", "--report"])
@pytest.mark.parametrize("why", ["/dev/full", "missing/file.py", "folder.py"])
def test_what_is_written_together_is_written_together(tmp_path, bad, why):
    """Where one of them cannot be written, all stay as they were, and nothing new is there."""
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "page.html").write_text("precious")
    targets = {"-o": "modeling_alder.py", "--test": "test_alder.py", "--html": "page.html", "--report": "report.json"}
    targets[bad] = why
    if targets["-o"] == "/dev/full":  # there would be no module for tests to import
        del targets["--test"]
    args = [part for option in targets.items() for part in option]
    run = adgen(ROOT / "golden/dense_gqa/modeling_alder.py", *args, package=False, cwd=tmp_path)
    assert run.returncode == 1
    assert "cannot write" in run.stderr
    assert "wrote" not in run.stderr
    assert {p.name for p in tmp_path.iterdir()} == {"folder.py", "page.html"}
    assert (tmp_path / "page.html").read_text() == "precious"


def test_files_are_not_written_where_standard_output_is_full(tmp_path):
    source = ROOT / "golden/dense_gqa/modeling_alder.py"
    for more in ("", "--diff -o m.py"):
        command = f"{ADGEN} {source} {more} --html page.html --report report.json > /dev/full"
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert run.returncode == 1
        assert "No space left" in run.stderr
        assert list(tmp_path.iterdir()) == []
    command = f"{ADGEN} {source} --html page.html --report /dev/null > out.py"
    subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.py", "page.html"]
    compile((tmp_path / "out.py").read_text(), "out.py", "exec")


def test_full_or_closed_standard_output():
    for redirection, message in ((">/dev/full", "No space left"), (">&-", "Bad file descriptor")):
        for args in ("acorn", "acorn --diff", "--help", "--version", "--list-rules", "--list-models"):
            command = f"{ADGEN} {args} --package {MINI} {redirection}"
            run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
            assert run.returncode == 1, command
            assert message in run.stderr, command


def test_broken_pipe():
    command = f"({ADGEN} acorn --package {MINI}; echo $? >&2) | true"
    for _ in range(20):
        run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        assert run.stderr.strip().splitlines()[-1] in ("0", "1")
        assert run.stderr.strip() == "0" or "Broken pipe" in run.stderr


def test_closed_standard_error(tmp_path):
    out = tmp_path / "out.py"
    command = f"{ADGEN} acorn --package {MINI} -o {out} 2>&-"
    subprocess.run(["bash", "-c", command], check=True)
    assert out.read_text() == adgen("acorn").stdout


# -- what is translated ----------------------------------------------------------------------------------------------


def test_model_types(tmp_path):
    run = adgen("acrn")
    assert run.returncode == 1
    assert "did you mean `acorn`?" in run.stderr
    assert "no causal LM for the model type `maple`" in adgen("maple").stderr
    python = tmp_path / "bin"
    python.mkdir()
    (python / "python3").write_text(f'#!/bin/sh\nPYTHONPATH={MINI} exec {shutil.which("python3")} "$@"\n')
    (python / "python3").chmod(0o755)
    run = adgen("acorn", package=False, env={**ENV, "PATH": f"{python}:/usr/bin:/bin"})
    assert (run.returncode, run.stdout) == (0, adgen("acorn").stdout)
    run = adgen("acorn", package=False, env={**ENV, "PATH": "/nonexistent"})
    assert run.returncode == 1
    assert "--package DIR" in run.stderr
    assert adgen("acorn", "--package", tmp_path, package=False).returncode == 1


def test_list_models():
    rows = [line.split("\t") for line in adgen("--list-models").stdout.splitlines()]
    assert ["birch-text", "BirchForCausalLM", "BirchTextConfig"] in [row[:3] for row in rows]
    assert all(Path(row[3]).is_file() for row in rows)


def test_entry(tmp_path):
    assert "class CedarForCausalLM(" in adgen(CEDAR).stdout  # the one that the package maps a type to
    alone = tmp_path / "modeling.py"
    shutil.copy(CEDAR, alone)
    run = adgen(alone, package=False)
    assert run.returncode == 1
    assert "CedarForCausalLM, CedarLMHeadModel" in run.stderr
    assert "--entry CLASS" in run.stderr
    assert adgen(alone, "--entry", "CedarLMHeadModel", package=False).returncode == 0
    run = adgen(alone, "--entry", "CedarForCausalLN", package=False)
    assert run.returncode == 1
    assert "did you mean `CedarForCausalLM`?" in run.stderr
    assert adgen(alone, "--entry", "CedarPreTrainedModel", package=False).returncode == 1
    run = adgen(MODELS / "maple/modeling_maple.py")
    assert run.returncode == 1
    assert "no causal LM in this file" in run.stderr


# -- the command line ------------------------------------------------------------------------------------------------

USAGE_ERRORS = [
    ([], "there is no INPUT"),
    (["--ouput", "x", "acorn"], "did you mean `--output`?"),
    (["--dif", "acorn"], "did you mean `--diff`?"),
    (["--strict-roundin", "acorn"], "did you mean `--strict-rounding`?"),
    (["--completely-different", "acorn"], "there is no option `--completely-different`"),
    (["-Z", "acorn"], "there is no option `-Z`"),
    (["acorn", "birch"], "one INPUT is expected"),
    (["acorn", "-o"], "`--output` needs a FILE"),
    (["acorn", "-o", ""], "`--output` needs a FILE"),
    (["acorn", "--diff=yes"], "`--diff` takes no value"),
    (["acorn", "--jobs", "0", "--all"], "a number from 1"),
    (["acorn", "-j", "many"], "a number from 1"),
    (["acorn", "-j", "2"], "`--jobs` goes with `--all`"),
    (["acorn", "-o", "x", "--out-dir", "y"], "exclude each other"),
    (["acorn", "-q", "-v"], "exclude each other"),
    (["acorn", "-o", "x.py", "--test", "x.py"], "`--output` and `--test` are the same file"),
    (["acorn", "--report", "x", "--html", "x"], "`--html` and `--report` are the same file"),
    (["acorn", "--config", "c.json"], "`--config` belongs to `adgen keys`"),
    (["keys", "acorn", "--config", "c.json", "--diff"], "`adgen keys` takes no `--diff`"),
    (["keys", "acorn"], "needs `--config FILE`"),
    (["acorn", "--color", "red"], "auto, always or never"),
    (["acorn", "--dump-after", "prun"], "did you mean `prune`?"),
    (["--all"], "needs `--out-dir DIR`"),
    (["--all", "acorn", "--out-dir", "x"], "takes no INPUT"),
    (["--explain", "no-such-rule-at-all"], "there is no rule"),
    ([""], "INPUT is empty"),
]


@pytest.mark.parametrize("args,message", USAGE_ERRORS)
def test_usage_errors(tmp_path, args, message):
    run = adgen(*args, package=False, cwd=tmp_path)
    assert run.returncode == 2
    assert message in run.stderr
    assert run.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_the_source_is_no_target_of_tests_and_pages(tmp_path):
    source = tmp_path / "modeling_alder.py"
    source.write_text((ROOT / "golden/dense_gqa/modeling_alder.py").read_text())
    before = source.read_text()
    (tmp_path / "other.py").symlink_to(source)
    for option in ("--html", "--report"):
        run = adgen(source, option, tmp_path / "other.py", package=False)
        assert run.returncode == 2
        assert f"`INPUT` and `{option}` are the same file" in run.stderr
    assert source.read_text() == before
    assert adgen(source, "--report", "/dev/null", "-o", "/dev/null", package=False).returncode == 0


def test_options_stand_anywhere(tmp_path, translated):
    out = tmp_path / "out.py"
    run = subprocess.run([ADGEN, "-q", f"--package={MINI}", "acorn", f"-o={out}"], capture_output=True, check=True)
    assert (run.stdout, run.stderr) == (b"", b"")
    assert out.read_text() == translated
    (tmp_path / "-x.py").write_text(ACORN.read_text())
    assert (
        adgen("--entry=AcornForCausalLM", "--package", MINI, "--", "-x.py", package=False, cwd=tmp_path).returncode == 0
    )


def test_help_and_version():
    for args in (["--help"], ["-h"], ["acorn", "--help"]):
        run = adgen(*args, package=False)
        assert (run.returncode, run.stderr) == (0, "")
        for word in ("usage:", "--output", "--strict-rounding", "Examples:", "Exit status:", "specialise"):
            assert word in run.stdout
        assert max(map(len, run.stdout.splitlines())) <= 120
    assert adgen("--version", package=False).stdout.startswith("adgen ")


def test_color(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("x = (\n")
    assert "\033[" not in adgen(bad).stderr
    assert "\033[" in adgen(bad, "--color=always").stderr

    def on_terminal(*args, env):
        parent, child = pty.openpty()
        subprocess.run([ADGEN, str(bad), *args], stderr=child, stdout=subprocess.DEVNULL, env=env, check=False)
        os.close(child)
        text = os.read(parent, 65536).decode()
        os.close(parent)
        return text

    assert "\033[" in on_terminal(env={**ENV, "TERM": "xterm"})
    assert "\033[" not in on_terminal(env={**ENV, "TERM": "xterm", "NO_COLOR": "1"})
    assert "\033[" not in on_terminal(env={**ENV, "TERM": "dumb"})
    assert "\033[" not in on_terminal("--color=never", env={**ENV, "TERM": "xterm"})


# -- accounts --------------------------------------------------------------------------------------------------------


def test_rules():
    listed = adgen("--list-rules", package=False)
    assert listed.returncode == 0
    name = listed.stdout.split()[0]
    assert name in adgen("--explain", name, package=False).stdout
    assert "did you mean `rmsnorm`?" in adgen("--explain", "rmsnrm", package=False).stderr


def test_facts_and_reasons_are_listed_and_explained():
    listed = adgen("--list-rules", package=False).stdout.splitlines()
    ids = [line.split()[0] for line in listed]
    assert len(ids) == len(set(ids)) and {"rmsnorm", "no-cache", "unused", "tables"} <= set(ids)
    explained = adgen("--explain", "no-cache", package=False).stdout
    assert "past_key_values" in explained and "value: None" in explained and "prefill.yaml:" in explained
    assert "did you mean `no-cache`?" in adgen("--explain", "no-cahce", package=False).stderr


def test_ids_of_facts_are_unique(tmp_path):
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    facts = rules / "prefill.yaml"
    facts.write_text(facts.read_text().replace("id: no-labels", "id: no-mask"))
    refused = adgen("--list-rules", "--rules", rules, package=False)
    assert refused.returncode == 1 and "the id `no-mask` is taken" in refused.stderr


def test_rules_of_a_folder(tmp_path):
    rules = tmp_path / "rules"
    shutil.copytree(ROOT / "rules", rules)
    assert adgen("acorn", "--rules", rules).stdout == adgen("acorn").stdout
    (rules / "norm.yaml").write_text("equations:\n  - id: x\n    nonsense: 1\n")
    before = digest(tmp_path)
    run = adgen("acorn", "--rules", rules, "-o", tmp_path / "out.py")
    assert run.returncode == 1
    assert "norm.yaml:" in run.stderr
    assert digest(tmp_path) == before
    assert adgen("acorn", "--rules", tmp_path / "none").returncode == 1


def test_dump_after():
    from_source = adgen("acorn", "--dump-after", "entry").stdout
    assert "past_key_values.update" in from_source
    for name in ("specialise", "prune", "names"):
        dump = adgen("acorn", "--dump-after", name)
        assert dump.returncode == 0
        compile(dump.stdout, name, "exec")
        assert "past_key_values.update" not in dump.stdout


def test_trace():
    run = adgen("acorn", "--trace")
    assert run.stdout == adgen("acorn").stdout
    assert f"{ACORN}:" in run.stderr
    assert "[rmsnorm" in run.stderr


def statements(report):
    for function in report["functions"] + [f for c in report["classes"] for f in c.get("functions", [])]:
        yield from function.get("statements", [])


def test_report(tmp_path):
    out = tmp_path / "report.json"
    assert adgen("acorn", "--report", out, "-q").returncode == 0
    report = json.loads(out.read_text())
    assert (report["status"], report["entry"]) == ("done", "AcornForCausalLM")
    assert report["configuration"]["class"] == "AcornConfig"
    fate = {s["text"]: s for s in statements(report)}
    assert fate["hidden_states = self.norm(hidden_states)"]["by"] == ["inlined"]
    assert fate["self.post_init()"]["status"] == "kept"
    assert fate["return self.weight * hidden_states.to(input_dtype)"]["status"] == "rewritten"
    assert fate["return self.weight * hidden_states.to(input_dtype)"]["by"][0].startswith("rmsnorm")
    assert fate["variance = hidden_states.pow(2).mean(-1, keepdim=True)"]["status"] == "rewritten"
    assert fate["self.layer_idx = layer_idx"]["status"] == "removed"
    assert fate["if labels is not None:"]["status"] == "removed"
    lines = ACORN.read_text().splitlines()
    for text, s in fate.items():
        assert lines[s["line"] - 1][s["column"] - 1 :] == text
        assert s["status"] == "kept" or s["why"]
    names = {c["name"]: c for c in report["classes"]}
    assert names["AcornLayer"]["status"] == "kept"
    again = tmp_path / "again.json"
    adgen("acorn", "--report", again, "-q")
    assert again.read_bytes() == out.read_bytes()


def test_report_of_a_refusal(tmp_path):
    bad, out = tmp_path / "bad.py", tmp_path / "report.json"
    bad.write_text("x = (\n")
    assert adgen(bad, "--report", out).returncode == 1
    report = json.loads(out.read_text())
    assert report["status"] == "refused"
    assert report["diagnostics"][0]["line"] == 1


# -- batches ---------------------------------------------------------------------------------------------------------


def test_all(tmp_path):
    seen = []
    for jobs in (1, 2, 7):
        out = tmp_path / str(jobs)
        run = adgen("--all", "--out-dir", out, "-j", jobs, "--report", tmp_path / f"{jobs}.json", "--trace")
        assert "6 model types:" in run.stderr
        seen.append((run.returncode, run.stderr, digest(out), (tmp_path / f"{jobs}.json").read_text()))
    assert seen[0] == seen[1] == seen[2]
    assert (tmp_path / "1/modeling_acorn.py").read_text() == adgen("acorn").stdout
    assert (tmp_path / "1/modeling_birch_text.py").read_text() == adgen("birch-text").stdout
    reports = json.loads((tmp_path / "1.json").read_text())
    assert [r["model_type"] for r in reports] == ["acorn", "birch", "birch-text", "cedar", "oak", "yew"]
    before = digest(tmp_path)
    assert "0 files would change" in adgen("--all", "--out-dir", tmp_path / "1", "--check").stderr
    (tmp_path / "1/modeling_acorn.py").write_text("other")
    run = adgen("--all", "--out-dir", tmp_path / "1", "--check")
    assert run.returncode == 1
    assert "1 files would change" in run.stderr
    adgen("--all", "--out-dir", tmp_path / "1")
    assert digest(tmp_path) == before


def test_all_of_a_broken_package(tmp_path):
    package = tmp_path / "transformers"
    shutil.copytree(MINI / "transformers", package)
    (package / "models/acorn/modeling_acorn.py").write_text("x = (\n")
    run = adgen("--all", "--out-dir", tmp_path / "out", "--package", tmp_path, package=False)
    assert run.returncode == 1
    assert "defines the class AcornForCausalLM" in run.stderr
    assert not (tmp_path / "out/modeling_acorn.py").exists()
    assert (tmp_path / "out/modeling_cedar.py").exists()


# -- parts and extras ------------------------------------------------------------------------------------------------

MARKED = ROOT / "golden/partial/modeling_alder.py"
MARK = "# adgen: not translated: "


def test_partial(tmp_path):
    out, report = tmp_path / "out.py", tmp_path / "report.json"
    assert adgen(MARKED, "-o", out, package=False).returncode == 1
    assert not out.exists()
    run = adgen(MARKED, "--partial", "-o", out, "--report", report, "--trace", package=False)
    assert run.returncode == 3
    text = out.read_text()
    compile(text, "out.py", "exec")
    lines = [i for i, line in enumerate(text.splitlines(), 1) if line.strip().startswith(MARK)]
    listed = ", ".join(map(str, lines[:-1])) + f" and {lines[-1]}"
    assert f"{len(lines)} places are not understood; the output has markers in lines {listed}\n" in run.stderr
    assert "\nAutoModelForCausalLMFactory" not in text
    assert f"{MARKED}:206:" in run.stderr
    assert run.stderr.count(": not understood [mask-escapes]: ") == len(lines)
    account = json.loads(report.read_text())
    assert (account["status"], account["gaps"]) == ("partial", len(lines))
    assert {d["severity"] for d in account["diagnostics"]} == {"not understood"}
    fates = [s for s in statements(account) if s["status"] == "not understood"]
    assert any(s["line"] == 206 for s in fates)
    quiet = adgen(MARKED, "--partial", "-q", package=False)
    assert (quiet.returncode, quiet.stdout) == (3, text)
    assert quiet.stderr.count(": not understood: ") == len(lines)


def test_partial_without_gaps(translated):
    run = adgen("acorn", "--partial")
    assert (run.returncode, run.stdout) == (0, translated)


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_partial_of_bad_input(tmp_path, name):
    bad, out = tmp_path / "bad.py", tmp_path / "out.py"
    bad.write_bytes(BAD_INPUTS[name][0])
    run = adgen(bad, "--partial", "-o", out)
    assert run.returncode == 1
    assert " error:" in run.stderr
    assert not out.exists()


def test_partial_batch(tmp_path):
    run = adgen("--all", "--partial", "--out-dir", tmp_path, "--report", tmp_path / "all.json")
    assert (run.returncode, "with gaps; 0 refused" in run.stderr) == (3, True)
    for account in json.loads((tmp_path / "all.json").read_text()):
        name = account["model_type"].replace("-", "_")
        text = (tmp_path / f"modeling_{name}.py").read_text()
        assert (MARK in text) == (account["status"] == "partial") == (account["gaps"] > 0)


def test_bundled_configuration(tmp_path):
    out = tmp_path / "out.py"
    assert adgen("acorn", "--bundle-config", "-o", out).returncode == 0
    text = out.read_text()
    compile(text, "out.py", "exec")
    assert "class AcornConfig(PretrainedConfig):" in text
    assert 'AutoConfig.register("acorn", AcornConfig, exist_ok=True)' in text
    assert "config: AcornConfig" in text
    assert "configuration_acorn" not in text
    assert text.rstrip().endswith('register_custom_model_cls("AcornConfig", AcornForCausalLM)')
    again = adgen(out, package=False)
    assert again.stdout == text
    assert "translated already" in again.stderr


def test_a_file_with_its_configuration(tmp_path):
    """One file of the hub with both: the class stays without being asked for."""
    folder, file, out = ROOT / "golden/bundled_config_of_a_hub_file", tmp_path / "both.py", tmp_path / "out.py"
    config = (folder / "configuration_catalpa.py").read_text()
    model = (
        (folder / "modeling_catalpa.py").read_text().replace("from .configuration_catalpa import CatalpaConfig\n", "")
    )
    start = model.index("\n\n", model.index("logger = ")) + 2
    file.write_text(model[:start] + config[config.index("class CatalpaConfig") :] + "\n\n" + model[start:])
    file.write_text(
        file.read_text().replace("import math\n", "import math\nfrom transformers import PretrainedConfig\n", 1)
    )
    assert adgen(file, "-o", out, package=False).returncode == 0
    expected = (folder / "expected.py").read_text()
    assert out.read_text().split('"""')[2] == expected.split('"""')[2]


def test_a_configuration_that_is_not_understood(tmp_path):
    out = tmp_path / "out.py"
    source = ROOT / "golden/error_bundle_config/modeling_alder.py"
    run = adgen(source, "--bundle-config", "-o", out, package=False)
    assert run.returncode == 1
    assert "configuration_alder.py:" in run.stderr
    assert "setattr(self, name, value)" in run.stderr
    assert not out.exists()
    run = adgen(source, "--bundle-config", "--partial", "-o", out, package=False)
    assert run.returncode == 3
    assert MARK in out.read_text()


@pytest.mark.parametrize("typed,meant", [("--partal", "--partial"), ("--bundle-conf", "--bundle-config")])
def test_new_options_are_suggested(typed, meant):
    assert f"did you mean `{meant}`?" in adgen("acorn", typed).stderr
