/* Fused programs as machine code (x86-64 with AVX-512).
 *
 * Instruction by instruction, every value of a chain goes through its tile in L1 and every operand of it is waited for
 * alone. As one loop, a value stays in a vector register from where it is made to where it is read last, and the reads
 * of all operands overlap. A program is cut at what only the interpreter does (exp, tanh, ...): pieces of code and such
 * instructions take turns over a tile. The arithmetic is that of map_core.h, operation by operation and rounded as
 * often, so the bits are the same. */
#ifndef LL_KERNELS_NATIVE_MAP_CODE_H
#define LL_KERNELS_NATIVE_MAP_CODE_H

#include "losslens/kernels_map.h"

typedef struct ll_map_code ll_map_code;

/* NULL where there is nothing to gain or the system refuses executable memory; the interpreter does it all then.
 * An input that is `invariant` has the same 16 (float64: 8) elements again and again. */
ll_status ll_map_code_create(const ll_map_program *program, const bool *invariant, ll_map_code **code,
                             ll_error *error) LL_MUST_CHECK;
void ll_map_code_destroy(ll_map_code *code);
/* Whether the registers in use are inputs and outputs alone, so that a call may be as long as they are. */
bool ll_map_code_is_free(const ll_map_code *code);
/* One tile, as ll_map_execute for all instructions in turn; `count` is a multiple of 16. */
void ll_map_code_run(const ll_map_code *code, const ll_map_program *program, ll_map_execute execute,
                     void *const *registers, int64_t count);

#endif
