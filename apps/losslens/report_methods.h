/* report_methods.h - what a study did, as a paragraph for a paper, with the references it needs. */
#ifndef LOSSLENS_APP_REPORT_METHODS_H
#define LOSSLENS_APP_REPORT_METHODS_H

#include "losslens/study_overview.h"

/* Appends sentences about what the first result of each kind says of itself, and BibTeX entries for what they cite. */
ll_status ll_report_methods(ll_store *store, const ll_overview *overview, ll_text *paragraph,
                            ll_text *references, ll_error *error);

#endif
