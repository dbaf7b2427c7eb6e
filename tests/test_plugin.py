"""The pytest plug-in and the stand-ins: what emitted tests import."""

import pytest
import torch
from adgen_reference import plugin, standins


def test_emitted_imports_work():
    plugin.pytest_configure(None)
    import tensorrt_llm._torch.auto_deploy.custom_ops  # noqa: F401
    from _model_test_utils import assert_rmse_close
    from tensorrt_llm._torch.auto_deploy._compat import ActivationType
    from tensorrt_llm._torch.auto_deploy.export import torch_export_to_gm
    from tensorrt_llm._torch.auto_deploy.models.hf import AutoModelForCausalLMFactory
    from tensorrt_llm._torch.auto_deploy.utils._graph import move_to_device
    from tensorrt_llm._torch.utils import ActivationType as again

    assert ActivationType is again and int(ActivationType.Silu) == 4
    assert_rmse_close(torch.ones(3), torch.ones(3), 1e-6)
    with pytest.raises(AssertionError, match="logits: rmse"):
        assert_rmse_close(torch.ones(3), 2 * torch.ones(3), 0.1, "logits: ")

    class Model(torch.nn.Linear):
        def forward(self, x=None):
            return {"logits": super().forward(x)}

    x = torch.randn(3, 5, 4)
    model = Model(4, 2)
    dynamic = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    gm = torch_export_to_gm(model, args=(), kwargs={"x": x}, dynamic_shapes=(dynamic,))
    move_to_device(gm, "cpu")
    y = torch.randn(2, 7, 4)
    assert torch.allclose(gm(x=y)["logits"], model(x=y)["logits"])

    AutoModelForCausalLMFactory.register_custom_model_cls("SomeConfig", Model)
    try:
        assert standins.registered_models()["SomeConfig"] is Model
    finally:
        del standins.registered_models()["SomeConfig"]


def test_every_factory_has_its_own_models():
    class Other(standins.AutoModelForCausalLMFactory):
        pass

    Other.register_custom_model_cls("OtherConfig", object)
    assert "OtherConfig" not in standins.AutoModelForCausalLMFactory._custom_model_mapping
