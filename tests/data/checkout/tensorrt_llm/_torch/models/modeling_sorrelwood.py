@register_auto_model("SorrelwoodForCausalLM")
class SorrelwoodForCausalLM:
    pass
