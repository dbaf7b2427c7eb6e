"""Token ids that a model searches for where it is given embeddings alone."""

from golden_cases import GOLDEN, run

SOURCE = GOLDEN / "tokens_of_embeddings"
TEST = "        if input_ids is None:\n            same"


def translated(folder, before, after):
    text = (SOURCE / "modeling_ostrya.py").read_text(encoding="utf-8")
    assert text.count(before) == 1
    (folder / "modeling_ostrya.py").write_text(text.replace(before, after), encoding="utf-8")
    (folder / "configuration_ostrya.py").write_bytes((SOURCE / "configuration_ostrya.py").read_bytes())
    return run("modeling_ostrya.py", cwd=folder)


def test_a_search_that_may_run_beside_token_ids_is_refused(tmp_path):
    for test in ("self.use_second_table", "input_ids is None or self.use_second_table"):
        done = translated(tmp_path, TEST, TEST.replace("input_ids is None", test))
        assert done.status == 1, test
        assert not done.out


def test_a_branch_for_embeddings_that_can_be_exported_stays(tmp_path):
    search = (SOURCE / "modeling_ostrya.py").read_text(encoding="utf-8")
    begin, end = search.index("            same = "), search.index("        return self.embed_tokens_again")
    done = translated(tmp_path, search[begin:end], "            return torch.zeros_like(inputs_embeds)\n")
    assert done.status == 0, done.err.decode()
    assert b"torch.zeros_like(inputs_embeds)" in done.out
    assert b"wants them given" not in done.out
