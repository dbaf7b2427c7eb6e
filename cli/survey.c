/* survey.c - `adgen survey INPUT`: what is known of a model before it is brought to AutoDeploy. */
#include "emit/survey.h"
#include "cli/cli.h"
#include "rewrite/unit.h"

int deliver_survey(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct adgen_request *request, struct adgen_result *translation) {
    if (translation->unit->entry == NULL) {
        say_diags(voice, translation->diags);
        return EXIT_REFUSED;
    }
    struct survey_request wanted = {given->config, given->into, given->hf_id, given->json};
    struct adgen_result result;
    adgen_survey(adgen, request, translation, &wanted, &result);
    if (result.status == ADGEN_REFUSED || diags_count(result.diags, SEVERITY_ERROR) == 0)
        say_diags(voice, result.diags); /* what keeps a model from being built is in the survey */
    bool ok = result.text.len > 0 && put_stdout(voice, result.text.at, result.text.len);
    adgen_result_free(&result);
    return ok ? EXIT_DONE : EXIT_REFUSED;
}
