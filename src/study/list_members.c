/* The names of a group's members, for those who only want to show them. */
#include "study/internal.h"

#include <string.h>

ll_status ll_study_member_names(const ll_study *study, const char *group, ll_text *names, ll_error *error)
{
    ll_members members;
    int64_t g = study->group_count - 1;
    while (g >= 0 && strcmp(study->groups[g].view.name, group) != 0) g--;
    if (g < 0) return ll_fail(error, LL_NOT_FOUND, LL_STUDY, NULL, "the study has no group '%s'", group);
    LL_TRY(ll_members_find(study, &members, error));
    for (int64_t i = members.first[g]; i < members.first[g + 1]; i++)
        ll_text_format(names, "%s%s", i > members.first[g] ? "\n" : "", members.member[i].name);
    ll_members_deinit(&members);
    return names->failed ? ll_fail_memory(error, LL_STUDY, 1024) : LL_OK;
}
