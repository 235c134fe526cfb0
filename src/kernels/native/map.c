#include "kernels/native/map_code.h"
#include "losslens/kernels_convolution.h"

#include <string.h>

/* How a tile of an input gets into its register. Axes are those of the iteration space, merged where every operand
 * allows it. */
typedef enum access {
    ACCESS_DIRECT,   /* dense: the register is the memory itself */
    ACCESS_UNIFORM,  /* one element everywhere */
    ACCESS_PERIODIC, /* a block of `period` elements repeats `repeats` times, then moves on */
    ACCESS_STRIDED
} access;

struct ll_map {
    ll_map_program program;
    int rank;
    int64_t shape[LL_GRAPH_RANK]; /* merged axes */
    int64_t images, blocks,
        inner; /* the space is walked block by block, image by image, `inner` elements at a time */
    int64_t tile;
    access access[LL_MAP_OPERANDS];
    int64_t strides[LL_MAP_OPERANDS][LL_GRAPH_RANK];
    int64_t period[LL_MAP_OPERANDS], repeats[LL_MAP_OPERANDS];
    ll_map_execute execute;
    ll_map_code *code;               /* or NULL: every instruction is interpreted */
    bool invariant[LL_MAP_OPERANDS]; /* the same 16 elements (float64: 8) throughout a block */
    void (*sums)(const float *x, int64_t pixels, double *sums); /* see ll_conv_isa */
    int register_count;
    /* Outputs whose register may be the memory itself: nothing wider is ever put into it. */
    bool in_place[LL_MAP_OPERANDS];
};

bool ll_map_operation_supported(ll_op op, ll_dtype type, ll_dtype result)
{
    bool real = type == LL_F32 || type == LL_F64, real_result = result == LL_F32 || result == LL_F64;
    switch (op) {
    case LL_OP_NEGATE:
    case LL_OP_EXP:
    case LL_OP_EXPM1:
    case LL_OP_LOG:
    case LL_OP_LOG1P:
    case LL_OP_SQRT:
    case LL_OP_RECIPROCAL:
    case LL_OP_SIN:
    case LL_OP_COS:
    case LL_OP_TANH:
    case LL_OP_ERF:
    case LL_OP_ABS:
    case LL_OP_SIGN:
    case LL_OP_FLOOR:
    case LL_OP_ADD:
    case LL_OP_SUBTRACT:
    case LL_OP_MULTIPLY:
    case LL_OP_DIVIDE:
    case LL_OP_POWER:
    case LL_OP_MIN:
    case LL_OP_MAX: return real && result == type;
    case LL_OP_LESS:
    case LL_OP_LESS_EQUAL: return real;
    case LL_OP_EQUAL: return real || type == LL_BOOL;
    case LL_OP_NOT:
    case LL_OP_AND:
    case LL_OP_OR: return type == LL_BOOL;
    case LL_OP_SELECT: return real_result || result == LL_BOOL;
    case LL_OP_DETACH: return real || type == LL_BOOL;
    case LL_OP_CAST: return (real || type == LL_BOOL) && (real_result || result == LL_BOOL);
    default: return false;
    }
}

static bool joins(const ll_map *map, int axis, int64_t extent)
{
    for (int i = 0; i < map->program.input_count; i++)
        if (map->strides[i][axis] != map->strides[i][axis + 1] * extent) return false;
    return true;
}

static void merge_axes(ll_map *map)
{
    for (int axis = 0; axis < map->rank;) { /* axes of one element go */
        if (map->shape[axis] != 1) {
            axis++;
            continue;
        }
        for (int k = axis; k + 1 < map->rank; k++) {
            map->shape[k] = map->shape[k + 1];
            for (int i = 0; i < map->program.input_count; i++) map->strides[i][k] = map->strides[i][k + 1];
        }
        map->rank--;
    }
    for (int axis = 0; axis + 1 < map->rank;) {
        if (!joins(map, axis, map->shape[axis + 1])) {
            axis++;
            continue;
        }
        map->shape[axis] *= map->shape[axis + 1];
        for (int i = 0; i < map->program.input_count; i++) map->strides[i][axis] = map->strides[i][axis + 1];
        for (int k = axis + 1; k + 1 < map->rank; k++) {
            map->shape[k] = map->shape[k + 1];
            for (int i = 0; i < map->program.input_count; i++) map->strides[i][k] = map->strides[i][k + 1];
        }
        map->rank--;
    }
    if (map->rank == 0) {
        map->rank = 1;
        map->shape[0] = 1;
        for (int i = 0; i < map->program.input_count; i++) map->strides[i][0] = 0;
    }
}

static void classify(ll_map *map, int input)
{
    const int64_t *strides = map->strides[input];
    int64_t dense = 1, nonzero = 0;
    bool direct = true;
    for (int axis = map->rank - 1; axis >= 0; axis--) {
        direct = direct && (strides[axis] == dense || map->shape[axis] == 1);
        dense *= map->shape[axis];
        nonzero |= strides[axis];
    }
    map->access[input] = direct ? ACCESS_DIRECT : nonzero == 0 ? ACCESS_UNIFORM : ACCESS_STRIDED;
    if (direct || nonzero == 0) return;
    /* Trailing axes: dense ones, then broadcast ones. */
    int64_t period = 1, repeats = 1;
    int axis = map->rank - 1;
    for (; axis >= 0 && strides[axis] == period; axis--) period *= map->shape[axis];
    for (; axis >= 0 && strides[axis] == 0; axis--) repeats *= map->shape[axis];
    if (period > 1 && repeats > 1) {
        map->access[input] = ACCESS_PERIODIC;
        map->period[input] = period;
        map->repeats[input] = repeats;
    }
}

/* Code for the program; and no tiles at all where nothing has to fit one. */
static ll_status compile(ll_map *map, ll_error *error)
{
    const ll_map_program *program = &map->program;
    bool whole = true;
    for (int i = 0; i < program->input_count; i++) {
        int64_t step = program->wide ? 8 : 16;
        map->invariant[i] = map->access[i] == ACCESS_UNIFORM ||
                            (map->access[i] == ACCESS_PERIODIC && step % map->period[i] == 0 &&
                             map->period[i] * map->repeats[i] % map->inner == 0);
        whole = whole && (map->invariant[i] || map->access[i] == ACCESS_DIRECT);
    }
    for (int o = 0; o < program->output_count; o++) whole = whole && map->in_place[o];
    LL_TRY(ll_map_code_create(program, map->invariant, &map->code, error));
    if (map->code && whole && ll_map_code_is_free(map->code))
        map->tile = ll_max_int64(map->tile, map->inner / 16 * 16);
    return LL_OK;
}

ll_status ll_map_create(const ll_map_program *program, int rank, const int64_t *shape, ll_cpu_level cpu,
                        ll_map **map, ll_error *error)
{
    ll_map *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "kernels", sizeof *made);
    made->program = *program;
    made->rank = rank;
    made->images = made->blocks = made->inner = 1;
    for (int axis = 0; axis < rank; axis++) {
        made->shape[axis] = shape[axis];
        int64_t *part = !program->blocked || axis > 1 ? &made->inner
                        : axis == 0                   ? &made->images
                                                      : &made->blocks;
        *part *= shape[axis];
        for (int i = 0; i < program->input_count; i++)
            made->strides[i][axis] = shape[axis] == 1 ? 0 : program->inputs[i].strides[axis];
    }
    merge_axes(made);
    made->tile = LL_MAP_TILE_BYTES / (program->wide ? 8 : 4);
    int64_t whole = made->tile;
    for (int i = 0; i < program->input_count; i++) {
        classify(made, i);
        /* A tile of whole periods keeps the register's content from tile to tile. */
        if (made->access[i] == ACCESS_PERIODIC && made->period[i] < whole && made->tile == whole)
            made->tile = whole / made->period[i] * made->period[i];
    }
    for (int i = 0; i < program->code_count; i++)
        if (program->code[i].out >= made->register_count) made->register_count = program->code[i].out + 1;
    for (int o = 0; o < program->output_count; o++) {
        made->in_place[o] = program->output_register[o] < LL_MAP_REGISTERS;
        for (int i = 0; i < program->code_count; i++)
            if (program->code[i].out == program->output_register[o] &&
                ll_dtype_bytes((ll_dtype)program->code[i].result_type) >
                    ll_dtype_bytes(program->output_type[o]))
                made->in_place[o] = false;
    }
    made->execute = cpu >= LL_CPU_AVX512 ? ll_map_execute_avx512
                    : cpu >= LL_CPU_AVX2 ? ll_map_execute_avx2
                                         : ll_map_execute_portable;
    if (program->sum_count > 0) made->sums = ll_conv_isa_of(cpu)->sums;
    ll_status status = cpu >= LL_CPU_AVX512 ? compile(made, error) : LL_OK;
    if (status == LL_OK) *map = made;
    else ll_map_destroy(made);
    return status;
}

void ll_map_destroy(ll_map *map)
{
    if (!map) return;
    ll_map_code_destroy(map->code);
    ll_free(map);
}

bool ll_map_is_compiled(const ll_map *map) { return map->code != NULL; }

size_t ll_map_workspace(const ll_map *map)
{
    return (size_t)(map->register_count + map->program.input_count + map->program.output_count + 1) *
           LL_MAP_TILE_BYTES;
}

static void fill(size_t bytes, const void *source, int64_t count, void *target)
{
    if (bytes == 4) {
        uint32_t value;
        memcpy(&value, source, sizeof value);
        for (int64_t i = 0; i < count; i++) ((uint32_t *)target)[i] = value;
    } else if (bytes == 8) {
        uint64_t value;
        memcpy(&value, source, sizeof value);
        for (int64_t i = 0; i < count; i++) ((uint64_t *)target)[i] = value;
    } else {
        memset(target, *(const uint8_t *)source, (size_t)count);
    }
}

/* Elements start .. start + count - 1 of the iteration space into a register. */
static void gather(const ll_map *map, int input, const char *data, int64_t start, int64_t count, char *target)
{
    size_t bytes = ll_dtype_bytes(map->program.inputs[input].dtype);
    const int64_t *strides = map->strides[input];
    int last = map->rank - 1;
    int64_t index[LL_GRAPH_RANK], rest = start, offset = 0;
    for (int axis = last; axis >= 0; axis--) {
        index[axis] = rest % map->shape[axis];
        rest /= map->shape[axis];
        offset += index[axis] * strides[axis];
    }
    int64_t step = strides[last];
    while (count > 0) {
        int64_t run = ll_min_int64(count, map->shape[last] - index[last]);
        const char *from = data + offset * (int64_t)bytes;
        if (step == 1) memcpy(target, from, (size_t)run * bytes);
        else if (step == 0) fill(bytes, from, run, target);
        else if (bytes == 4)
            for (int64_t i = 0; i < run; i++) memcpy(target + i * 4, from + i * step * 4, 4);
        else
            for (int64_t i = 0; i < run; i++)
                memcpy(target + i * (int64_t)bytes, from + i * step * (int64_t)bytes, bytes);
        target += run * (int64_t)bytes;
        count -= run;
        index[last] += run;
        offset += run * step;
        for (int axis = last; axis > 0 && index[axis] == map->shape[axis]; axis--) {
            offset += strides[axis - 1] - map->shape[axis] * strides[axis];
            index[axis] = 0;
            index[axis - 1]++;
        }
    }
}

/* Element of the input at which the periodic block around `start` begins. */
static int64_t period_base(const ll_map *map, int input, int64_t start)
{
    int64_t rest = start, offset = 0, inner = 1;
    for (int axis = map->rank - 1; axis >= 0; axis--) {
        int64_t index = rest % map->shape[axis];
        rest /= map->shape[axis];
        if (inner >= map->period[input] * map->repeats[input]) offset += index * map->strides[input][axis];
        inner *= map->shape[axis];
    }
    return offset;
}

/* The elements from `base` on that a register repeats, for its first `count`. */
typedef struct held_block {
    int64_t base, count;
} held_block;

/* A tile of a periodic input; nothing is done where the register holds it already. */
static void repeat(const ll_map *map, int input, const char *data, int64_t start, int64_t count,
                   held_block *held, char *target)
{
    int64_t period = map->period[input], group = period * map->repeats[input];
    if (start % period != 0 || start / group != (start + count - 1) / group) {
        gather(map, input, data, start, count, target);
        held->count = 0;
        return;
    }
    int64_t base = period_base(map, input, start);
    if (held->base == base && held->count >= count) return;
    size_t bytes = ll_dtype_bytes(map->program.inputs[input].dtype), all = (size_t)count * bytes;
    size_t done = (size_t)ll_min_int64(period, count) * bytes;
    memcpy(target, data + (size_t)base * bytes, done);
    for (; done < all; done *= 2) memcpy(target + done, target, done < all - done ? done : all - done);
    *held = (held_block){base, count};
}

/* Where a run keeps its registers. */
typedef struct map_space {
    void *registers[LL_MAP_REGISTERS + LL_MAP_OPERANDS];
    char *buffers[LL_MAP_OPERANDS];
    char *own[LL_MAP_REGISTERS];
    held_block held[LL_MAP_OPERANDS];
} map_space;

static void run_tile(const ll_map *map, const void *const *inputs, void *const *outputs, int64_t start,
                     int64_t count, map_space *space)
{
    const ll_map_program *program = &map->program;
    void **registers = space->registers;
    int64_t padded = (count + 15) / 16 * 16;
    bool whole = padded == count;
    for (int i = 0; i < program->input_count; i++) {
        size_t bytes = ll_dtype_bytes(program->inputs[i].dtype);
        const char *data = inputs[i];
        switch (map->access[i]) {
        case ACCESS_UNIFORM: break;
        case ACCESS_DIRECT:
            if (whole) {
                registers[LL_MAP_REGISTERS + i] = (void *)(uintptr_t)(data + (size_t)start * bytes);
            } else {
                registers[LL_MAP_REGISTERS + i] = space->buffers[i];
                memcpy(space->buffers[i], data + (size_t)start * bytes, (size_t)count * bytes);
            }
            break;
        case ACCESS_PERIODIC:
            repeat(map, i, data, start, ll_min_int64(count, LL_MAP_TILE_BYTES / (program->wide ? 8 : 4)),
                   &space->held[i], space->buffers[i]);
            break;
        default: gather(map, i, data, start, count, space->buffers[i]); break;
        }
    }
    for (int o = 0; o < program->output_count; o++)
        if (map->in_place[o])
            registers[program->output_register[o]] =
                whole ? (char *)outputs[o] + (size_t)start * ll_dtype_bytes(program->output_type[o])
                      : space->own[program->output_register[o]];
    if (map->code) ll_map_code_run(map->code, program, map->execute, registers, padded);
    else
        for (int c = 0; c < program->code_count; c++) map->execute(&program->code[c], registers, padded);
    for (int o = 0; o < program->output_count; o++) {
        if (whole && map->in_place[o]) continue;
        size_t bytes = ll_dtype_bytes(program->output_type[o]);
        memcpy((char *)outputs[o] + (size_t)start * bytes, registers[program->output_register[o]],
               (size_t)count * bytes);
    }
}

void ll_map_run(const ll_map *map, const void *const *inputs, void *const *outputs, void *workspace)
{
    const ll_map_program *program = &map->program;
    map_space space;
    char *at = workspace;
    for (int r = 0; r < map->register_count; r++, at += LL_MAP_TILE_BYTES)
        space.registers[r] = space.own[r] = at;
    for (int i = 0; i < program->input_count; i++, at += LL_MAP_TILE_BYTES) {
        space.buffers[i] = at;
        space.held[i] = (held_block){0, 0};
        space.registers[LL_MAP_REGISTERS + i] = at;
        if (map->access[i] == ACCESS_UNIFORM)
            fill(ll_dtype_bytes(program->inputs[i].dtype), inputs[i],
                 LL_MAP_TILE_BYTES / (program->wide ? 8 : 4), at);
    }
    for (int64_t block = 0; block < map->blocks; block++) {
        double sums[LL_MAP_OPERANDS][16];
        memset(sums, 0, sizeof sums[0] * (size_t)program->sum_count);
        for (int64_t image = 0; image < map->images; image++) {
            int64_t first = (image * map->blocks + block) * map->inner;
            for (int64_t done = 0, count; done < map->inner; done += count) {
                count = ll_min_int64(map->tile, map->inner - done);
                run_tile(map, inputs, outputs, first + done, count, &space);
                for (int s = 0; s < program->sum_count; s++)
                    map->sums(space.registers[program->sum_register[s]], count / 16, sums[s]);
            }
        }
        for (int s = 0; s < program->sum_count; s++)
            for (int c = 0; c < 16; c++)
                ((float *)outputs[program->output_count + s])[block * 16 + c] = (float)sums[s][c];
    }
}
