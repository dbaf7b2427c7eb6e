"""Emitted models have the published checkpoint's parameter paths: small packages, end to end."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from adgen_reference import emitted

ADGEN = Path(os.environ.get("ADGEN", Path(__file__).parents[1] / "build/release/adgen"))
COUNTER = itertools.count()

CONFIGURATION = """
from transformers import PretrainedConfig


class ToyConfig(PretrainedConfig):
    model_type = "toy"

    def __init__(self, vocab_size=11, hidden_size=4, layers=2, bias=False, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.layers = layers
        self.bias = bias
        super().__init__(**kwargs)
"""

MODELING = """
import torch
from torch import nn

from transformers.generation import GenerationMixin
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.modeling_utils import PreTrainedModel
from .configuration_toy import ToyConfig


class ToyMixer(nn.Module):
    def __init__(self, config: ToyConfig):
        super().__init__()
        self.left = nn.Linear(config.hidden_size, config.hidden_size, bias=config.bias)
        self.right = nn.Linear(config.hidden_size, config.hidden_size, bias=config.bias)
        self.out = nn.Linear(config.hidden_size, config.hidden_size, bias=config.bias)
        self.register_buffer("shift", torch.ones(config.hidden_size))

    def forward(self, x):
        return self.out(torch.tanh(self.left(x)) * self.right(x) + self.shift)


class ToyLayer(nn.Module):
    def __init__(self, config: ToyConfig):
        super().__init__()
        self.first = nn.LayerNorm(config.hidden_size)
        self.second = nn.LayerNorm(config.hidden_size)
        self.mixer = ToyMixer(config)

    def forward(self, x):
        return x + self.second(self.mixer(self.first(x)))


class ToyPreTrainedModel(PreTrainedModel):
    config: ToyConfig
    base_model_prefix = "model"


class ToyModel(ToyPreTrainedModel):
    def __init__(self, config: ToyConfig):
        super().__init__(config)
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([ToyLayer(config) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.hidden_size)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, **kwargs):
        if inputs_embeds is None:
            inputs_embeds = self.embed(input_ids)
        hidden_states = inputs_embeds + position_ids.unsqueeze(-1)
        for layer in self.layers:
            hidden_states = layer(hidden_states)
        return BaseModelOutputWithPast(last_hidden_state=self.norm(hidden_states))


class ToyForCausalLM(ToyPreTrainedModel, GenerationMixin):
    _tied_weights_keys = {"lm_head.weight": "model.embed.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.model = ToyModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, **kwargs):
        outputs = self.model(
            input_ids=input_ids, position_ids=position_ids, inputs_embeds=inputs_embeds, **kwargs
        )
        return CausalLMOutputWithPast(logits=self.lm_head(outputs.last_hidden_state))
"""

TABLE = """
def _build_checkpoint_conversion_mapping():
    mapping = {
        "toy": [%s],
    }
    for model_type, base_pattern in _MODEL_TO_CONVERSION_PATTERN.items():
        mapping[model_type] = mapping[base_pattern].copy()
    return mapping
"""

OWN = [
    "lm_head.weight",
    "model.embed.weight",
    *(
        f"model.layers.{i}.{name}"
        for i in (0, 1)
        for name in (
            "first.bias",
            "first.weight",
            "mixer.left.weight",
            "mixer.out.weight",
            "mixer.right.weight",
            "mixer.shift",
            "second.bias",
            "second.weight",
        )
    ),
    "model.norm.bias",
    "model.norm.weight",
]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package with a table of conversions; returns its name and the path of the model."""
    name = f"toypackage{next(COUNTER)}"
    folder = tmp_path / name / "models" / "toy"
    folder.mkdir(parents=True)
    for place in (tmp_path / name, folder.parent, folder):
        (place / "__init__.py").write_text("")
    (folder / "configuration_toy.py").write_text(CONFIGURATION)
    (folder / "modeling_toy.py").write_text(MODELING)
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(entries: str | None, modeling: str = MODELING) -> Path:
        if entries is not None:
            (tmp_path / name / "conversion_mapping.py").write_text(TABLE % entries)
        (folder / "modeling_toy.py").write_text(modeling)
        return folder / "modeling_toy.py"

    yield write
    for module in [m for m in sys.modules if m.startswith(name)]:
        del sys.modules[module]


def run(source: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([ADGEN, source, *arguments], capture_output=True, text=True)


def translate(source: Path, **config) -> tuple[torch.nn.Module, str]:
    target = source.parent / "emitted_toy.py"
    done = run(source, "-o", str(target))
    assert done.returncode in (0, 3), done.stderr
    file = emitted.import_file(target)
    module = sys.modules[file.registered["ToyConfig"].__module__]
    torch.manual_seed(0)
    model = emitted.build(file.registered["ToyConfig"], module.ToyConfig(**config))
    return model, target.read_text()


def loads(model: torch.nn.Module, published: dict[str, torch.Tensor]) -> None:
    """The published keys and no others fill the model, also when they come in parts."""
    assert emitted.load(model, published) is None
    assert emitted.load_in_parts(model, published) is None


def keys(model: torch.nn.Module) -> list[str]:
    return sorted(model.state_dict())


def renamed(*pairs: tuple[str, str]) -> list[str]:
    out = []
    for key in OWN:
        for old, new in pairs:
            key = key.replace(old, new)
        out.append(key)
    return sorted(out)


def test_own_keys_without_a_table(package):
    model, text = translate(package(None))
    assert keys(model) == sorted(OWN)
    assert "hook" not in text


def test_attributes_are_renamed(package):
    model, text = translate(
        package(
            r'WeightRenaming(r"^trunk\.", "model."), WeightRenaming(r"^embed_out\.", "lm_head."),'
            r'WeightRenaming(r"\.mix\.to_(left|right)\.", r".mixer.\1."),'
            r'WeightRenaming(r"\.mix\.(out|shift)", r".mixer.\1")'
        )
    )
    assert "hook" not in text
    assert keys(model) == renamed(
        ("model.", "trunk."),
        ("lm_head.", "embed_out."),
        ("mixer.left", "mixer.to_left"),
        ("mixer.right", "mixer.to_right"),
        ("mixer.", "mix."),
    )
    assert 'base_model_prefix = "trunk"' in text
    assert '"embed_out.weight": "trunk.embed.weight"' in text
    logits = emitted.logits(model, torch.tensor([[1, 2]]), torch.tensor([[0, 1]]))
    assert logits.shape == (1, 2, 11)


def test_paths_that_disagree_become_a_hook(package):
    """Some of the mixer's parameters have another parent in the checkpoint, one has a level less."""
    model, text = translate(
        package(
            r'WeightRenaming(r"\.mix\.to_(left|right)\.", r".mixer.\1."),'
            r'WeightRenaming("moved", "mixer.shift")'
        )
    )
    assert keys(model) == sorted(OWN) and "_rename_published_keys" in text
    published = {}
    for key, value in model.state_dict().items():
        for old, new in (("mixer.left", "mix.to_left"), ("mixer.right", "mix.to_right"), ("mixer.shift", "moved")):
            key = key.replace(old, new)
        published[key] = value.clone() + 1
    loads(model, published)


def test_names_that_swap(package):
    """First and second change places: each takes the other's name."""
    model, text = translate(
        package(
            r'WeightRenaming(r"\.second\.", ".third."), WeightRenaming(r"\.first\.", ".second."),'
            r'WeightRenaming(r"\.third\.", ".first.")'
        )
    )
    assert "hook" not in text
    assert keys(model) == sorted(OWN)
    layer = text[text.index("class ToyLayer") :]
    assert "self.first(self.mixer(self.second(" in layer


def test_a_buffer_is_renamed_where_it_is_registered(package):
    model, text = translate(package('WeightRenaming("mixer.offset", "mixer.shift")'))
    assert 'register_buffer("offset"' in text and "hook" not in text
    assert keys(model) == renamed(("shift", "offset"))


def test_a_name_that_is_in_the_way_becomes_a_hook(package):
    """`forward` cannot be a submodule, `mixer` is taken."""
    model, text = translate(package(r'WeightRenaming(r"\.forward\.", ".second.")'))
    assert keys(model) == sorted(OWN) and "_rename_published_keys" in text
    loads(model, {k.replace("second", "forward"): v.clone() + 1 for k, v in model.state_dict().items()})


def test_a_level_more(package):
    model, text = translate(package('PrefixChange(prefix_to_remove="inner", model_prefix="model")'))
    assert keys(model) == sorted(OWN)
    published = {k.replace("model.", "model.inner."): v.clone() + 1 for k, v in model.state_dict().items()}
    loads(model, published)
    loads(model, {k.replace("inner.", ""): v.clone() for k, v in published.items()})


@pytest.mark.parametrize("bias", [False, True])
def test_a_tensor_in_parts(package, bias):
    model, text = translate(
        package(
            'WeightConverter("mix.both.weight", ["mixer.left.weight", "mixer.right.weight"],'
            ' operations=[Chunk(dim=0)]), WeightRenaming(r"\\.mix\\.(out|shift)", r".mixer.\\1")'
        ),
        bias=bias,
    )
    assert "def _split_both" in text
    state = {k: v.clone() + torch.rand_like(v) for k, v in model.state_dict().items()}
    published = {}
    for key, value in state.items():
        if key.endswith("left.weight"):
            other = state[key.replace("left", "right")]
            published[key.replace("left", "both").replace("mixer", "mix")] = torch.cat([value, other])
        elif not key.endswith("right.weight"):
            kept = key.endswith(("left.bias", "right.bias"))
            key = key.replace(".mix.", ".mixer.") if kept else key.replace(".mixer.", ".mix.")
            published[key] = value
    loads(model, published)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


OLD_NAMES = """        self._register_load_state_dict_pre_hook(self.old_names)
        self.post_init()

    def old_names(self, state_dict, prefix, *args):
        for key in list(state_dict):
            if "embedding." in key:
                state_dict[key.replace("embedding.", "embed.")] = state_dict.pop(key)
"""


def test_a_method_that_is_a_hook_is_a_function_and_nothing_else(package):
    place = "        self.norm = nn.LayerNorm(config.hidden_size)\n        self.post_init()\n"
    assert place in MODELING
    model, text = translate(
        package(None, MODELING.replace(place, place[: place.index("        self.post")] + OLD_NAMES))
    )
    assert text.count("def _old_names(state_dict, prefix, *args)") == 1 and "def old_names" not in text
    published = {k.replace("model.embed.", "model.embedding."): v + 1.0 for k, v in model.state_dict().items()}
    loads(model, published)


def test_a_second_run_keeps_the_hooks(package):
    source = package('PrefixChange(prefix_to_remove="inner", model_prefix="model")')
    _, text = translate(source)
    again = package('PrefixChange(prefix_to_remove="inner", model_prefix="model")', text)
    _, second = translate(again)
    hook = text[text.index("def _rename_published_keys") : text.index("class ToyMixer")]
    assert hook in second
    assert second.count("_register_load_state_dict_pre_hook") == 1


@pytest.mark.parametrize(
    "entries, words",
    [
        (
            'WeightConverter(["mixer.*.w.weight"], "mixer.left.weight", operations=[MergeModulelist(dim=0)])',
            "MergeModulelist",
        ),
        ('WeightRenaming(r"\\.layers\\.0\\.x\\.", r"\\.layers\\.0\\.first\\.")', "position"),
        ("WeightRenaming(NAMES, NAMES)", "not a string"),
        ('SomethingNew("a", "norm")', "SomethingNew"),
        ('WeightRenaming("(a)+", "norm")', "without its group"),
    ],
)
def test_what_is_not_understood_is_refused(package, entries, words):
    source = package(entries)
    target = source.parent / "emitted_toy.py"
    done = run(source, "-o", str(target))
    assert done.returncode == 1
    assert "[checkpoint-layout]" in done.stderr and words in done.stderr
    assert not target.exists()


# -- experts ----------------------------------------------------------------------------------------

EXPERTS = """class ToyExperts(nn.Module):
    def __init__(self, config: ToyConfig):
        super().__init__()
        self.number = config.layers
        self.gate_up_proj = nn.Parameter(torch.empty(self.number, 2 * config.hidden_size, config.hidden_size))
        self.down_proj = nn.Parameter(torch.empty(self.number, config.hidden_size, config.hidden_size))
        self.act_fn = ACT2FN["silu"]

    def forward(self, x, chosen, weights):
        out = torch.zeros_like(x)
        mask = nn.functional.one_hot(chosen, num_classes=self.number).permute(2, 1, 0)
        for expert in range(self.number):
            place, token = torch.where(mask[expert])
            gate, up = nn.functional.linear(x[token], self.gate_up_proj[expert]).chunk(2, dim=-1)
            result = nn.functional.linear(self.act_fn(gate) * up, self.down_proj[expert])
            out.index_add_(0, token, result * weights[token, place, None])
        return out


class ToyMixer(nn.Module):
    def __init__(self, config: ToyConfig):
        super().__init__()
        self.router = nn.Linear(config.hidden_size, config.layers, bias=False)
        self.experts = ToyExperts(config)

    def forward(self, x):
        tokens = x.view(-1, x.shape[-1])
        weights, chosen = torch.topk(self.router(tokens).softmax(-1), 1)
        return self.experts(tokens, chosen, weights).view(x.shape)
"""


def with_experts() -> str:
    start, end = MODELING.index("class ToyMixer"), MODELING.index("class ToyLayer")
    text = MODELING[:start] + EXPERTS + "\n\n" + MODELING[end:]
    return text.replace("from torch import nn\n", "from torch import nn\nfrom transformers.activations import ACT2FN\n")


def expert_keys(model: torch.nn.Module) -> list[str]:
    return [k for k in keys(model) if k.startswith("model.layers.1.") and "expert" in k]


def test_experts_have_the_names_of_the_checkpoint(package):
    model, text = translate(
        package(
            'WeightRenaming(".block.", ".mixer."),'
            ' WeightConverter([".experts.*.w1.weight", ".experts.*.w3.weight"], ".experts.gate_up_proj",'
            " operations=[MergeModulelist(dim=0), Concatenate(dim=1)]),"
            ' WeightConverter(".experts.*.w2.weight", ".experts.down_proj", operations=[MergeModulelist(dim=0)])',
            with_experts(),
        )
    )
    assert "hook" not in text
    assert expert_keys(model) == [f"model.layers.1.block.experts.{i}.w{k}.weight" for i in range(2) for k in (1, 2, 3)]


def test_operations_that_only_move_tensors_change_no_layout(package):
    model, text = translate(
        package(
            'WeightConverter([".experts.*.w1.weight", ".experts.*.w3.weight"], ".experts.gate_up_proj",'
            " operations=[MergeModulelist(dim=0), Concatenate(dim=1), Force16BytesAlignment()]),"
            ' WeightConverter(".experts.*.w2.weight", ".experts.down_proj",'
            " operations=[MergeModulelist(dim=0), Force16BytesAlignment()]),"
            ' WeightConverter("model.gain$", "model.norm.weight", operations=[Force16BytesAlignment()])',
            with_experts(),
        )
    )
    assert expert_keys(model) == [f"model.layers.1.mixer.experts.{i}.w{k}.weight" for i in range(2) for k in (1, 2, 3)]
    state = {k: torch.rand_like(v) for k, v in model.state_dict().items()}
    loads(model, {k.replace("model.norm.weight", "model.gain"): v for k, v in state.items()})
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


NAMES = ("gate_proj", "up_proj", "down_proj")


def translate_stacked(package):
    """A model the experts of which are stacked in the checkpoint; the checkpoint, and what should become of it."""
    model, text = translate(
        package(
            'WeightRenaming("experts.fc1", "experts.gate_up_proj"), WeightRenaming("experts.fc2", "experts.down_proj")',
            with_experts(),
        )
    )
    state = {k: torch.rand_like(v) for k, v in model.state_dict().items()}
    published = {k: v for k, v in state.items() if ".experts." not in k}
    for layer in (0, 1):
        at = f"model.layers.{layer}.mixer.experts."
        gate, up, down = ([state[f"{at}{i}.{name}.weight"] for i in range(2)] for name in NAMES)
        pairs = zip(gate, up, strict=True)
        published[f"{at}fc1"] = torch.stack([torch.cat(pair) for pair in pairs])
        published[f"{at}fc2"] = torch.stack(down)
    return model, text, published, state


def test_stacked_experts_of_the_checkpoint_are_taken_apart(package):
    model, _, published, state = translate_stacked(package)
    assert expert_keys(model) == sorted(
        f"model.layers.1.mixer.experts.{i}.{name}.weight" for i in range(2) for name in NAMES
    )
    loads(model, published)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


def test_of_stacked_experts_those_are_loaded_that_there_are(package):
    """As on a device that has a part of them, under the numbers that they have among all."""
    model, _, published, state = translate_stacked(package)
    model.model.layers[0].mixer.experts._modules.pop("0")
    model.model.layers[1].mixer.experts._modules.pop("1")
    loads(model, published)
    assert {key.split(".")[5] for key in expert_keys(model)} == {"0"}
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


def test_a_second_run_keeps_hooks_that_are_given_the_module(package):
    _, text, published, state = translate_stacked(package)
    model, second = translate(package("", text))
    assert second.count("with_module=True") == text.count("with_module=True") == 2
    loads(model, published)
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())


def test_experts_that_are_stacked_otherwise_are_refused(package):
    source = package(
        'WeightConverter([".experts.*.w1.weight", ".experts.*.w3.weight"], ".experts.gate_up_proj",'
        " operations=[MergeModulelist(dim=0), Concatenate(dim=2)])",
        with_experts(),
    )
    done = run(source, "-o", str(source.parent / "emitted_toy.py"))
    assert done.returncode == 1
    assert "[checkpoint-layout]" in done.stderr and "otherwise" in done.stderr


MERGED = (
    'WeightConverter([".experts.*.w1.weight", ".experts.*.w3.weight"], ".experts.gate_up_proj",'
    " operations=[MergeModulelist(dim=0), Concatenate(dim=1)]),"
    ' WeightConverter(".experts.*.w2.weight", ".experts.down_proj", operations=[MergeModulelist(dim=0)])'
)


@pytest.mark.parametrize(("entries", "names"), [("", sorted(NAMES)), (MERGED, ["w1", "w2", "w3"])])
def test_experts_that_no_operator_computes_are_modules_too(package, entries, names):
    modeling = with_experts().replace("self.act_fn(gate) * up", "self.act_fn(gate) * up.clamp(max=1.0)")
    model, text = translate(package(entries, modeling))
    assert "torch_moe" not in text and "expert_step" not in text
    assert expert_keys(model) == [f"model.layers.1.mixer.experts.{i}.{name}.weight" for i in range(2) for name in names]
    loads(model, {k: torch.rand_like(v) for k, v in model.state_dict().items()})


def test_stacked_weights_that_are_no_linear_layers_stay(package):
    """A checkpoint of another layout cannot fill them."""
    modeling = with_experts().replace(
        "nn.functional.linear(self.act_fn(gate) * up, self.down_proj[expert])",
        "nn.functional.linear(self.act_fn(gate) * up, torch.tanh(self.down_proj[expert]))",
    )
    model, text = translate(package("", modeling))
    assert expert_keys(model) == [f"model.layers.1.mixer.experts.{name}" for name in ("down_proj", "gate_up_proj")]
    source = package(MERGED, modeling)
    done = run(source, "-o", str(source.parent / "emitted_toy.py"))
    assert done.returncode == 1
    assert "[checkpoint-layout]" in done.stderr and "MergeModulelist" in done.stderr
