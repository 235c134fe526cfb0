#include "json.h"

bool ll_json_print(ll_json *json, FILE *file)
{
    ll_text_append_bytes(&json->text, "\n", 1);
    bool good = !json->text.failed &&
                fwrite(json->text.text, 1, json->text.length, file) == json->text.length && fflush(file) == 0;
    ll_text_deinit(&json->text);
    *json = (ll_json){0};
    return good;
}
