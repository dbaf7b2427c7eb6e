/* keys.c - `adgen keys INPUT --config FILE`: the state dict of the model that a translation is. */
#include "cli/cli.h"

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
