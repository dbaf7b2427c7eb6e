# A model of the PyTorch backend, as far as the tests of `adgen onboard` look at it.
@register_auto_model("ZelkovaForCausalLM")
class ZelkovaForCausalLM:
    pass
