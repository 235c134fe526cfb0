/* Fused programs: random ones, compiled to machine code, against the interpreter of the portable kernels, bit by bit. */
#include "support_cmocka.h"

#include "losslens/kernels_map.h"

#include <math.h>
#include <string.h>

enum { PROGRAMS = 3000 };

static uint64_t draws;
static int64_t below(int64_t limit)
{
    ll_rng rng = ll_rng_make(11, "map", "programs");
    int64_t value = (int64_t)(ll_rng_uniform(rng, draws++) * (double)limit);
    return value < limit ? value : limit - 1;
}

/* A small choice of values, so that comparisons meet equal ones, zeros of both signs, infinities and NaN. */
static double element(void)
{
    static const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, 2.0, INFINITY, -INFINITY, NAN, 1e-40, 3e38};
    if (below(3) == 0) return special[below(sizeof special / sizeof *special)];
    return (double)below(4000) / 1000.0 - 2.0;
}

static void put(ll_dtype dtype, void *data, int64_t i, double value)
{
    if (dtype == LL_F32) ((float *)data)[i] = (float)value;
    else if (dtype == LL_F64) ((double *)data)[i] = value;
    else ((uint8_t *)data)[i] = value > 0;
}

typedef struct space {
    int rank;
    int64_t shape[LL_GRAPH_RANK], count;
    int64_t channels; /* of a blocked space */
} space;

static space random_space(bool blocked)
{
    space made = {.rank = 2, .shape = {1 + below(5), 1 + below(600)}};
    if (blocked)
        made = (space){.rank = 5, .shape = {1 + below(3), 1 + below(2), 1 + below(6), 1 + below(9), 16}};
    else if (below(3) == 0) made.shape[1] = 16 * (1 + below(40));
    made.count = 1;
    for (int axis = 0; axis < made.rank; axis++) made.count *= made.shape[axis];
    made.channels = blocked ? made.shape[1] * 16 : 0;
    return made;
}

/* Dense, one value a column (a channel), one value a row, or one value for all. */
static int64_t random_strides(const space *at, int64_t *strides)
{
    int64_t dense = 1, kind = below(4);
    memset(strides, 0, sizeof(int64_t) * LL_GRAPH_RANK);
    if (kind == 3) return 1;
    if (kind == 2 && at->channels) {
        strides[1] = 16;
        strides[4] = 1;
        return at->channels;
    }
    if (kind == 2) {
        strides[1] = 1;
        return at->shape[1];
    }
    if (kind == 1) {
        strides[0] = 1;
        return at->shape[0];
    }
    for (int axis = at->rank - 1; axis >= 0; axis--) {
        strides[axis] = dense;
        dense *= at->shape[axis];
    }
    return dense;
}

/* The registers that hold a value of a type; operands are counted behind them, as in an instruction. */
typedef struct pool {
    uint8_t at[LL_MAP_REGISTERS + LL_MAP_OPERANDS];
    int count;
} pool;

static uint8_t any_of(const pool *from) { return from->at[below(from->count)]; }

static bool random_instruction(ll_dtype real, const pool *reals, const pool *masks, ll_map_instruction *made)
{
    static const uint8_t operations[] = {LL_OP_NEGATE,
                                         LL_OP_ABS,
                                         LL_OP_SQRT,
                                         LL_OP_RECIPROCAL,
                                         LL_OP_DETACH,
                                         LL_OP_ADD,
                                         LL_OP_SUBTRACT,
                                         LL_OP_MULTIPLY,
                                         LL_OP_DIVIDE,
                                         LL_OP_MIN,
                                         LL_OP_MAX,
                                         LL_OP_LESS,
                                         LL_OP_LESS_EQUAL,
                                         LL_OP_EQUAL,
                                         LL_OP_SELECT,
                                         LL_OP_NOT,
                                         LL_OP_AND,
                                         LL_OP_OR,
                                         LL_OP_CAST,
                                         LL_OP_SIGN,
                                         LL_OP_FLOOR,
                                         LL_MAP_SELECT_LESS,
                                         LL_MAP_SELECT_LESS_EQUAL};
    int64_t choice = below((int64_t)sizeof operations + 12);
    *made = (ll_map_instruction){.type = (uint8_t)real, .result_type = (uint8_t)real};
    made->operation =
        (uint8_t)(choice < (int64_t)sizeof operations ? operations[choice]
                                                      : LL_MAP_PAIRS + choice - (int64_t)sizeof operations);
    for (int k = 0; k < 4; k++) made->in[k] = any_of(reals);
    switch (made->operation) {
    case LL_OP_LESS:
    case LL_OP_LESS_EQUAL:
    case LL_OP_EQUAL: made->result_type = LL_BOOL; return true;
    case LL_OP_SELECT:
        if (masks->count == 0) return false;
        made->in[0] = any_of(masks);
        return true;
    case LL_OP_NOT:
    case LL_OP_AND:
    case LL_OP_OR:
        if (masks->count == 0) return false;
        made->type = made->result_type = LL_BOOL;
        for (int k = 0; k < 2; k++) made->in[k] = any_of(masks);
        return true;
    case LL_OP_CAST:
        if (below(2) == 0) {
            made->result_type = LL_BOOL;
            return true;
        }
        if (masks->count == 0) return false;
        made->type = LL_BOOL;
        made->in[0] = any_of(masks);
        return true;
    default: return true;
    }
}

static void forget(pool *from, uint8_t home)
{
    for (int i = 0; i < from->count; i++)
        if (from->at[i] == home) from->at[i--] = from->at[--from->count];
}

/* Registers are used again, for values of other types as well; some results are outputs or summed, and stay. The last
 * result is always an output. */
static void random_program(ll_dtype real, const space *at, bool blocked, int64_t *operand_count,
                           ll_map_program *made)
{
    pool reals = {.count = 0}, masks = {.count = 0};
    memset(made, 0, sizeof *made);
    made->wide = real == LL_F64;
    made->blocked = blocked;
    made->input_count = 1 + (int)below(below(4) == 0 ? 20 : 6);
    for (int i = 0; i < made->input_count; i++) {
        bool mask = i > 0 && below(5) == 0;
        pool *to = mask ? &masks : &reals;
        made->inputs[i].dtype = mask ? LL_BOOL : real;
        operand_count[i] = random_strides(at, made->inputs[i].strides);
        to->at[to->count++] = (uint8_t)(LL_MAP_REGISTERS + i);
    }
    bool stays[LL_MAP_REGISTERS] = {false};
    int registers = 4 + (int)below(LL_MAP_REGISTERS - 3), free = registers, wanted = 1 + (int)below(40);
    while (made->code_count < wanted) {
        ll_map_instruction *next = &made->code[made->code_count];
        if (!random_instruction(real, &reals, &masks, next)) continue;
        do next->out = (uint8_t)below(registers);
        while (stays[next->out]);
        forget(&reals, next->out);
        forget(&masks, next->out);
        pool *to = next->result_type == LL_BOOL ? &masks : &reals;
        to->at[to->count++] = next->out;
        made->code_count++;
        if (made->code_count < wanted && (below(6) != 0 || free <= 2)) continue;
        stays[next->out] = true;
        free--;
        if (blocked && real == LL_F32 && next->result_type == LL_F32 && below(2) == 0) {
            made->sum_register[made->sum_count++] = next->out;
            if (below(2) == 0) continue;
        }
        made->output_type[made->output_count] = (ll_dtype)next->result_type;
        made->output_register[made->output_count++] = next->out;
    }
}

static bool same_element(ll_dtype dtype, const void *a, const void *b, int64_t i)
{
    size_t bytes = ll_dtype_bytes(dtype);
    const char *x = (const char *)a + (size_t)i * bytes, *y = (const char *)b + (size_t)i * bytes;
    if (memcmp(x, y, bytes) == 0) return true;
    if (dtype == LL_F32)
        return isnan(((const float *)a)[i]) && isnan(((const float *)b)[i]); /* whose bits are free */
    return dtype == LL_F64 && isnan(((const double *)a)[i]) && isnan(((const double *)b)[i]);
}

static void run_on(ll_cpu_level cpu, const ll_map_program *program, const space *at, void *const *inputs,
                   void **outputs, bool *compiled)
{
    ll_map *map = NULL;
    CHECK_OK(ll_map_create(program, at->rank, at->shape, cpu, &map, error));
    void *workspace = ll_allocate(ll_map_workspace(map));
    assert_non_null(workspace);
    ll_map_run(map, (const void *const *)inputs, outputs, workspace);
    *compiled = ll_map_is_compiled(map);
    ll_free(workspace);
    ll_map_destroy(map);
}

static void check_program(ll_dtype real, bool blocked, bool *compiled)
{
    enum { LEVELS = 2, TABLES = 2 * LL_MAP_OPERANDS };
    static ll_map_program program;
    space at = random_space(blocked);
    int64_t operand_count[LL_MAP_OPERANDS];
    random_program(real, &at, blocked, operand_count, &program);
    void *inputs[LL_MAP_OPERANDS], *outputs[LEVELS][TABLES];
    for (int i = 0; i < program.input_count; i++) {
        inputs[i] = ll_allocate_zeroed((size_t)operand_count[i] * 8 + 64);
        assert_non_null(inputs[i]);
        for (int64_t k = 0; k < operand_count[i]; k++) put(program.inputs[i].dtype, inputs[i], k, element());
    }
    int tables = program.output_count + program.sum_count;
    ll_cpu_level levels[LEVELS] = {program.sum_count > 0 ? LL_CPU_AVX2 : LL_CPU_PORTABLE, LL_CPU_AVX512};
    for (int l = 0; l < LEVELS; l++) {
        for (int o = 0; o < tables; o++) {
            outputs[l][o] = ll_allocate_zeroed((size_t)at.count * 8 + 64);
            assert_non_null(outputs[l][o]);
            memset(outputs[l][o], 0x5a, (size_t)at.count * 8 + 64);
        }
        bool here;
        run_on(levels[l], &program, &at, inputs, outputs[l], &here);
        if (l == 1) *compiled = here;
        else assert_false(here);
    }
    for (int o = 0; o < tables; o++) {
        bool sum = o >= program.output_count;
        ll_dtype dtype = sum ? LL_F32 : program.output_type[o];
        int64_t count = sum ? at.channels : at.count;
        for (int64_t i = 0; i < count; i++)
            if (!same_element(dtype, outputs[0][o], outputs[1][o], i))
                fail_msg("%s %d of %d, element %lld of %lld", sum ? "sum" : "output", o, tables, (long long)i,
                         (long long)count);
        size_t end = (size_t)count * ll_dtype_bytes(dtype); /* nothing is written behind the end */
        assert_memory_equal((char *)outputs[0][o] + end, (char *)outputs[1][o] + end, 64);
    }
    for (int i = 0; i < program.input_count; i++) ll_free(inputs[i]);
    for (int l = 0; l < LEVELS; l++)
        for (int o = 0; o < tables; o++) ll_free(outputs[l][o]);
}

static void test_code_equals_interpreter(void **state)
{
    (void)state;
    if (ll_cpu_detect() < LL_CPU_AVX512) {
        print_message("skipped: machine code is written for AVX-512, which this processor has not\n");
        skip();
    }
    int compiled = 0;
    for (int p = 0; p < PROGRAMS; p++) {
        bool here = false;
        check_program(p % 3 == 2 ? LL_F64 : LL_F32, p % 3 == 0, &here);
        compiled += here;
    }
    print_message("%d of %d random programs were compiled\n", compiled, PROGRAMS);
    assert_true(compiled > PROGRAMS * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_code_equals_interpreter)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
