#include "figure_options.h"

ll_figure_settings ll_figure_settings_default(void)
{
    ll_figure_options o = ll_figure_options_default();
    return (ll_figure_settings){.colormap = ll_colormap_name(o.colormap),
                                .scale = ll_scale_name(o.scale),
                                .width = o.width_mm,
                                .font_size = o.font_size,
                                .dots_per_inch = o.dots_per_inch,
                                .vmin = NAN,
                                .vmax = NAN,
                                .levels = o.levels,
                                .camera = {.values = {o.azimuth, o.elevation}, .count = 2}};
}

bool ll_figure_settings_apply(const ll_command *command, const ll_figure_settings *settings,
                              ll_figure_options *options, int *exit_code)
{
    ll_figure_options o = ll_figure_options_default();
    ll_error error = {0};
    ll_figure_format format;
    /* The choices were checked when the line was parsed. */
    (void)ll_colormap_parse(settings->colormap, &o.colormap);
    (void)ll_scale_parse(settings->scale, &o.scale);
    o.width_mm = settings->width;
    o.height_mm = settings->height;
    o.font_size = settings->font_size;
    o.dots_per_inch = settings->dots_per_inch;
    o.levels = (int)settings->levels;
    o.vmin = settings->vmin;
    o.vmax = settings->vmax;
    o.columns = (int)settings->columns;
    o.fractions = settings->fractions;
    o.letters = settings->letters;
    o.shared = !settings->own_scales;
    o.no_colorbar = settings->no_colorbar;
    if (settings->camera.count != 2) {
        *exit_code = ll_command_misuse(
            command, "--camera needs two numbers; got %d; wanted AZIMUTH,ELEVATION", settings->camera.count);
        return false;
    }
    o.azimuth = settings->camera.values[0];
    o.elevation = settings->camera.values[1];
    if (!(o.elevation >= 0.0 && o.elevation <= 90.0)) {
        *exit_code = ll_command_misuse(command, "the camera's elevation is %g; wanted 0 (side) to 90 (top)",
                                       o.elevation);
        return false;
    }
    if (o.vmin >= o.vmax) {
        *exit_code = ll_command_misuse(command, "--vmin %g is not below --vmax %g", o.vmin, o.vmax);
        return false;
    }
    if (settings->path != NULL && ll_figure_format_of(settings->path, &format, &error) != LL_OK) {
        *exit_code = ll_command_misuse(command, "--figure %s: %s", settings->path, error.message);
        return false;
    }
    *options = o;
    return true;
}
