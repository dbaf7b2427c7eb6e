/* survey.c - `adgen survey INPUT`: what kind of model it is, before anybody decides to bring it to AutoDeploy. */
#include "cli/cli.h"
#include "emit/architecture_report.h"

int deliver_survey(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct adgen_result *translation) {
    struct adgen_result result;
    struct buf text = {0};
    const struct architecture *a = adgen_architecture(adgen, translation, given->config, &result);
    say_diags(voice, result.diags);
    if (a && given->json) {
        cJSON *all = cJSON_CreateObject();
        cJSON_AddItemToObject(all, "architecture", architecture_json(a));
        char *json = cJSON_Print(all);
        buf_printf(&text, "%s\n", json);
        cJSON_free(json);
        cJSON_Delete(all);
    } else if (a) {
        architecture_text(&text, a);
    }
    put_stdout(voice, text.at ? text.at : "", text.len);
    buf_free(&text);
    adgen_result_free(&result);
    return EXIT_DONE;
}
