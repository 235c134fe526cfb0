/* The loops of gemm.h for one element type; included twice by each gemm_<isa>.c with T, V (vector), LANES, ROWS (rows
 * of a register tile), NAME and the vector operations VLOAD, VSTORE, VSET, VFMA, VZERO, MASK, VLOADM, VSTOREM. */

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)

LL_INLINE void PASTE(NAME, _tile)(const ll_gemm *it, const T *a, const T *b, T *c, const int R, const int P, MASK mask)
{
    V sum[24];
    LL_UNROLL
    for (int r = 0; r < R; ++r) {
        LL_UNROLL
        for (int p = 0; p < P; ++p) sum[r * P + p] = VZERO();
    }
    int64_t rs = it->a_row, cs = it->a_column, bs = it->b_row;
    for (int64_t k = 0; k < it->k; ++k) {
        V row[4];
        LL_UNROLL
        for (int p = 0; p < P; ++p) row[p] = p + 1 == P ? VLOADM(mask, b + p * LANES) : VLOAD(b + p * LANES);
        LL_UNROLL
        for (int r = 0; r < R; ++r) {
            V x = VSET(a[r * rs]);
            LL_UNROLL
            for (int p = 0; p < P; ++p) sum[r * P + p] = VFMA(x, row[p], sum[r * P + p]);
        }
        a += cs;
        b += bs;
    }
    LL_UNROLL
    for (int r = 0; r < R; ++r) {
        LL_UNROLL
        for (int p = 0; p < P; ++p) {
            if (p + 1 == P) VSTOREM(mask, c + r * it->c_row + p * LANES, sum[r * P + p]);
            else VSTORE(c + r * it->c_row + p * LANES, sum[r * P + p]);
        }
    }
}

#define TILE_CASE(R, P)                                                                             \
    static void PASTE(NAME, _##R##_##P)(const ll_gemm *it, const T *a, const T *b, T *c, MASK mask) \
    {                                                                                               \
        PASTE(NAME, _tile)(it, a, b, c, R, P, mask);                                                \
    }
#define TILE_ROWS(P) TILE_CASE(1, P) TILE_CASE(2, P) TILE_CASE(4, P)
TILE_ROWS(1)
TILE_ROWS(2)
TILE_ROWS(3)
#if LL_SIMD_REGISTERS == 32
TILE_ROWS(4)
TILE_CASE(6, 4)
TILE_CASE(6, 3)
TILE_CASE(8, 3)
TILE_CASE(8, 2)
TILE_CASE(12, 2)
TILE_CASE(8, 1)
TILE_CASE(16, 1)
#else
TILE_CASE(6, 2)
TILE_CASE(8, 1)
#endif

#define ROWS_OF(R, P)                                                                               \
    for (; m + R <= it->m; m += R) PASTE(NAME, _##R##_##P)(it, a + m * it->a_row, b, c + m * it->c_row, mask)

static void PASTE(NAME, _columns)(const ll_gemm *it, const T *a, const T *b, T *c, int panels, MASK mask)
{
    int64_t m = 0;
    switch (panels) {
#if LL_SIMD_REGISTERS == 32
    case 4: ROWS_OF(6, 4); ROWS_OF(4, 4); ROWS_OF(2, 4); ROWS_OF(1, 4); break;
    case 3: ROWS_OF(8, 3); ROWS_OF(6, 3); ROWS_OF(4, 3); ROWS_OF(2, 3); ROWS_OF(1, 3); break;
    case 2: ROWS_OF(12, 2); ROWS_OF(8, 2); ROWS_OF(4, 2); ROWS_OF(2, 2); ROWS_OF(1, 2); break;
    default: ROWS_OF(16, 1); ROWS_OF(8, 1); ROWS_OF(4, 1); ROWS_OF(2, 1); ROWS_OF(1, 1); break;
#else
    case 3: ROWS_OF(4, 3); ROWS_OF(2, 3); ROWS_OF(1, 3); break;
    case 2: ROWS_OF(6, 2); ROWS_OF(4, 2); ROWS_OF(2, 2); ROWS_OF(1, 2); break;
    default: ROWS_OF(8, 1); ROWS_OF(4, 1); ROWS_OF(2, 1); ROWS_OF(1, 1); break;
#endif
    }
}

void NAME(const ll_gemm *it, const T *a, const T *b, T *c)
{
    enum { MOST = LL_SIMD_REGISTERS == 32 ? 4 : 3 };
    int64_t panels = (it->n + LANES - 1) / LANES;
    for (int64_t panel = 0; panel < panels;) {
        int64_t left = panels - panel;
        int width = (int)(left == MOST + 1 ? 3 : ll_min_int64(left, MOST));
        int64_t first = panel * LANES, count = ll_min_int64((int64_t)width * LANES, it->n - first);
        MASK mask = MAKE_MASK(count - (int64_t)(width - 1) * LANES);
        PASTE(NAME, _columns)(it, a, b + first, c + first, width, mask);
        panel += width;
    }
}

#undef PASTE
#undef PASTE2
#undef TILE_CASE
#undef TILE_ROWS
#undef ROWS_OF
#undef T
#undef V
#undef LANES
#undef NAME
#undef VLOAD
#undef VSTORE
#undef VSET
#undef VFMA
#undef VZERO
#undef MASK
#undef VLOADM
#undef VSTOREM
#undef MAKE_MASK
