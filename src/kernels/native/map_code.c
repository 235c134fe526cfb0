#define _DEFAULT_SOURCE
#include "kernels/native/map_code.h"

#include <string.h>

#if defined(__x86_64__)
#include <Zydis/Zydis.h>
#include <sys/mman.h>

/* A piece: instructions first .. last - 1 of the program, as code; or, without code, one instruction to interpret. */
typedef void (*piece_code)(void *const *registers, int64_t count);
typedef struct piece {
    int first, last;
    piece_code run;
} piece;

struct ll_map_code {
    void *pages;
    size_t bytes;
    bool free; /* see ll_map_code_is_free */
    int count;
    piece pieces[LL_MAP_CODE];
};

/* ------------------------------------------------------------------ writing instructions */

enum {
    HOMES = LL_MAP_REGISTERS + LL_MAP_OPERANDS, /* where values lie in memory: registers, operands */
    VECTORS = 32,                               /* zmm0 .. zmm31 */
    MASKS = 7,                                  /* k1 .. k7; k0 means "no mask" */
    POINTERS = 11,
    MOST_HELD = 12, /* vectors that hold the same through the loop */
    MOST_VALUES = 5 * LL_MAP_CODE,
    MOST_BYTES = 1 << 16
};

/* Bit patterns that instructions need. */
typedef enum constant { SIGN, MAGNITUDE, ONE, ZERO, CONSTANTS } constant;

typedef struct value {
    bool mask;      /* a comparison's, one bit an element; bytes 0 and 1 in memory */
    bool held;      /* its vector is set before the loop */
    bool in_memory; /* its home has it */
    bool stored;    /* its home has to get it */
    uint8_t home;
    int8_t vector; /* or mask register; -1: in memory alone */
} value;

typedef struct writer {
    uint8_t *at, *start, *end;
    bool failed;
} writer;

typedef struct compiler {
    const ll_map_program *program;
    const bool *invariant;
    bool wide; /* float64: 8 elements at a time instead of 16 */
    bool
        own; /* memory of a tile's size was written or read: a register that is no output, an invariant input */
    int first, last;
    value values[MOST_VALUES];
    int value_count;
    int read[LL_MAP_CODE][4], made[LL_MAP_CODE]; /* values by instruction */
    int owner[VECTORS], mask_owner[MASKS + 1];   /* values, or one of these */
    int constant_vector[CONSTANTS];
    int pointer_of[HOMES], pointer_count; /* -1: none */
    writer body, entry;
} compiler;
enum { NOBODY = -1, CONSTANT = -2, TEMPORARY = -3 };

static const ZydisRegister pointers[POINTERS] = {ZYDIS_REGISTER_RDX, ZYDIS_REGISTER_R8,  ZYDIS_REGISTER_R9,
                                                 ZYDIS_REGISTER_R10, ZYDIS_REGISTER_R11, ZYDIS_REGISTER_RBX,
                                                 ZYDIS_REGISTER_RBP, ZYDIS_REGISTER_R12, ZYDIS_REGISTER_R13,
                                                 ZYDIS_REGISTER_R14, ZYDIS_REGISTER_R15};
enum { FIRST_SAVED = 5 }; /* from here on the caller's */

static ZydisEncoderOperand of_register(ZydisRegister which)
{
    return (ZydisEncoderOperand){.type = ZYDIS_OPERAND_TYPE_REGISTER, .reg = {.value = which}};
}
static ZydisEncoderOperand of_zmm(int v) { return of_register((ZydisRegister)(ZYDIS_REGISTER_ZMM0 + v)); }
static ZydisEncoderOperand of_xmm(int v) { return of_register((ZydisRegister)(ZYDIS_REGISTER_XMM0 + v)); }
static ZydisEncoderOperand of_mask(int k) { return of_register((ZydisRegister)(ZYDIS_REGISTER_K0 + k)); }
static ZydisEncoderOperand of_number(uint64_t u)
{
    return (ZydisEncoderOperand){.type = ZYDIS_OPERAND_TYPE_IMMEDIATE, .imm = {.u = u}};
}

static void put(writer *w, ZydisEncoderRequest *request)
{
    request->machine_mode = ZYDIS_MACHINE_MODE_LONG_64;
    ZyanUSize length = (ZyanUSize)(w->end - w->at);
    if (w->failed || !ZYAN_SUCCESS(ZydisEncoderEncodeInstruction(request, w->at, &length))) w->failed = true;
    else w->at += length;
}

static void put_operands(writer *w, ZydisMnemonic mnemonic, ZydisEncodableEncoding encoding, size_t count,
                         const ZydisEncoderOperand *operands)
{
    ZydisEncoderRequest request = {
        .mnemonic = mnemonic, .allowed_encodings = encoding, .operand_count = (ZyanU8)count};
    memcpy(request.operands, operands, sizeof *operands * count);
    put(w, &request);
}

/* An instruction, its operands in Intel's order. */
#define ENCODE(w, mnemonic, encoding, ...)                                                                   \
    do {                                                                                                     \
        const ZydisEncoderOperand operands_[] = {__VA_ARGS__};                                               \
        put_operands(w, mnemonic, encoding, sizeof operands_ / sizeof *operands_, operands_);                \
    } while (0)
#define PUT(w, name, ...) ENCODE(w, ZYDIS_MNEMONIC_##name, ZYDIS_ENCODABLE_ENCODING_DEFAULT, __VA_ARGS__)
/* Of vectors; the second operand is the mask, k0 for none. */
#define VECTOR(w, mnemonic, ...) ENCODE(w, mnemonic, ZYDIS_ENCODABLE_ENCODING_EVEX, __VA_ARGS__)

/* The single or the double precision form. */
#define OF_TYPE(it, name) ((it)->wide ? ZYDIS_MNEMONIC_##name##D : ZYDIS_MNEMONIC_##name##S)

static ZydisEncoderOperand of_memory(ZydisRegister base, ZydisRegister index, int scale, int64_t displacement,
                                     int bytes)
{
    return (ZydisEncoderOperand){.type = ZYDIS_OPERAND_TYPE_MEMORY,
                                 .mem = {.base = base,
                                         .index = index,
                                         .scale = (ZyanU8)scale,
                                         .displacement = displacement,
                                         .size = (ZyanU16)bytes}};
}

static ZydisEncoderOperand of_pointer_slot(int home)
{
    return of_memory(ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_NONE, 0, 8 * (int64_t)home, 8);
}

/* The elements of a home that the loop is at. Pointers are loaded before the loop while registers last. */
static ZydisEncoderOperand of_home(compiler *it, int home, int element_bytes, int bytes)
{
    if (it->pointer_of[home] < 0 && it->pointer_count < POINTERS) it->pointer_of[home] = it->pointer_count++;
    if (home >= LL_MAP_REGISTERS) {
        it->own = it->own || it->invariant[home - LL_MAP_REGISTERS];
    } else {
        bool output = false;
        for (int o = 0; o < it->program->output_count; o++)
            output = output || it->program->output_register[o] == home;
        it->own = it->own || !output;
    }
    ZydisRegister base = ZYDIS_REGISTER_RAX;
    if (it->pointer_of[home] >= 0) base = pointers[it->pointer_of[home]];
    else PUT(&it->body, MOV, of_register(base), of_pointer_slot(home));
    return of_memory(base, ZYDIS_REGISTER_RCX, element_bytes, 0, bytes);
}

/* ------------------------------------------------------------------ which value is where */

static int step_of(const compiler *it) { return it->wide ? 8 : 16; }

static void store(compiler *it, value *v)
{
    if (!v->mask) {
        VECTOR(&it->body, OF_TYPE(it, VMOVUP), of_home(it, v->home, it->wide ? 8 : 4, 64), of_mask(0),
               of_zmm(v->vector));
    } else {
        int t = VECTORS - 1; /* never an operand: see take */
        PUT(&it->body, VPMOVM2B, of_xmm(t), of_mask(v->vector));
        VECTOR(&it->body, ZYDIS_MNEMONIC_VPABSB, of_xmm(t), of_mask(0), of_xmm(t));
        if (it->wide) VECTOR(&it->body, ZYDIS_MNEMONIC_VMOVQ, of_home(it, v->home, 1, 8), of_xmm(t));
        else VECTOR(&it->body, ZYDIS_MNEMONIC_VMOVDQU8, of_home(it, v->home, 1, 16), of_mask(0), of_xmm(t));
    }
    v->in_memory = true;
}

/* The next instruction behind `at` that reads the value; LL_MAP_CODE if there is none. */
static int next_use(const compiler *it, int v, int at)
{
    for (int c = at + 1; c < it->last; c++)
        for (int k = 0; k < 4; k++)
            if (it->read[c][k] == v) return c;
    return LL_MAP_CODE;
}

/* A register for `owner`; if there is none, that of the value whose next use is furthest, which goes to memory. Those
 * that instruction `at` reads or makes stay. */
static int take(compiler *it, bool mask, int owner, int at)
{
    int *owners = mask ? it->mask_owner : it->owner, low = mask ? 1 : 0, high = mask ? MASKS : VECTORS - 2;
    int chosen = -1, furthest = -1;
    for (int r = low; r <= high; r++) {
        if (owners[r] == NOBODY) {
            owners[r] = owner;
            return r;
        }
        if (owners[r] < 0 || it->values[owners[r]].held) continue;
        bool here = it->made[at] == owners[r];
        for (int k = 0; k < 4; k++) here = here || it->read[at][k] == owners[r];
        int next = next_use(it, owners[r], at);
        if (here || next <= furthest) continue;
        furthest = next;
        chosen = r;
    }
    value *v = &it->values[owners[chosen]];
    if (!v->in_memory) store(it, v);
    v->vector = -1;
    owners[chosen] = owner;
    return chosen;
}

/* The register that holds a value. */
static int hold(compiler *it, int number, int at)
{
    value *v = &it->values[number];
    if (v->vector >= 0) return v->vector;
    v->vector = (int8_t)take(it, v->mask, number, at);
    if (!v->mask) {
        VECTOR(&it->body, OF_TYPE(it, VMOVUP), of_zmm(v->vector), of_mask(0),
               of_home(it, v->home, it->wide ? 8 : 4, 64));
    } else {
        int t = VECTORS - 1;
        if (it->wide) VECTOR(&it->body, ZYDIS_MNEMONIC_VMOVQ, of_xmm(t), of_home(it, v->home, 1, 8));
        else VECTOR(&it->body, ZYDIS_MNEMONIC_VMOVDQU8, of_xmm(t), of_mask(0), of_home(it, v->home, 1, 16));
        VECTOR(&it->body, ZYDIS_MNEMONIC_VPTESTMB, of_mask(v->vector), of_mask(0), of_xmm(t), of_xmm(t));
    }
    return v->vector;
}

static void let_go(compiler *it, int number)
{
    value *v = &it->values[number];
    if (v->vector < 0 || v->held) return;
    (v->mask ? it->mask_owner : it->owner)[v->vector] = NOBODY;
    v->vector = -1;
}

/* ------------------------------------------------------------------ instructions of a program */

static bool is_real(int type) { return type == LL_F32 || type == LL_F64; }

/* Whether it can be written as code; interpreted otherwise. */
static bool is_codable(const ll_map_instruction *i)
{
    switch (i->operation) {
    case LL_OP_NEGATE:
    case LL_OP_ABS:
    case LL_OP_SQRT:
    case LL_OP_RECIPROCAL:
    case LL_OP_DETACH:
    case LL_OP_ADD:
    case LL_OP_SUBTRACT:
    case LL_OP_MULTIPLY:
    case LL_OP_DIVIDE:
    case LL_OP_MIN:
    case LL_OP_MAX:
    case LL_OP_LESS:
    case LL_OP_LESS_EQUAL:
    case LL_OP_EQUAL:
    case LL_OP_SELECT: return is_real(i->type);
    case LL_OP_NOT:
    case LL_OP_AND:
    case LL_OP_OR: return true;
    case LL_OP_CAST:
        return i->type == LL_BOOL ? is_real(i->result_type) : is_real(i->type) && i->result_type == LL_BOOL;
    default: return i->operation >= LL_OPS && i->operation < LL_MAP_OPERATIONS && is_real(i->type);
    }
}

/* LL_F32 or LL_F64; LL_BOOL where both would do. */
static int width_of(const ll_map_instruction *i) { return is_real(i->type) ? i->type : i->result_type; }

static int input_count(const ll_map_instruction *i)
{
    if (i->operation >= LL_MAP_PAIRS) return 3;
    return i->operation >= LL_OPS ? 4 : ll_op_traits_of((ll_op)i->operation)->inputs;
}

/* Predicates of vcmpps, all quiet; ordered but the last two. */
enum { EQUAL = 0, LESS = 17, LESS_EQUAL = 18, UNORDERED = 3, NOT_EQUAL = 4 };

static void compare(compiler *it, int to, int a, int b, int predicate)
{
    VECTOR(&it->body, OF_TYPE(it, VCMPP), of_mask(to), of_mask(0), of_zmm(a), of_zmm(b),
           of_number((uint64_t)predicate));
}

/* yes where the mask is set, no elsewhere */
static void blend(compiler *it, int to, int mask, int yes, int no)
{
    VECTOR(&it->body, OF_TYPE(it, VBLENDMP), of_zmm(to), of_mask(mask), of_zmm(no), of_zmm(yes));
}

static void three(compiler *it, ZydisMnemonic mnemonic, int to, int a, int b)
{
    VECTOR(&it->body, mnemonic, of_zmm(to), of_mask(0), of_zmm(a), of_zmm(b));
}

static ZydisMnemonic arithmetic(const compiler *it, int operation)
{
    switch (operation) {
    case LL_OP_ADD: return OF_TYPE(it, VADDP);
    case LL_OP_SUBTRACT: return OF_TYPE(it, VSUBP);
    case LL_OP_MULTIPLY: return OF_TYPE(it, VMULP);
    case LL_OP_DIVIDE: return OF_TYPE(it, VDIVP);
    case LL_OP_MIN: return OF_TYPE(it, VMINP);
    default: return OF_TYPE(it, VMAXP);
    }
}

static void write_pair(compiler *it, int pair, int to, int a, int b, int c)
{
    static const ll_op firsts[3] = {LL_OP_ADD, LL_OP_SUBTRACT, LL_OP_MULTIPLY};
    three(it, arithmetic(it, (int)firsts[pair / 4]), to, a, b);
    switch (pair % 4) {
    case 0: three(it, OF_TYPE(it, VADDP), to, to, c); break;
    case 1: three(it, OF_TYPE(it, VSUBP), to, to, c); break;
    case 2: three(it, OF_TYPE(it, VSUBP), to, c, to); break;
    default: three(it, OF_TYPE(it, VMULP), to, to, c); break;
    }
}

static void write_instruction(compiler *it, int c)
{
    const ll_map_instruction *i = &it->program->code[c];
    const int *held = it->constant_vector;
    writer *w = &it->body;
    int in[4] = {0};
    for (int k = 0; k < input_count(i); k++) in[k] = hold(it, it->read[c][k], c);
    value *result = &it->values[it->made[c]];
    int to = take(it, result->mask, it->made[c], c);
    result->vector = (int8_t)to;
    int help = -1;
    switch (i->operation) {
    case LL_OP_NEGATE: three(it, ZYDIS_MNEMONIC_VPXORQ, to, in[0], held[SIGN]); break;
    case LL_OP_ABS: three(it, ZYDIS_MNEMONIC_VPANDQ, to, in[0], held[MAGNITUDE]); break;
    case LL_OP_SQRT: VECTOR(w, OF_TYPE(it, VSQRTP), of_zmm(to), of_mask(0), of_zmm(in[0])); break;
    case LL_OP_RECIPROCAL: three(it, OF_TYPE(it, VDIVP), to, held[ONE], in[0]); break;
    case LL_OP_DETACH: VECTOR(w, OF_TYPE(it, VMOVAP), of_zmm(to), of_mask(0), of_zmm(in[0])); break;
    case LL_OP_ADD:
    case LL_OP_SUBTRACT:
    case LL_OP_MULTIPLY:
    case LL_OP_DIVIDE: three(it, arithmetic(it, i->operation), to, in[0], in[1]); break;
    case LL_OP_MIN:
    case LL_OP_MAX: /* of the processor's, only a NaN in the first operand is to be mended */
        help = take(it, true, TEMPORARY, c);
        three(it, arithmetic(it, i->operation), to, in[0], in[1]);
        compare(it, help, in[0], in[0], UNORDERED);
        VECTOR(w, OF_TYPE(it, VMOVAP), of_zmm(to), of_mask(help), of_zmm(in[0]));
        break;
    case LL_OP_LESS: compare(it, to, in[0], in[1], LESS); break;
    case LL_OP_LESS_EQUAL: compare(it, to, in[0], in[1], LESS_EQUAL); break;
    case LL_OP_EQUAL: compare(it, to, in[0], in[1], EQUAL); break;
    case LL_OP_SELECT: blend(it, to, in[0], in[1], in[2]); break;
    case LL_MAP_SELECT_LESS:
    case LL_MAP_SELECT_LESS_EQUAL:
        help = take(it, true, TEMPORARY, c);
        compare(it, help, in[0], in[1], i->operation == LL_MAP_SELECT_LESS ? LESS : LESS_EQUAL);
        blend(it, to, help, in[2], in[3]);
        break;
    case LL_OP_NOT: PUT(w, KNOTW, of_mask(to), of_mask(in[0])); break;
    case LL_OP_AND: PUT(w, KANDW, of_mask(to), of_mask(in[0]), of_mask(in[1])); break;
    case LL_OP_OR: PUT(w, KORW, of_mask(to), of_mask(in[0]), of_mask(in[1])); break;
    case LL_OP_CAST:
        if (i->type == LL_BOOL) blend(it, to, in[0], held[ONE], held[ZERO]);
        else compare(it, to, in[0], held[ZERO], NOT_EQUAL);
        break;
    default: write_pair(it, i->operation - LL_MAP_PAIRS, to, in[0], in[1], in[2]); break;
    }
    if (help >= 0) it->mask_owner[help] = NOBODY;
    if (result->stored) store(it, result);
    for (int k = 0; k < input_count(i); k++)
        if (next_use(it, it->read[c][k], c) == LL_MAP_CODE) let_go(it, it->read[c][k]);
    if (next_use(it, it->made[c], c) == LL_MAP_CODE) let_go(it, it->made[c]);
}

/* ------------------------------------------------------------------ a piece */

/* Whether somebody behind instruction `last` reads what a register has then. */
static bool is_read_behind(const ll_map_program *program, int home, int last)
{
    for (int c = last; c < program->code_count; c++) {
        for (int k = 0; k < input_count(&program->code[c]); k++)
            if (program->code[c].in[k] == home) return true;
        if (program->code[c].out == home) return false;
    }
    for (int o = 0; o < program->output_count; o++)
        if (program->output_register[o] == home) return true;
    for (int s = 0; s < program->sum_count; s++)
        if (program->sum_register[s] == home) return true;
    return false;
}

static bool reads_mask(const ll_map_instruction *i, int k)
{
    return i->type == LL_BOOL || (i->operation == LL_OP_SELECT && k == 0);
}

/* Numbers the values of the piece: every reading of a home between two writings to it is of one value. */
static void find_values(compiler *it)
{
    int current[HOMES];
    for (int h = 0; h < HOMES; h++) current[h] = -1;
    for (int c = it->first; c < it->last; c++) {
        const ll_map_instruction *i = &it->program->code[c];
        for (int k = 0; k < 4; k++) it->read[c][k] = -1;
        for (int k = 0; k < input_count(i); k++) {
            int home = i->in[k];
            if (current[home] < 0) {
                bool invariant = home >= LL_MAP_REGISTERS && it->invariant[home - LL_MAP_REGISTERS];
                it->values[it->value_count] =
                    (value){.mask = reads_mask(i, k), .in_memory = true, .home = (uint8_t)home, .vector = -1};
                it->values[it->value_count].held = invariant && !reads_mask(i, k);
                current[home] = it->value_count++;
            }
            it->read[c][k] = current[home];
        }
        it->values[it->value_count] =
            (value){.mask = i->result_type == LL_BOOL, .home = i->out, .vector = -1};
        it->made[c] = current[i->out] = it->value_count++;
    }
    for (int h = 0; h < LL_MAP_REGISTERS; h++) {
        value *v = current[h] < 0 ? NULL : &it->values[current[h]];
        if (v && !v->in_memory) v->stored = is_read_behind(it->program, h, it->last);
    }
}

/* Sets a constant's vector if an instruction needs it: sign bit, all but it, 1 and 0, in every element. */
static void hold_constant(compiler *it, constant which, int vector)
{
    static const int32_t narrow[CONSTANTS] = {INT32_MIN, INT32_MAX, 0x3f800000, 0};
    static const int64_t wide[CONSTANTS] = {INT64_MIN, INT64_MAX, 0x3ff0000000000000, 0};
    it->constant_vector[which] = vector;
    it->owner[vector] = CONSTANT;
    ZydisRegister from = it->wide ? ZYDIS_REGISTER_RAX : ZYDIS_REGISTER_EAX;
    PUT(&it->entry, MOV, of_register(from), of_number((uint64_t)(it->wide ? wide[which] : narrow[which])));
    VECTOR(&it->entry, it->wide ? ZYDIS_MNEMONIC_VPBROADCASTQ : ZYDIS_MNEMONIC_VPBROADCASTD, of_zmm(vector),
           of_mask(0), of_register(from));
}

/* What keeps a vector through the loop: constants, and invariant values. Those of the latter for which there is none are
 * read again and again. */
static void hold_all(compiler *it)
{
    bool needed[CONSTANTS] = {false};
    int held = 0;
    for (int c = it->first; c < it->last; c++) {
        const ll_map_instruction *i = &it->program->code[c];
        needed[SIGN] = needed[SIGN] || i->operation == LL_OP_NEGATE;
        needed[MAGNITUDE] = needed[MAGNITUDE] || i->operation == LL_OP_ABS;
        needed[ONE] = needed[ONE] || i->operation == LL_OP_RECIPROCAL || i->operation == LL_OP_CAST;
        needed[ZERO] = needed[ZERO] || i->operation == LL_OP_CAST;
    }
    for (int k = 0; k < CONSTANTS; k++)
        if (needed[k]) hold_constant(it, (constant)k, held++);
    for (int v = 0; v < it->value_count; v++) {
        value *here = &it->values[v];
        here->held = here->held && held < MOST_HELD;
        if (!here->held) continue;
        here->vector = (int8_t)held;
        it->owner[held++] = v;
        PUT(&it->entry, MOV, of_register(ZYDIS_REGISTER_RAX), of_pointer_slot(here->home));
        VECTOR(&it->entry, OF_TYPE(it, VMOVUP), of_zmm(here->vector), of_mask(0),
               of_memory(ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_NONE, 0, 0, 64));
    }
}

/* Appends the piece's function to `out`. */
static void write_piece(compiler *it, int first, int last, writer *out)
{
    it->first = first;
    it->last = last;
    it->wide = false;
    for (int c = first; c < last; c++) it->wide = it->wide || width_of(&it->program->code[c]) == LL_F64;
    it->value_count = it->pointer_count = 0;
    it->body.at = it->body.start;
    it->entry.at = it->entry.start;
    for (int r = 0; r < VECTORS; r++) it->owner[r] = NOBODY;
    for (int r = 0; r <= MASKS; r++) it->mask_owner[r] = NOBODY;
    for (int k = 0; k < CONSTANTS; k++) it->constant_vector[k] = -1;
    for (int h = 0; h < HOMES; h++) it->pointer_of[h] = -1;
    find_values(it);
    hold_all(it);
    for (int c = first; c < last; c++) write_instruction(it, c);

    writer *w = out;
    for (int p = FIRST_SAVED; p < it->pointer_count; p++) PUT(w, PUSH, of_register(pointers[p]));
    for (int h = 0; h < HOMES; h++)
        if (it->pointer_of[h] >= 0) PUT(w, MOV, of_register(pointers[it->pointer_of[h]]), of_pointer_slot(h));
    writer *parts[2] = {&it->entry, &it->body};
    size_t loop = 0;
    for (int p = 0; p < 2; p++) {
        size_t bytes = (size_t)(parts[p]->at - parts[p]->start);
        w->failed = w->failed || parts[p]->failed || bytes + 256 > (size_t)(w->end - w->at);
        if (w->failed) return;
        if (p == 1) {
            PUT(w, XOR, of_register(ZYDIS_REGISTER_ECX), of_register(ZYDIS_REGISTER_ECX));
            loop = (size_t)(w->at - w->start);
        }
        memcpy(w->at, parts[p]->start, bytes);
        w->at += bytes;
    }
    PUT(w, ADD, of_register(ZYDIS_REGISTER_RCX), of_number((uint64_t)step_of(it)));
    PUT(w, CMP, of_register(ZYDIS_REGISTER_RCX), of_register(ZYDIS_REGISTER_RSI));
    enum { JUMP_BYTES = 6 };
    int64_t back = (int64_t)loop - (w->at - w->start) - JUMP_BYTES;
    ZydisEncoderRequest jump = {.mnemonic = ZYDIS_MNEMONIC_JB,
                                .branch_type = ZYDIS_BRANCH_TYPE_NEAR,
                                .branch_width = ZYDIS_BRANCH_WIDTH_32,
                                .operand_count = 1,
                                .operands = {of_number((uint64_t)back)}};
    put(w, &jump);
    ZydisEncoderRequest upper = {.mnemonic = ZYDIS_MNEMONIC_VZEROUPPER},
                        leave = {.mnemonic = ZYDIS_MNEMONIC_RET};
    put(w, &upper);
    for (int p = it->pointer_count - 1; p >= FIRST_SAVED; p--) PUT(w, POP, of_register(pointers[p]));
    put(w, &leave);
}

/* The end of the piece that begins at an instruction: as far as code and one width go, and while no register holds
 * elements of two sizes: those that one turn of the loop writes would lie where another has still to read, or has
 * written. */
static int end_of_piece(const ll_map_program *program, int first)
{
    enum { UNSEEN, NUMBERS, BYTES };
    uint8_t seen[HOMES] = {UNSEEN};
    int width = LL_BOOL, c = first;
    for (; c < program->code_count && is_codable(&program->code[c]); c++) {
        const ll_map_instruction *i = &program->code[c];
        int own = width_of(i), result = i->result_type == LL_BOOL ? BYTES : NUMBERS;
        if (own != LL_BOOL && width != LL_BOOL && own != width) break;
        if (own != LL_BOOL) width = own;
        for (int k = 0; k < input_count(i); k++) seen[i->in[k]] = reads_mask(i, k) ? BYTES : NUMBERS;
        if (seen[i->out] != UNSEEN && seen[i->out] != result) break;
        seen[i->out] = (uint8_t)result;
    }
    return c;
}

/* Copies the code to pages of its own and makes them executable. */
static bool publish(ll_map_code *made, const writer *out, const size_t *starts)
{
    made->bytes = (size_t)(out->at - out->start);
    made->pages = mmap(NULL, made->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made->pages == MAP_FAILED) return false;
    memcpy(made->pages, out->start, made->bytes);
    if (mprotect(made->pages, made->bytes, PROT_READ | PROT_EXEC) != 0) {
        (void)munmap(made->pages, made->bytes);
        return false;
    }
    for (int p = 0; p < made->count; p++) {
        if (starts[p] == SIZE_MAX) continue;
        const char *entry = (const char *)made->pages + starts[p];
        memcpy(&made->pieces[p].run, &entry, sizeof entry);
    }
    return true;
}

/* Pieces and their code; `bytes` holds three times MOST_BYTES. */
static bool write_code(const ll_map_program *program, const bool *invariant, compiler *it, uint8_t *bytes,
                       ll_map_code *made)
{
    size_t starts[LL_MAP_CODE];
    writer out = {bytes, bytes, bytes + MOST_BYTES, false};
    it->program = program;
    it->invariant = invariant;
    it->body = (writer){out.end, out.end, out.end + MOST_BYTES, false};
    it->entry = (writer){it->body.end, it->body.end, it->body.end + MOST_BYTES, false};
    for (int c = 0; c < program->code_count;) {
        piece *p = &made->pieces[made->count];
        *p = (piece){.first = c, .last = end_of_piece(program, c)};
        starts[made->count++] = p->last > c ? (size_t)(out.at - out.start) : SIZE_MAX;
        if (p->last == c) p->last = c + 1;
        else write_piece(it, c, p->last, &out);
        c = p->last;
    }
    made->free = made->count == 1 && !it->own && program->sum_count == 0;
    return !out.failed && publish(made, &out, starts);
}

ll_status ll_map_code_create(const ll_map_program *program, const bool *invariant, ll_map_code **code,
                             ll_error *error)
{
    int codable = 0;
    *code = NULL;
    for (int c = 0; c < program->code_count; c++) codable += is_codable(&program->code[c]);
    if (codable == 0) return LL_OK;
    ll_map_code *made = ll_allocate_zeroed(sizeof *made);
    compiler *it = ll_allocate_zeroed(sizeof *it);
    uint8_t *bytes = ll_allocate(3 * (size_t)MOST_BYTES);
    bool memory = made && it && bytes;
    if (memory && write_code(program, invariant, it, bytes, made)) *code = made;
    else ll_free(made);
    ll_free(it);
    ll_free(bytes);
    return memory ? LL_OK
                  : ll_fail_memory(error, "kernels", sizeof *made + sizeof *it + 3 * (size_t)MOST_BYTES);
}

void ll_map_code_destroy(ll_map_code *code)
{
    if (!code) return;
    (void)munmap(code->pages, code->bytes);
    ll_free(code);
}

bool ll_map_code_is_free(const ll_map_code *code) { return code->free; }

void ll_map_code_run(const ll_map_code *code, const ll_map_program *program, ll_map_execute execute,
                     void *const *registers, int64_t count)
{
    for (int p = 0; p < code->count; p++) {
        const piece *it = &code->pieces[p];
        if (it->run) it->run(registers, count);
        else execute(&program->code[it->first], registers, count);
    }
}

#else

ll_status ll_map_code_create(const ll_map_program *program, const bool *invariant, ll_map_code **code,
                             ll_error *error)
{
    (void)program;
    (void)invariant;
    (void)error;
    *code = NULL;
    return LL_OK;
}
void ll_map_code_destroy(ll_map_code *code) { (void)code; }
bool ll_map_code_is_free(const ll_map_code *code) { return code == NULL; }
void ll_map_code_run(const ll_map_code *code, const ll_map_program *program, ll_map_execute execute,
                     void *const *registers, int64_t count)
{
    (void)code;
    for (int c = 0; c < program->code_count; c++) execute(&program->code[c], registers, count);
}

#endif
