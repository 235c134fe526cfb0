/* Every study in examples/ can be read; case studies come in two sizes. */
#define _POSIX_C_SOURCE 200809L
#include "losslens/study.h"

#include "support_cmocka.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_examples(void **state)
{
    (void)state;
    const char *source = getenv("LOSSLENS_SOURCE");
    char folder[4096], path[8192], paper[300];
    assert_non_null(source);
    snprintf(folder, sizeof folder, "%s/examples", source);
    struct dirent **entry;
    int count = scandir(folder, &entry, NULL, alphasort), studies = 0, cases = 0;
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        const char *name = entry[i]->d_name;
        size_t length = strlen(name);
        if (length < 6 || strcmp(name + length - 5, ".yaml") != 0) continue;
        ll_study *study = NULL;
        ll_error error = {0};
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (ll_study_read(path, &study, &error) != LL_OK) fail_msg("%s: %s", error.place, error.message);
        /* The results get the file's own name. */
        assert_int_equal(strncmp(ll_study_name(study), name, length - 5), 0);
        assert_true(ll_study_group_count(study) >= 1);
        studies++;
        if (strncmp(name, "case", 4) == 0 && strstr(name, "_paper") == NULL) {
            bool found = false;
            snprintf(paper, sizeof paper, "%.*s_paper.yaml", (int)length - 5, name);
            for (int k = 0; k < count; k++) found = found || strcmp(entry[k]->d_name, paper) == 0;
            if (!found) fail_msg("%s has no size of the paper", name);
            cases++;
        }
        ll_study_destroy(study);
    }
    for (int i = 0; i < count; i++) free(entry[i]);
    free(entry);
    assert_int_equal(cases, 5);
    assert_true(studies >= 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
