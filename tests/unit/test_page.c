/* test_page.c - what the account does not know screams on the review page. */
#include "emit/page.h"
#include "rewrite/lineage.h"
#include "rewrite/unit.h"
#include "rewrite/verdict.h"
#include "unit.h"

static const char model[] = "import torch\n"
                            "from torch import nn\n"
                            "from transformers import PreTrainedModel\n"
                            "\n"
                            "\n"
                            "class RowanModel(PreTrainedModel):\n"
                            "    def __init__(self, config):\n"
                            "        super().__init__(config)\n"
                            "        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)\n"
                            "        self.width = config.hidden_size\n"
                            "\n"
                            "    def forward(self, input_ids=None, position_ids=None):\n"
                            "        hidden = self.embed_tokens(input_ids)\n"
                            "        return torch.nn.functional.silu(hidden)\n"
                            "\n"
                            "\n"
                            "class RowanForCausalLM(PreTrainedModel):\n"
                            "    config_class = RowanConfig\n"
                            "\n"
                            "    def __init__(self, config):\n"
                            "        super().__init__(config)\n"
                            "        self.model = RowanModel(config)\n"
                            "        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)\n"
                            "\n"
                            "    def forward(self, input_ids=None, position_ids=None):\n"
                            "        return self.lm_head(self.model(input_ids, position_ids))\n";

struct fixture {
    struct adgen *adgen;
    struct adgen_result result;
};

static struct fixture translation(void) {
    struct fixture f = {.adgen = adgen_create(&(struct adgen_settings){0})};
    struct adgen_request request = {.path = "modeling_rowan.py", .text = model, .len = strlen(model), .account = true};
    adgen_translate(f.adgen, &request, &f.result);
    uint32_t count;
    struct diag **list = diags_sorted(f.result.diags, &count);
    for (uint32_t i = 0; i < count; i++)
        diag_print(stderr, list[i], false);
    assert_int_not_equal(f.result.status, ADGEN_REFUSED);
    return f;
}

/* The page is made; so many lines of it are unmapped, and that is said. */
static void screams(struct fixture *f, uint32_t expected) {
    struct buf page = {0};
    assert_int_equal(page_html(&page, &f->result), expected);
    assert_int_equal(strstr(page.at, "<tbody class=\"hunk unmapped\"") != NULL, expected > 0);
    assert_int_equal(strstr(page.at, "class=\"alarm\"") != NULL, expected > 0);
    buf_free(&page);
    adgen_result_free(&f->result);
    adgen_destroy(f->adgen);
}

static uint32_t place_of(const char *text) {
    return (uint32_t)(strstr(model, text) - model);
}

static const struct node *statement_at(const struct node *n, uint32_t place) {
    const struct node *found = node_is_stmt(n) && n->span.start == place ? n : NULL;
    for (uint32_t i = 0; i < n->nkids && found == NULL; i++)
        found = n->kid[i] ? statement_at(n->kid[i], place) : NULL;
    return found;
}

static void test_all_is_accounted_for(void **state) {
    (void)state;
    struct fixture f = translation();
    screams(&f, 0);
}

static void test_a_statement_without_a_verdict(void **state) {
    (void)state;
    struct fixture f = translation();
    f.result.judge->verdict[place_of("self.width")] = NULL;
    f.result.judge->records.records.len = 0;
    screams(&f, 1);
}

/* It is said to be kept, and is not there. */
static void test_a_statement_that_is_lost(void **state) {
    (void)state;
    struct fixture f = translation();
    struct verdict *v = f.result.judge->verdict[place_of("self.width")];
    *v = (struct verdict){.fate = FATE_KEPT};
    f.result.judge->records.records.len = 0;
    screams(&f, 1);
}

/* It is said to be kept, and says something else. */
static void test_a_change_without_a_reason(void **state) {
    (void)state;
    struct fixture f = translation();
    uint32_t place = place_of("self.lm_head =");
    struct node *stmt = (struct node *)statement_at(f.result.unit->module->tree, place);
    stmt->kid[1]->atom = "head"; /* as if the source had said that */
    screams(&f, 2);              /* its line in either file */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_is_accounted_for),
        cmocka_unit_test(test_a_statement_without_a_verdict),
        cmocka_unit_test(test_a_statement_that_is_lost),
        cmocka_unit_test(test_a_change_without_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
