/* losslens/kernels_map.h - fused element-wise programs, for the runtime. A program is a short list of instructions over
 * registers; a register holds one tile (a few hundred elements, in L1). A run walks the iteration space tile by tile
 * and, for each tile, through all instructions, so that intermediate tensors never exist. Operands are read through
 * strides (0: broadcast). */
#ifndef LOSSLENS_KERNELS_MAP_H
#define LOSSLENS_KERNELS_MAP_H

#include "losslens/graph.h"

enum { LL_MAP_TILE_BYTES = 2048, LL_MAP_OPERANDS = 32, LL_MAP_CODE = 160, LL_MAP_REGISTERS = 24 };

/* Operation of an instruction: an ll_op, or one of these. */
enum {
    LL_MAP_SELECT_LESS = LL_OPS, /* a < b ? c : d */
    LL_MAP_SELECT_LESS_EQUAL,
    /* Two operations, each rounded: t = a + b, a - b or a * b, then t + c, t - c, c - t or t * c. */
    LL_MAP_PAIRS, /* + 4 * first + second */
    LL_MAP_OPERATIONS = LL_MAP_PAIRS + 12
};

typedef struct ll_map_instruction {
    uint8_t operation;
    uint8_t type; /* ll_dtype of the operands: LL_F32, LL_F64 or LL_BOOL */
    uint8_t result_type;
    uint8_t out, in[4]; /* registers; an operand i of the program is register LL_MAP_REGISTERS + i */
} ll_map_instruction;

/* An operand: read (input) or written (output), with its strides over the iteration space in elements. */
typedef struct ll_map_operand {
    ll_dtype dtype; /* LL_F32, LL_F64 or LL_BOOL */
    int64_t strides[LL_GRAPH_RANK];
} ll_map_operand;

typedef struct ll_map_program {
    int code_count, input_count, output_count;
    ll_map_instruction code[LL_MAP_CODE];
    ll_map_operand inputs[LL_MAP_OPERANDS];
    uint8_t output_register[LL_MAP_OPERANDS]; /* outputs are dense over the iteration space */
    ll_dtype output_type[LL_MAP_OPERANDS];
    bool wide; /* any float64 */
    /* The space is [images][blocks][rows][columns][16 channels]: walked block by block, so that what has one value a
     * channel is fetched once a block. */
    bool blocked;
    /* Blocked only, float32: registers added up over images and pixels (AVX2 or better); their results, [blocks][16],
     * come after the outputs. */
    int sum_count;
    uint8_t sum_register[LL_MAP_OPERANDS];
} ll_map_program;

typedef struct ll_map ll_map;

bool ll_map_operation_supported(ll_op op, ll_dtype type, ll_dtype result);
/* The program over a concrete space; program->inputs' strides belong to it. The program is copied. */
ll_status ll_map_create(const ll_map_program *program, int rank, const int64_t *shape, ll_cpu_level cpu,
                        ll_map **map, ll_error *error) LL_MUST_CHECK;
void ll_map_destroy(ll_map *map);
size_t ll_map_workspace(const ll_map *map);
bool ll_map_is_compiled(const ll_map *map); /* to machine code, as far as its operations allow */
void ll_map_run(const ll_map *map, const void *const *inputs, void *const *outputs, void *workspace);

/* One instruction over `count` elements, a multiple of 16: the same for every instruction set. */
typedef void (*ll_map_execute)(const ll_map_instruction *instruction, void *const *registers, int64_t count);
void ll_map_execute_avx512(const ll_map_instruction *instruction, void *const *registers, int64_t count);
void ll_map_execute_avx2(const ll_map_instruction *instruction, void *const *registers, int64_t count);
void ll_map_execute_portable(const ll_map_instruction *instruction, void *const *registers, int64_t count);

#endif
