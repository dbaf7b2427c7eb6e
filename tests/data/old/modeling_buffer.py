"""A decoder in the style of small training repositories: a triangle of ones as a buffer, half of the layers windowed."""

import math

import torch
import torch.nn as nn
from torch.nn import functional as F
from transformers import PreTrainedModel, PretrainedConfig


class BufferConfig(PretrainedConfig):
    model_type = "buffer"

    def __init__(self, vocab_size=64, n_embd=32, n_head=4, n_layer=2, block_size=64, window_size=3, local=("all", "near"), **kwargs):
        self.vocab_size = vocab_size
        self.n_embd = n_embd
        self.n_head = n_head
        self.n_layer = n_layer
        self.block_size = block_size
        self.window_size = window_size
        self.local = list(local)
        super().__init__(**kwargs)


class CausalSelfAttention(nn.Module):
    def __init__(self, config, kind):
        super().__init__()
        assert config.n_embd % config.n_head == 0
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        self.attn_dropout = nn.Dropout(0.1)
        self.n_head = config.n_head
        self.n_embd = config.n_embd
        bias = torch.tril(torch.ones(config.block_size, config.block_size)).view(1, 1, config.block_size, config.block_size)
        if kind == "near":
            bias = torch.triu(bias, diagonal=1 - config.window_size)
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(self.n_embd, dim=2)
        k = k.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        q = q.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        v = v.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
        att = F.softmax(att, dim=-1)
        att = self.attn_dropout(att)
        y = att @ v
        y = y.transpose(1, 2).contiguous().view(B, T, C)
        return self.c_proj(y)


class Block(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd)
        self.attn = CausalSelfAttention(config, config.local[layer_idx])
        self.ln_2 = nn.LayerNorm(config.n_embd)
        self.mlp = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class BufferModel(PreTrainedModel):
    config_class = BufferConfig

    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.h = nn.ModuleList([Block(config, i) for i in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, attention_mask=None):
        if inputs_embeds is None:
            inputs_embeds = self.wte(input_ids)
        x = inputs_embeds + self.wpe(position_ids)
        for block in self.h:
            x = block(x)
        return self.ln_f(x)


class BufferForCausalLM(PreTrainedModel):
    config_class = BufferConfig

    def __init__(self, config):
        super().__init__(config)
        self.transformer = BufferModel(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids=None, position_ids=None, inputs_embeds=None, attention_mask=None, labels=None):
        x = self.transformer(input_ids, position_ids=position_ids, inputs_embeds=inputs_embeds)
        return (self.lm_head(x),)
