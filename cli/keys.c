/* keys.c - `adgen keys INPUT --config FILE`: the state dict of the model that a translation is. */
#include "cli/cli.h"

int check_keys_options(const struct options_given *given) {
    bool keys = given->keys;
    if (!keys && (given->config || given->index || given->json))
        return usage_error(
            "`adgen keys --help` shows how", "--config, --index and --json belong to `adgen keys INPUT`");
    if (keys && (given->output || given->out_dir || given->diff || given->check || given->dump_after || given->all ||
                    given->report || given->trace || given->partial || given->bundle_config || given->strict_rounding))
        return usage_error("`adgen keys --help` lists those that it takes",
            "`adgen keys` takes no options of what a translation is written to, or told of");
    if (keys && given->input && given->config == NULL)
        return usage_error(NULL, "`adgen keys` needs `--config FILE`, the model's config.json");
    return EXIT_DONE;
}

int deliver_keys(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct adgen_result *translation) {
    say_diags(voice, translation->diags);
    if (translation->status == ADGEN_REFUSED)
        return EXIT_REFUSED;
    struct adgen_keys_request request = {given->config, given->index, given->json};
    struct adgen_result result;
    adgen_keys(adgen, translation, &request, &result);
    say_diags(voice, result.diags);
    bool ok = result.text.len == 0 || put_stdout(voice, result.text.at, result.text.len);
    int status = ok ? (int)result.status : EXIT_REFUSED;
    adgen_result_free(&result);
    return status;
}
