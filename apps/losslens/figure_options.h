/* figure_options.h - the options that every verb with a figure has. Put LL_FIGURE_OPTIONS(&f) into the option
 * table, with `ll_figure_settings f = ll_figure_settings_default();`, then call ll_figure_settings_apply. */
#ifndef LOSSLENS_APP_FIGURE_OPTIONS_H
#define LOSSLENS_APP_FIGURE_OPTIONS_H

#include "losslens/figures.h"
#include "options.h"

typedef struct ll_figure_settings {
    const char *path; /* NULL: no figure is wanted */
    const char *colormap, *scale;
    double width, height, font_size, dots_per_inch, vmin, vmax;
    int64_t levels, columns;
    ll_reals camera;
    bool fractions, letters, own_scales, no_colorbar;
} ll_figure_settings;

ll_figure_settings ll_figure_settings_default(void);

/* false: a usage error was printed and *exit_code set. */
bool ll_figure_settings_apply(const ll_command *command, const ll_figure_settings *settings,
                              ll_figure_options *options, int *exit_code);

#define LL_FIGURE_OPTIONS(f) LL_FIGURE_OPTIONS_GIVEN(f, NULL, NULL)
/* The same, telling whether the width and the scale were on the command line. */
#define LL_FIGURE_OPTIONS_GIVEN(f, width_given, scale_given)                                                  \
    LL_OPTION_SECTION("figure"),                                                                              \
        {"figure", LL_OPTION_TEXT, &(f)->path, "OUT.svg", "draw a figure: .svg, .pdf or .png", 0, 0, NULL},   \
        {"width", LL_OPTION_REAL, &(f)->width, "MM", "width of the figure", 20.0, 2000.0, width_given},       \
        {"height", LL_OPTION_REAL, &(f)->height, "MM", "height of the figure; else what suits its kind",      \
         15.0,     2000.0,         NULL},                                                                     \
        {"font-size", LL_OPTION_REAL, &(f)->font_size, "POINTS", "size of the text", 3.0, 40.0, NULL},        \
        {"dpi",                                                                                               \
         LL_OPTION_REAL,                                                                                      \
         &(f)->dots_per_inch,                                                                                 \
         "N",                                                                                                 \
         "pixels an inch of PNG and of shaded surfaces",                                                      \
         36.0,                                                                                                \
         1200.0,                                                                                              \
         NULL},                                                                                               \
        {"levels", LL_OPTION_INTEGER, &(f)->levels, "N", "about so many contour levels", 1.0, 200.0, NULL},   \
        {"vmin", LL_OPTION_REAL, &(f)->vmin, "V", "lowest value shown; else that of the data", 0, 0, NULL},   \
        {"vmax", LL_OPTION_REAL, &(f)->vmax, "V", "highest value shown; else that of the data", 0, 0, NULL},  \
        {"scale", LL_OPTION_CHOICE, &(f)->scale, "linear|log|symlog", "scale of values", 0, 0, scale_given},  \
        {"colormap",                                                                                          \
         LL_OPTION_CHOICE,                                                                                    \
         &(f)->colormap,                                                                                      \
         "viridis|cividis|magma|brown|balance|grey",                                                          \
         "colours of values, lowest first",                                                                   \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"camera", LL_OPTION_REALS, &(f)->camera, "AZIMUTH,ELEVATION", "view of a surface, degrees", 0, 0,    \
         NULL},                                                                                               \
        {"columns", LL_OPTION_INTEGER, &(f)->columns, "N", "panels side by side; 0: up to three", 0.0, 100.0, \
         NULL},                                                                                               \
        {"fractions", LL_OPTION_FLAG, &(f)->fractions, NULL, "profile widths as shares of the domain", 0, 0,  \
         NULL},                                                                                               \
        {"letters", LL_OPTION_FLAG, &(f)->letters, NULL, "letters (a), (b) ... on the panels", 0, 0, NULL},   \
        {"own-scales", LL_OPTION_FLAG, &(f)->own_scales, NULL, "each panel on its own scale", 0, 0, NULL},    \
    {                                                                                                         \
        "no-colorbar", LL_OPTION_FLAG, &(f)->no_colorbar, NULL, "leave the colour bar out", 0, 0, NULL        \
    }

#endif
