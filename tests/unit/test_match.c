/* test_match.c - equations applied to functions as the specialiser leaves them. */
#include "ssa_build.h"

static struct world *world;

static int set_up(void **state) {
    (void)state;
    world = world_create(true);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_destroy(world);
    return 0;
}

/* Undo the printer's line breaks inside brackets. */
static void flatten(char *text) {
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        bool inside = *in == '\n' && out > text && (out[-1] == '(' || out[-1] == ',' || in[1] == ' ');
        if (!inside && !(*in == ' ' && out > text && (out[-1] == '(' || out[-1] == ' ')))
            *out++ = *in;
    }
    *out = '\0';
}

/* Apply all rules and look for `expected` in the text of the body. */
static void expect(const char *text, const char *expected) {
    struct node *fn = build_function(world, text);
    struct trace trace = {0};
    struct rewriter r = {.arena = world->arena, .atoms = world->atoms, .rules = world->rules, .trace = &trace,
        .where = "test"};
    rules_apply(&r, function_body(fn));
    rules_report_misses(&r);
    struct buf out = {0};
    for (uint32_t i = 0; i < function_body(fn)->nkids; i++)
        print_python(&out, function_body(fn)->kid[i]);
    flatten(out.at);
    if (strstr(out.at, expected) == NULL) {
        fprintf(stderr, "expected: %s\nin:\n%s", expected, out.at);
        for (uint32_t i = 0; i < trace.records.len; i++)
            fprintf(stderr, "trace: %s: %s\n", trace.records.at[i].id, trace.records.at[i].text);
        fail();
    }
    buf_free(&out);
}

static void test_rmsnorm(void **state) {
    (void)state;
    expect("def forward(self, hidden_states: T3):\n"
           "    input_dtype = hidden_states.dtype\n"
           "    hidden_states = hidden_states.to(torch.float32)\n"
           "    variance = hidden_states.pow(2).mean(-1, keepdim=True)\n"
           "    hidden_states = hidden_states * torch.rsqrt(variance + self.variance_epsilon)\n"
           "    return self.weight * hidden_states.to(input_dtype)\n",
        "return torch.ops.auto_deploy.torch_rmsnorm(hidden_states, self.weight, self.variance_epsilon)");
    expect("def forward(self, x: T):\n"
           "    output = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)\n"
           "    output = output * (1.0 + self.weight.float())\n"
           "    return output.type_as(x)\n",
        "return torch.ops.auto_deploy.torch_rmsnorm(x, 1.0 + self.weight");
}

static void test_rope(void **state) {
    (void)state;
    expect("def forward(self, q: T4, k: T4, cos: T3, sin: T3):\n"
           "    cos = cos.unsqueeze(1)\n"
           "    sin = sin.unsqueeze(1)\n"
           "    x1 = q[..., : q.shape[-1] // 2]\n"
           "    x2 = q[..., q.shape[-1] // 2 :]\n"
           "    rotated = torch.cat((-x2, x1), dim=-1)\n"
           "    q_embed = (q * cos) + (rotated * sin)\n"
           "    x1 = k[..., : k.shape[-1] // 2]\n"
           "    x2 = k[..., k.shape[-1] // 2 :]\n"
           "    rotated = torch.cat((-x2, x1), dim=-1)\n"
           "    k_embed = (k * cos) + (rotated * sin)\n"
           "    return q_embed @ k_embed\n",
        "q_embed, k_embed = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(q, k, cos, sin, 1)");
}

static void test_attention(void **state) {
    (void)state;
    expect("def forward(self, query: T4, key: T4, value: T4, attention_mask: M):\n"
           "    batch, num_key_value_heads, slen, head_dim = key.shape\n"
           "    if self.n == 1:\n"
           "        r = key\n"
           "    else:\n"
           "        h = key[:, :, None, :, :].expand(batch, num_key_value_heads, self.n, slen, head_dim)\n"
           "        r = h.reshape(batch, num_key_value_heads * self.n, slen, head_dim)\n"
           "    batch, num_key_value_heads, slen, head_dim = value.shape\n"
           "    if self.n == 1:\n"
           "        u = value\n"
           "    else:\n"
           "        h = value[:, :, None, :, :].expand(batch, num_key_value_heads, self.n, slen, head_dim)\n"
           "        u = h.reshape(batch, num_key_value_heads * self.n, slen, head_dim)\n"
           "    attn_weights = torch.matmul(query, r.transpose(2, 3)) * self.scaling\n"
           "    attn_weights = attn_weights + attention_mask\n"
           "    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(query.dtype)\n"
           "    attn_output = torch.matmul(attn_weights, u)\n"
           "    attn_output = attn_output.transpose(1, 2).contiguous()\n"
           "    return attn_output\n",
        "torch.ops.auto_deploy.torch_attention(query, key, value, is_causal=True, scale=self.scaling");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rmsnorm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rope, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_attention, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
