"""The review page: all of both files and of the account is on it, it needs nothing else, and its keys work."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import CHROMIUM, Page
from golden_cases import GOLDEN, Case, good_cases, run, written_cases

VOID = {"meta", "col", "br", "hr", "img", "input", "link"}
PACKAGE_TYPES = ["qwen3", "mixtral", "deepseek_v3", "gemma3_text", "falcon", "gpt2", "opt", "bloom"]
CASES = {case.name: case for case in written_cases()}
GOOD = {case.name for case in good_cases()}


class Element:
    def __init__(self, tag, attributes, parent):
        self.tag, self.attributes, self.parent, self.kids = tag, dict(attributes), parent, []

    def all(self, test):
        found = [self] if test(self) else []
        for kid in self.kids:
            if isinstance(kid, Element):
                found += kid.all(test)
        return found

    def named(self, tag):
        return self.all(lambda e: e.tag == tag)

    @property
    def classes(self):
        return self.attributes.get("class", "").split()

    @property
    def text(self):
        return "".join(kid if isinstance(kid, str) else kid.text for kid in self.kids)


class Tree(HTMLParser):
    """A tree of a page; every element must be closed where it was opened."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", [], None)
        self.feed(text)
        self.close()
        assert self.at is self.root, self.at.tag

    def handle_starttag(self, tag, attributes):
        element = Element(tag, attributes, self.at)
        assert len(attributes) == len(element.attributes), (tag, attributes)
        self.at.kids.append(element)
        if tag not in VOID:
            self.at = element

    def handle_endtag(self, tag):
        assert tag == self.at.tag, (tag, self.at.tag)
        self.at = self.at.parent

    def handle_data(self, data):
        self.at.kids.append(data)


def page_of(*args, cwd, folder: Path):
    """The page as text, the output, and what --trace says."""
    done = run(*args, "-o", str(folder / "out.py"), "--html", str(folder / "page.html"), "--trace", cwd=cwd)
    assert done.status in (0, 3), done.err.decode()
    return (folder / "page.html").read_text(), (folder / "out.py").read_text(), done.err.decode()


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The page of a golden or of a type of the package: text, tree, source, output, trace."""

    @cache
    def make(name):
        folder = tmp_path_factory.mktemp(name)
        if name in CASES:
            case = CASES[name]
            source = case.input
            text, output, trace = page_of(source.name, *case.args, cwd=case.folder, folder=folder)
        else:
            transformers = pytest.importorskip("transformers", minversion="5.23")
            package = Path(transformers.__file__).parent
            text, output, trace = page_of(name, "--package", str(package), cwd=folder, folder=folder)
            source = Path(re.search(r"<dt>Source</dt><dd>([^<]*)</dd>", text)[1])
        return text, Tree(text).root, source.read_text(), output, trace

    return make


EVERY = [*sorted(CASES), *PACKAGE_TYPES]


def lines_of(root, letter):
    """What stands beside each line number of one side, in the order of the page."""
    lines = []
    for number in root.all(lambda e: e.tag == "td" and re.fullmatch(letter + r"\d+", e.attributes.get("id", ""))):
        kids = [k for k in number.parent.kids if isinstance(k, Element)]
        assert number.text == number.attributes["id"][1:]
        lines.append((int(number.text), kids[kids.index(number) + 1].text))
    return lines


@pytest.mark.parametrize("name", EVERY)
def test_every_line_of_both_files_is_there_once(name, pages):
    _, root, source, output, _ = pages(name)
    assert lines_of(root, "s") == list(enumerate(source.removesuffix("\n").split("\n"), 1))
    assert sorted(lines_of(root, "o")) == list(enumerate(output.removesuffix("\n").split("\n"), 1))


@pytest.mark.parametrize("name", EVERY)
def test_the_page_is_one_file_that_hangs_together(name, pages):
    text, root, *_ = pages(name)
    assert text.startswith("<!DOCTYPE html>")
    ids = [e.attributes["id"] for e in root.all(lambda e: "id" in e.attributes)]
    assert len(ids) == len(set(ids))
    for element in root.all(lambda e: True):
        assert element.tag not in ("img", "link", "iframe", "object")
        assert not {"src", "srcset", "action", "onclick", "style"} & element.attributes.keys(), element.attributes
        if "href" in element.attributes:
            target = element.attributes["href"]
            assert target == "#" and "data-go" in element.attributes or target.startswith("#") and target[1:] in ids
        if element.tag == "style":
            assert not re.search(r"url\(|@import|@font-face", element.text)
        if element.tag == "script":
            assert not re.search(r"https?:|fetch|XMLHttp|import\(|eval|innerHTML", element.text)
    for table in root.named("table"):
        assert table.named("thead") and all("scope" in th.attributes for th in table.named("th"))


@pytest.mark.parametrize("name", EVERY)
def test_every_record_of_the_account_is_there(name, pages):
    page, root, _, _, trace = pages(name)
    own = Path(re.search(r"<dt>Source</dt><dd>([^<]*)</dd>", page)[1]).name
    shown = {" ".join(li.text.split()) for li in root.named("li")}
    records = 0
    for line in trace.splitlines():
        found = re.match(r"(?:(.*?):(\d+:\d+): )?((?:fact|removed|rewritten|near miss) \[[\w-]+\].*)", line)
        if found is None:
            continue
        file = Path(found[1] or "").name
        place = f"{found[2]} " if found[2] else ""
        if file not in ("", own):  # another file of the program
            place = f"{file}:{place}"
        text = re.sub(r"`([^`]+)`", r"\1", found[3])
        records += 1
        assert " ".join((place + text).split()) in shown, line
    assert records > 0


def hunks_of(root):
    return root.all(lambda e: e.tag == "tbody" and "hunk" in e.classes)


@pytest.mark.parametrize("name", EVERY)
def test_every_hunk_has_a_reason_that_is_explained(name, pages):
    _, root, *_ = pages(name)
    explained = {e.attributes["id"] for e in root.named("tr") if "id" in e.attributes}
    for hunk in hunks_of(root):
        ids = hunk.attributes["data-ids"].split()
        assert ids or {"gap", "same"} & set(hunk.classes), hunk.text
        assert {f"why-{i}" for i in ids} <= explained
        assert [b.text for b in hunk.named("button") if "id" in b.classes] == ids
    changed = root.all(lambda e: e.tag == "td" and {"in", "out"} & set(e.classes))
    for cell in changed:
        tbody = cell.parent.parent
        assert "hunk" in tbody.classes or tbody.classes == ["same"]


@pytest.mark.parametrize("name", [n for n in EVERY if n in GOOD or n in PACKAGE_TYPES])
def test_nothing_is_unmapped(name, pages):
    text, root, *_ = pages(name)
    assert [h.text for h in hunks_of(root) if {"unmapped", "gap"} & set(h.classes)] == []
    assert "Every line of both files is accounted for." in text and 'class="alarm"' not in text


def test_nothing_is_unmapped_in_any_model_of_the_package(tmp_path):
    transformers = pytest.importorskip("transformers", minversion="5.23")
    package = ("--package", str(Path(transformers.__file__).parent))
    types = [line.split("\t")[0] for line in run("--list-models", *package, cwd=tmp_path).out.decode().splitlines()]
    pages, unmapped = 0, []
    for name in types:
        done = run(name, *package, "-o", "out.py", "--html", "page.html", cwd=tmp_path)
        assert done.status in (0, 1, 3), done.err.decode()
        pages += done.status != 1
        unmapped += [name] * (b"nothing accounts for" in done.err)
    assert pages > 100 and unmapped == []


def test_gaps_stand_out(pages):
    _, root, *_ = pages("partial")
    gaps = [h for h in hunks_of(root) if "gap" in h.classes]
    assert any("adgen: not translated" in gap.text for gap in gaps)
    assert all("[mask-escapes]" in gap.text for gap in gaps)
    assert sum("[mask-escapes]" in gap.named("th")[0].text for gap in gaps) > 2
    assert "partial" in root.named("dl")[0].text


def test_unchanged_lines_are_the_same_on_both_sides(pages):
    _, root, *_ = pages("qk_norm")
    for body in root.all(lambda e: e.tag == "tbody" and e.classes == ["same"]):
        sides = ["\n".join(tr.kids[side].text for tr in body.named("tr")) for side in (1, 3)]
        assert len({re.sub(r"#.*|[\s(),]", "", side) for side in sides}) == 1  # line breaks may differ


def test_an_operator_stands_beside_the_call_that_it_replaces(pages):
    _, root, *_ = pages("qk_norm")
    rows = {tr.kids[3].text.strip(): tr.kids[1].text.strip() for tr in root.named("tr") if len(tr.kids) == 4}
    assert (
        rows["attn_output = torch.ops.auto_deploy.torch_attention("]
        == "attn_output, attn_weights = attention_interface("
    )
    rope = "query_states, key_states = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin("
    assert rows[rope] == "query_states, key_states = apply_rotary_pos_emb(query_states, key_states, cos, sin)"
    hunk = next(h for h in hunks_of(root) if "torch_attention(" in h.text)
    assert "attention" in hunk.attributes["data-ids"].split()


def test_removed_parts_are_struck_out(pages):
    _, root, *_ = pages("qk_norm")
    struck = {e.text: e.attributes["title"] for e in root.named("del")}
    assert struck["attn_weights"] == "unread-result" and struck["past_key_values: Cache | None = None"] == "no-cache"


def test_the_summary_says_how_it_ended(pages):
    summary = {name: pages(name)[1].named("dl")[0].text for name in ("qk_norm", "bias_by_distance", "declined_flag")}
    assert "AspenForCausalLM" in summary["qk_norm"] and "done" in summary["qk_norm"]
    assert "rmsnorm" in summary["qk_norm"] and "in another order than the source: attention" in summary["qk_norm"]
    assert "prefill-only" in summary["bias_by_distance"]
    assert "Declined" in summary["declined_flag"]


NASTY = """
# </script><script>alert(1)</script> <!-- & &amp; "quoted" 'single' \u00e9\u4e16\u754c\U0001f600 \u202e reversed
NASTY = "</td></table><img src=x onerror=alert(1)>" + '&lt;'
"""


def page_with_more(more: str, folder: Path):
    """The page of a golden with more in its source."""
    case = CASES["qk_norm"]
    for file in case.folder.glob("*_aspen.py"):
        (folder / file.name).write_text(file.read_text())
    source = folder / case.input.name
    source.write_text(case.input.read_text() + more)
    return source.read_text(), page_of(source.name, cwd=folder, folder=folder)[0]


def test_what_the_source_says_is_text(tmp_path):
    source, text = page_with_more(NASTY, tmp_path)
    root = Tree(text).root
    expected = source.replace("\u202e", "[U+202E]")
    assert [line for _, line in lines_of(root, "s")] == expected.removesuffix("\n").split("\n")
    assert len(root.named("script")) == 1 and not root.named("img") and "\u202e" not in text


def test_same_input_same_bytes(pages, tmp_path):
    case = Case(GOLDEN / "qk_norm")
    text, output, _ = page_of(case.input.name, cwd=case.folder, folder=tmp_path)
    again = run(case.input.name, "--html", str(tmp_path / "second.html"), cwd=case.folder)
    assert (tmp_path / "second.html").read_text() == text == pages("qk_norm")[0]
    assert again.out.decode() == output == (case.folder / "expected.py").read_text()
    assert not list(tmp_path.glob("*.tmp*"))


def test_no_page_of_what_is_not_translated(tmp_path):
    page = tmp_path / "page.html"
    refused, done = Case(GOLDEN / "error_global"), Case(GOLDEN / "qk_norm")
    assert refused.run("--html", str(page)).status == 1
    lean = tmp_path / "modeling_lean.py"
    lean.write_bytes((done.folder / "expected.py").read_bytes())
    already = run(lean.name, "-o", "out.py", "--html", str(page), cwd=tmp_path)
    assert already.status == 1 and b"nothing to review: the input is translated already" in already.err
    assert not page.exists() and not (tmp_path / "out.py").exists()
    for other in (["--check"], ["--dump-after", "prune"], ["--all", "--out-dir", "d"]):
        assert run(done.input.name, *other, "--html", str(page), cwd=done.folder).status == 2
    assert run(done.input.name, "--html", str(tmp_path / "no" / "page.html"), cwd=done.folder).status == 1


# -- in a browser ------------------------------------------------------------------------------------------------------

in_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to open the page in")


@pytest.fixture(scope="module")
def browser():
    with Page() as page:
        yield page


@pytest.fixture
def qk_norm(browser, pages, tmp_path):
    """The page, open; two of its hunks are said to be unmapped."""
    text = pages("qk_norm")[0]
    hunks = re.findall(r'<tbody class="hunk removed" id="(hunk-\d+)"', text)
    alarms = [hunks[3], hunks[7]]
    for name in alarms:
        text = text.replace(f'<tbody class="hunk removed" id="{name}"', f'<tbody class="hunk unmapped" id="{name}"')
    file = tmp_path / "page.html"
    file.write_text(text)
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(file)
    yield browser, file, alarms
    assert browser.complaints == []
    assert set(browser.requests) <= {file.as_uri()}


CURRENT = "document.querySelector('.current').id"


@in_browser
def test_keys_go_from_hunk_to_hunk(qk_norm):
    page, _, alarms = qk_norm
    page.press("j")
    assert page.ask(CURRENT) == "hunk-1"
    page.press("j")
    page.press("j")
    assert page.ask(CURRENT) == "hunk-3" and page.ask("location.hash") == "#hunk-3"
    assert page.ask("document.activeElement.id") == "hunk-3"
    page.press("k")
    assert page.ask(CURRENT) == "hunk-2"
    assert page.ask("document.getElementById('where').textContent").startswith("2 of ")
    for expected in (*alarms, alarms[0]):
        page.press("u")
        assert page.ask(CURRENT) == expected
    page.press("U")
    assert page.ask(CURRENT) == alarms[1]
    bar = "document.querySelector('header').getBoundingClientRect().bottom"
    assert page.ask(f"document.querySelector('.current').getBoundingClientRect().top >= {bar}")


@in_browser
def test_a_link_leads_to_its_hunk_and_unfolds_it(browser, tmp_path):
    long = "class Idle:\n" + "".join(f"    x{i} = {i}\n" for i in range(20))
    page_with_more("\n\n" + long, tmp_path)
    browser.open(tmp_path / "page.html", "#hunk-5")
    assert browser.ask(CURRENT) == "hunk-5"
    line = browser.ask("document.querySelector('.folds.closed td.n[id]').id")
    height = f"document.getElementById('{line}').getBoundingClientRect().height"
    browser.ask(f"location.hash = '#{line}'")
    browser.ask("new Promise((done) => setTimeout(done, 50))")
    assert browser.ask(height) > 0
    browser.press("x")
    assert browser.ask(height) == 0


@in_browser
def test_only_what_one_reason_caused_is_shown(qk_norm):
    page, *_ = qk_norm
    visible = "[...document.querySelectorAll('#rows tbody')].filter((b) => b.offsetHeight).map((b) => b.dataset.ids)"
    everything = page.ask(visible)
    page.ask("document.querySelector('.hunk button[data-id=no-cache]').click()")
    shown = page.ask(visible)
    assert 0 < len(shown) < len(everything) and all("no-cache" in ids.split() for ids in shown)
    assert page.ask("document.getElementById('filter').value") == "no-cache"
    page.press("j")
    assert "no-cache" in page.ask("document.querySelector('.current').dataset.ids").split()
    page.press("Escape")
    assert page.ask(visible) == everything
    page.press("f")
    assert page.ask("document.activeElement.id") == "filter"


@in_browser
def test_help_opens_and_closes(qk_norm):
    page, *_ = qk_norm
    for wanted in (True, False):
        page.press("?")
        assert page.ask("document.getElementById('help').open") is wanted


BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@in_browser
def test_light_and_dark_follow_the_system_and_the_switch(qk_norm):
    page, *_ = qk_norm
    light = page.ask(BACKGROUND)
    page.media(dark=True)
    dark = page.ask(BACKGROUND)
    assert light != dark
    page.press("t")  # dark
    page.press("t")  # light
    assert page.ask(BACKGROUND) == light
    page.press("t")  # as the system
    assert page.ask(BACKGROUND) == dark
    page.media(dark=False)


CONTRAST = """
(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = channels(color).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (channels(color).length < 4 || channels(color)[3] > 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const low = new Set();
  for (const e of document.querySelectorAll("body *")) {
    if (!e.offsetHeight || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
    const pair = [light(getComputedStyle(e).color), light(behind(e))].sort((a, b) => b - a);
    const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
    if (ratio < 4.5) low.add(`${e.tagName}.${e.className} in ${e.closest("tbody")?.className}: ${ratio.toFixed(2)}`);
  }
  return [...low];
})()
"""


@in_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_all_text_can_be_read(qk_norm, dark):
    page, *_ = qk_norm
    page.media(dark)
    assert page.ask(CONTRAST) == []
    page.media(dark=False)


@in_browser
@pytest.mark.parametrize("width", [360, 800, 1400, 2200])
def test_no_width_scrolls_sideways(qk_norm, width):
    page, *_ = qk_norm
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    assert page.ask("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.call("Emulation.setDeviceMetricsOverride", width=1400, height=1000, deviceScaleFactor=1, mobile=False)
