# The models that AutoDeploy has of its own. Importing this package registers them.

from . import hooks  # noqa: F401
from .modeling_acorn import AcornForCausalLM
from .modeling_beech import BeechForCausalLM, BeechForConditionalGeneration
from .modeling_beech_moe import (
    BeechMoeForCausalLM,  # and its vision tower
    BeechMoeForConditionalGeneration,
)

# The two below share their hooks.
from .modeling_maple import MapleForCausalLM
from .modeling_maple_v2 import MapleV2ForCausalLM  # out of use upstream
from .modeling_sorrelwood import SorrelwoodForCausalLM
from .modeling_zelkova import ZelkovaForCausalLM

__all__ = (
    "AcornForCausalLM",
    "BeechForCausalLM",
    "BeechForConditionalGeneration",
    # mixtures
    "BeechMoeForCausalLM",
    "BeechMoeForConditionalGeneration",
    "MapleV2ForCausalLM",
    "MapleForCausalLM",
    "SorrelwoodForCausalLM",
    "ZelkovaForCausalLM",  # last
)
