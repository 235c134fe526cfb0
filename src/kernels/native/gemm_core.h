/* The loops of gemm.h for one element type; included twice by each gemm_<isa>.c with T, V (vector), LANES, NAME and the
 * vector operations VLOAD, VSTORE, VSET, VFMA, VZERO, MASK, VLOADM, VSTOREM,
 * VREDUCE (sum of the lanes). Where VN (a vector of LANES / 4) and its
 * operations are defined, a last panel of at most that many columns costs what it is worth: a narrow multiply-add takes
 * half the time of a wide one. The bits are the same. */

#define PASTE2(a, b) a##b
#define PASTE(a, b) PASTE2(a, b)

#ifndef VN
#define VN V
#define VNZERO VZERO
#define VNLOADM(mask, p) VLOADM(mask, p)
#define VNSTOREM(mask, p, v) VSTOREM(mask, p, v)
#define VNFMA VFMA
#define VNLOW(x) (x)
#define NARROWS 0
#else
#define NARROWS 1
#endif

/* R rows by P panels of full width and a last one: masked, or (NARROW) a short vector. `start` may be NULL: zeros. */
LL_INLINE void PASTE(NAME, _tile)(const ll_gemm *it, const T *a, const T *b, const T *start, T *c,
                                  const int R, const int P, const int NARROW, MASK mask)
{
    V sum[24];
    VN rest[16];
    const int wide = NARROW ? P - 1 : P;
    LL_UNROLL
    for (int r = 0; r < R; ++r) {
        LL_UNROLL
        for (int p = 0; p < wide; ++p) sum[r * wide + p] = VZERO();
        rest[r] = VNZERO();
    }
    if (start) {
        LL_UNROLL
        for (int r = 0; r < R; ++r) {
            const T *from = start + r * it->start_row;
            LL_UNROLL
            for (int p = 0; p < wide; ++p)
                sum[r * wide + p] = p + 1 == P ? VLOADM(mask, from + p * LANES) : VLOAD(from + p * LANES);
            if (NARROW) rest[r] = VNLOADM(mask, from + wide * LANES);
        }
    }
    int64_t rs = it->a_row, cs = it->a_column, bs = it->b_row;
    for (int64_t k = 0; k < it->k; ++k) {
        V row[4];
        VN last = VNZERO();
        LL_UNROLL
        for (int p = 0; p < wide; ++p)
            row[p] = p + 1 == P ? VLOADM(mask, b + p * LANES) : VLOAD(b + p * LANES);
        if (NARROW) last = VNLOADM(mask, b + wide * LANES);
        LL_UNROLL
        for (int r = 0; r < R; ++r) {
            V x = VSET(a[r * rs]);
            LL_UNROLL
            for (int p = 0; p < wide; ++p) sum[r * wide + p] = VFMA(x, row[p], sum[r * wide + p]);
            if (NARROW) rest[r] = VNFMA(VNLOW(x), last, rest[r]);
        }
        a += cs;
        b += bs;
    }
    LL_UNROLL
    for (int r = 0; r < R; ++r) {
        LL_UNROLL
        for (int p = 0; p < wide; ++p) {
            if (p + 1 == P) VSTOREM(mask, c + r * it->c_row + p * LANES, sum[r * wide + p]);
            else VSTORE(c + r * it->c_row + p * LANES, sum[r * wide + p]);
        }
        if (NARROW) VNSTOREM(mask, c + r * it->c_row + wide * LANES, rest[r]);
    }
}

#define TILE_CASE(R, P)                                                                                      \
    static void PASTE(NAME, _##R##_##P)(const ll_gemm *it, const T *a, const T *b, const T *start, T *c,     \
                                        MASK mask)                                                           \
    {                                                                                                        \
        PASTE(NAME, _tile)(it, a, b, start, c, R, P, 0, mask);                                               \
    }                                                                                                        \
    static void PASTE(NAME, _##R##_##P##_narrow)(const ll_gemm *it, const T *a, const T *b, const T *start,  \
                                                 T *c, MASK mask)                                            \
    {                                                                                                        \
        PASTE(NAME, _tile)(it, a, b, start, c, R, P, NARROWS, mask);                                         \
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

#define ROWS_OF(R, P)                                                                                        \
    for (; m + R <= it->m; m += R)                                                                           \
    (narrow ? PASTE(NAME, _##R##_##P##_narrow) : PASTE(NAME, _##R##_##P))(                                   \
        it, a + m * it->a_row, b, start ? start + m * it->start_row : NULL, c + m * it->c_row, mask)

static void PASTE(NAME, _columns)(const ll_gemm *it, const T *a, const T *b, const T *start, T *c, int panels,
                                  bool narrow, MASK mask)
{
    int64_t m = 0;
    switch (panels) {
#if LL_SIMD_REGISTERS == 32
    case 4:
        ROWS_OF(6, 4);
        ROWS_OF(4, 4);
        ROWS_OF(2, 4);
        ROWS_OF(1, 4);
        break;
    case 3:
        ROWS_OF(8, 3);
        ROWS_OF(6, 3);
        ROWS_OF(4, 3);
        ROWS_OF(2, 3);
        ROWS_OF(1, 3);
        break;
    case 2:
        ROWS_OF(12, 2);
        ROWS_OF(8, 2);
        ROWS_OF(4, 2);
        ROWS_OF(2, 2);
        ROWS_OF(1, 2);
        break;
    default:
        ROWS_OF(16, 1);
        ROWS_OF(8, 1);
        ROWS_OF(4, 1);
        ROWS_OF(2, 1);
        ROWS_OF(1, 1);
        break;
#else
    case 3:
        ROWS_OF(4, 3);
        ROWS_OF(2, 3);
        ROWS_OF(1, 3);
        break;
    case 2:
        ROWS_OF(6, 2);
        ROWS_OF(4, 2);
        ROWS_OF(2, 2);
        ROWS_OF(1, 2);
        break;
    default:
        ROWS_OF(8, 1);
        ROWS_OF(4, 1);
        ROWS_OF(2, 1);
        ROWS_OF(1, 1);
        break;
#endif
    }
}

/* A single column: dot products of contiguous rows with a contiguous vector. Per element the lanes are added by one fixed
 * tree, then to the start. */
static void PASTE(NAME, _dots)(const ll_gemm *it, const T *a, const T *b, const T *start, T *c)
{
    const int64_t whole = it->k / LANES * LANES;
    const MASK mask = MAKE_MASK(it->k - whole);
    for (int64_t m = 0; m < it->m;) {
        const int64_t rows = ll_min_int64(4, it->m - m), rs = rows == 4 ? it->a_row : 0;
        const T *from = a + m * it->a_row;
        V sum[4] = {VZERO(), VZERO(), VZERO(), VZERO()};
        for (int64_t k = 0; k < whole; k += LANES) {
            V y = VLOAD(b + k);
            LL_UNROLL
            for (int r = 0; r < 4; ++r) sum[r] = VFMA(VLOAD(from + r * rs + k), y, sum[r]);
        }
        if (whole < it->k) {
            V y = VLOADM(mask, b + whole);
            LL_UNROLL
            for (int r = 0; r < 4; ++r) sum[r] = VFMA(VLOADM(mask, from + r * rs + whole), y, sum[r]);
        }
        const int64_t done = rows == 4 ? 4 : 1; /* fewer than four rows: one by one */
        for (int64_t r = 0; r < done; r++) {
            T value = VREDUCE(sum[r]);
            c[(m + r) * it->c_row] = start ? start[(m + r) * it->start_row] + value : value;
        }
        m += done;
    }
}

#if NARROWS
/* The last few columns where A is read along its rows (a transposed A: weight gradients): rows and columns exchanged, so
 * that vectors run along the rows of C. The same chains, the same bits, a fraction of the multiply-adds. */
static void PASTE(NAME, _exchanged)(const ll_gemm *it, const T *a, const T *b, const T *start, T *c)
{
    enum { ROWS = 4 * LANES };
    T block[LANES / 4 * ROWS];
    for (int64_t m = 0; m < it->m; m += ROWS) {
        const int64_t rows = ll_min_int64(ROWS, it->m - m);
        const ll_gemm turned = {.m = it->n,
                                .n = rows,
                                .k = it->k,
                                .a_row = 1,
                                .a_column = it->b_row,
                                .b_row = it->a_column,
                                .c_row = ROWS,
                                .start_row = ROWS};
        for (int64_t r = 0; start && r < rows; r++)
            for (int64_t j = 0; j < it->n; j++) block[j * ROWS + r] = start[(m + r) * it->start_row + j];
        NAME(&turned, b, a + m, start ? block : NULL, block);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t j = 0; j < it->n; j++) c[(m + r) * it->c_row + j] = block[j * ROWS + r];
    }
}
#endif

void NAME(const ll_gemm *it, const T *a, const T *b, const T *start, T *c)
{
    enum { MOST = LL_SIMD_REGISTERS == 32 ? 4 : 3 };
#if NARROWS
    const int64_t few = it->n % LANES;
    if (it->a_row == 1 && it->a_column != 1 && few > 0 && few <= LANES / 4 && it->m >= LANES) {
        ll_gemm part = *it;
        part.n = few;
        PASTE(NAME, _exchanged)
        (&part, a, b + it->n - few, start ? start + it->n - few : NULL, c + it->n - few);
        part.n = it->n - few;
        if (part.n > 0) NAME(&part, a, b, start, c);
        return;
    }
#endif
    int64_t panels = (it->n + LANES - 1) / LANES;
    if (it->n == 1 && it->a_column == 1 && it->b_row == 1) {
        PASTE(NAME, _dots)(it, a, b, start, c);
        return;
    }
    for (int64_t panel = 0; panel < panels;) {
        int64_t left = panels - panel;
        int width = (int)(left == MOST + 1 ? 3 : ll_min_int64(left, MOST));
        int64_t first = panel * LANES, count = ll_min_int64((int64_t)width * LANES, it->n - first);
        int64_t last = count - (int64_t)(width - 1) * LANES;
        MASK mask = MAKE_MASK(last);
        PASTE(NAME, _columns)
        (it, a, b + first, start ? start + first : NULL, c + first, width, NARROWS && last <= LANES / 4,
         mask);
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
#undef VREDUCE
#undef MAKE_MASK
#undef VN
#undef VNZERO
#undef VNLOADM
#undef VNSTOREM
#undef VNFMA
#undef VNLOW
#undef NARROWS
