"""Building and running tiny Hugging Face models."""

from __future__ import annotations

import contextlib
import copy
import inspect
import logging
import os
import warnings
import zlib
from typing import Any

import torch

from . import sizes

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def quiet() -> None:
    """No warnings, no progress bars, no graphs printed by a failing export."""
    import transformers

    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.disable(logging.ERROR)


def build_model(config: Any, dtype: torch.dtype = torch.float32) -> torch.nn.Module:
    """The causal LM of a configuration, eager everywhere, in eval; the configuration is copied.

    (Building a model writes the attention implementation into its configuration.)
    """
    config = copy.deepcopy(config)
    auto = _auto_class(config)
    model_class = auto._model_mapping[type(config)] if auto else None
    own = _own_part(config, getattr(model_class, "config_class", None))
    try:
        own._experts_implementation = "eager"
    except Exception:
        pass
    with _without_absent_encoders():
        if own is config:
            from transformers import AutoModelForCausalLM

            auto = auto or AutoModelForCausalLM  # which says that it does not know it
            model = auto.from_config(config, attn_implementation="eager")
        else:
            model = model_class._from_config(own, attn_implementation="eager")
    return model.to(dtype).eval()


@contextlib.contextmanager
def _without_absent_encoders():
    """A part of another modality whose library is not installed is an empty module.

    Nothing runs it: the model is given text.
    """
    from transformers import AutoModel

    made, own = AutoModel.from_config, vars(AutoModel).get("from_config")

    def from_config(config, *args, **kwargs):
        try:
            return made(config, *args, **kwargs)
        except ImportError:
            empty = torch.nn.Module()
            empty.config = config
            return empty

    AutoModel.from_config = from_config
    try:
        yield
    finally:
        if own is None:
            del AutoModel.from_config
        else:
            AutoModel.from_config = own


def _auto_class(config: Any) -> type | None:
    """What makes the causal LM of a configuration, where the package knows one.

    A model that writes text about images is one, too, for those who give it none.
    """
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    autos = (AutoModelForCausalLM, AutoModelForImageTextToText)
    return next((auto for auto in autos if type(config) in auto._model_mapping), None)


def _own_part(config: Any, wanted: type | None) -> Any:
    """The part of a configuration that a model declares to be made of: most often all of it."""
    parts = (getattr(config, name, None) for name in getattr(config, "sub_configs", ()))
    own = [part for part in parts if type(part) is wanted]
    return own[0] if own and type(config) is not wanted else config


UNSET = 1e3  # no vector of weights that was initialised holds such a value


def _fill(name: str, old: torch.Tensor) -> torch.Tensor:
    """Random values for a tensor, determined by its name and shape; see ``randomise``."""
    if old.numel() == 0:  # an encoder too small for its own table
        return old.float()
    generator = torch.Generator().manual_seed(zlib.crc32(f"{name}{tuple(old.shape)}".encode()))
    noise = torch.randn(old.shape, generator=generator, dtype=torch.float32)
    if old.dim() < 2 or old.numel() == max(old.shape):
        start = torch.nan_to_num(old.detach().float(), nan=0.0, posinf=0.0, neginf=0.0)
        return start + 0.25 * noise
    fan_in = min(old.shape[1:]) if old.dim() == 3 and old.shape[1] > 1 else old[0].numel()
    if "embed" in name or "wte" in name or "wpe" in name:
        fan_in = 4
    return noise / fan_in**0.5


@torch.no_grad()
def randomise(model: torch.nn.Module) -> None:
    """Give every parameter and persistent floating buffer a random, non-trivial value.

    Matrices are N(0, 1/fan_in), embeddings N(0, 1/4) (tied ones do not saturate the logits then);
    vectors (norm weights, biases, sinks, decay rates) keep their initial value and get a spread
    of 0.25.  Buffers that hold constants such as
    -1e9 and integer buffers stay.
    """
    persistent = set(model.state_dict())
    tensors = dict(model.named_parameters())
    tensors.update({k: v for k, v in model.named_buffers() if k in persistent})
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or (tensor.numel() and tensor.abs().max() > UNSET):
            if not isinstance(tensor, torch.nn.Parameter):
                continue
        if tensor.dim() == 1 and not bool((tensor.abs() < UNSET).all()):
            tensor.fill_(1.0)  # memory that nobody initialised: it waits for the checkpoint
        tensor.copy_(_fill(name, tensor))


def token_ids(batch: int, length: int, seed: int = 0) -> torch.Tensor:
    """Random ids without a special meaning."""
    generator = torch.Generator().manual_seed(seed)
    low, high = sizes.FIRST_PLAIN_TOKEN, sizes.LAST_PLAIN_TOKEN
    return torch.randint(low, high, (batch, length), generator=generator)


@torch.no_grad()
def takes_positions(model: torch.nn.Module) -> bool:
    """True if the model's forward has a parameter ``position_ids``, or heeds such a keyword."""
    parameters = inspect.signature(model.forward).parameters
    if "position_ids" in parameters:
        return True
    if all(p.kind is not p.VAR_KEYWORD for p in parameters.values()):
        return False
    ids = token_ids(1, 4)
    call = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False}
    try:
        plain, apart = model(**call), model(**call, position_ids=2 * torch.arange(4)[None])
    except Exception:
        return False
    return not torch.equal(plain.logits, apart.logits)


def _padded(
    input_ids: torch.Tensor, position_ids: torch.Tensor, length: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, positions and mask of a longer input that begins with padding."""
    room = input_ids.new_zeros(input_ids.shape[0], length - input_ids.shape[1])
    mask = torch.cat((room, torch.ones_like(input_ids)), dim=1)
    return torch.cat((room, input_ids), dim=1), torch.cat((room, position_ids), dim=1), mask


@torch.no_grad()
def logits(
    model: torch.nn.Module,
    input_ids: torch.Tensor,
    position_ids: torch.Tensor | None,
    inputs_embeds: torch.Tensor | None = None,
) -> torch.Tensor:
    """Logits of a Hugging Face model in prefill.

    The all-ones mask is needed: without one the library takes gaps in the positions for the
    borders of packed sequences.  With ``inputs_embeds`` the ids only give the shape.  Models that
    cut their tables to the length of the input know no position beyond it: those get a longer
    input, of which the beginning is padding.
    """
    kwargs: dict[str, Any] = {"attention_mask": torch.ones_like(input_ids), "use_cache": False}
    takes = position_ids is not None and takes_positions(model)
    if takes:
        kwargs["position_ids"] = position_ids.clone()  # some models add to them in place
    if inputs_embeds is not None:
        return model(inputs_embeds=inputs_embeds, **kwargs).logits
    length = int(position_ids.max()) + 1 if takes else 0
    try:
        return model(input_ids=input_ids, **kwargs).logits
    except IndexError:
        if length <= input_ids.shape[1]:
            raise
    ids, positions, mask = _padded(input_ids, position_ids, length)
    long = model(input_ids=ids, position_ids=positions, attention_mask=mask, use_cache=False)
    return long.logits[:, -input_ids.shape[1] :]
