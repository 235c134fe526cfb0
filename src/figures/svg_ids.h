/* svg_ids.h - names inside an SVG that depend on the figure alone. */
#ifndef LOSSLENS_FIGURES_SVG_IDS_H
#define LOSSLENS_FIGURES_SVG_IDS_H

#include "losslens/base.h"

/* Renames every id, and every reference to one, of the SVG that begins at `start` of the text. */
ll_status ll_svg_rename_ids(ll_text *svg, size_t start, ll_error *error);

#endif
