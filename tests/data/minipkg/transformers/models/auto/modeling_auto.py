from collections import OrderedDict


MODEL_MAPPING_NAMES = OrderedDict([("acorn", "AcornModel"), ("maple", "MapleModel")])

MODEL_FOR_CAUSAL_LM_MAPPING_NAMES = OrderedDict(
    [
        # Model for Causal LM mapping
        ("acorn", "AcornForCausalLM"),
        ("birch", "BirchForCausalLM"),
        ("birch-text", "BirchForCausalLM"),
        ("cedar", ("CedarForCausalLM", "CedarLMHeadModel")),
        ("oak", "AcornForCausalLM"),
        ("yew", "YewForCausalLM"),
    ]
)

MODEL_FOR_CAUSAL_LM_MAPPING = _LazyAutoMapping(CONFIG_MAPPING_NAMES, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
