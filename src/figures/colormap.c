/* Colour maps by control values, and the series colours of Okabe and Ito (2008). The values of viridis,
 * magma (van der Walt and Smith, matplotlib, CC0) and cividis (Nunez et al. 2018) are samples of the
 * published tables at equal steps; linear interpolation in sRGB stays within 1/100 of them. */
#include "losslens/figures.h"

#include <math.h>
#include <string.h>

static const char *const map_names[] = {
#define LL_COLORMAP_TEXT(name, text) text,
    LL_COLORMAP_LIST(LL_COLORMAP_TEXT)
#undef LL_COLORMAP_TEXT
};

enum { STOPS = 10 };

static const uint32_t stops[LL_COLORMAPS][STOPS] = {
    [LL_COLORMAP_VIRIDIS] = {0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58,
                             0xb5de2b, 0xfde725},
    [LL_COLORMAP_CIVIDIS] = {0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369,
                             0xe1cc55, 0xfee838},
    [LL_COLORMAP_MAGMA] = {0x000004, 0x180f3d, 0x440f76, 0x721f81, 0x9e2f7f, 0xcd4071, 0xf1605d, 0xfd9668,
                           0xfeca8d, 0xfcfdbf},
    [LL_COLORMAP_BROWN] = {0x2e1503, 0x4a2408, 0x683612, 0x864b20, 0xa26433, 0xba7f4c, 0xcf9b6b, 0xe0b68e,
                           0xeed2b5, 0xf9edde},
    [LL_COLORMAP_BALANCE] = {0x1f4e8c, 0x3a76b4, 0x6ba3d0, 0xa6cae3, 0xe2ecf2, 0xf6e8e1, 0xf0bda4, 0xdb8468,
                             0xbd4a40, 0x8e1b2a},
    [LL_COLORMAP_GREY] = {0x1a1a1a, 0x313131, 0x494949, 0x616161, 0x7a7a7a, 0x949494, 0xaeaeae, 0xc8c8c8,
                          0xe2e2e2, 0xfafafa},
};

static const uint32_t series_colors[] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7,
                                         0xe69f00, 0x56b4e9, 0x555555, 0x9a8f00};

static void unpack(uint32_t color, double rgb[3])
{
    for (int c = 0; c < 3; c++) rgb[c] = (double)((color >> (16 - 8 * c)) & 0xFF) / 255.0;
}

const char *ll_colormap_name(ll_colormap map)
{
    return (unsigned)map < LL_COLORMAPS ? map_names[map] : "unknown";
}

bool ll_colormap_parse(const char *name, ll_colormap *map)
{
    for (int i = 0; i < LL_COLORMAPS; i++) {
        if (strcmp(name, map_names[i]) == 0) {
            *map = (ll_colormap)i;
            return true;
        }
    }
    return false;
}

void ll_colormap_at(ll_colormap map, double t, double rgb[3])
{
    if ((unsigned)map >= LL_COLORMAPS) map = LL_COLORMAP_VIRIDIS;
    t = t > 0.0 ? (t < 1.0 ? t : 1.0) : 0.0;
    double position = t * (STOPS - 1);
    int low = (int)position;
    if (low > STOPS - 2) low = STOPS - 2;
    double part = position - low, a[3], b[3];
    unpack(stops[map][low], a);
    unpack(stops[map][low + 1], b);
    for (int c = 0; c < 3; c++) rgb[c] = a[c] + part * (b[c] - a[c]);
}

void ll_series_color(int64_t index, double rgb[3])
{
    enum { COUNT = sizeof series_colors / sizeof series_colors[0] };
    unpack(series_colors[index < 0 ? 0 : index % COUNT], rgb);
}
