/* Recursive descent:
 *   sum := product (('+' | '-') product)*     product := power (('*' | '/') power)*
 *   power := unary ('^' power)?               unary := ('-' | '+') unary | atom
 *   atom := number | name ('@' name)? | function '(' sum ')' | '(' sum ')'
 * A minus binds weaker than '^', as in mathematics: -x^2 = -(x^2). */
#include "expression.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 64, DEEPEST = 100 };

typedef struct parser {
    const char *text, *at;
    ll_graph *graph;
    ll_dtype dtype;
    expression_lookup lookup;
    void *context;
    ll_error *error;
    int depth;
} parser;

static ll_status parse_sum(parser *p, ll_node *node);

static ll_status syntax(const parser *p, const char *wanted)
{
    char got[16] = "the end", place[96];
    if (*p->at != 0) snprintf(got, sizeof got, "'%c'", *p->at);
    snprintf(place, sizeof place, "column %d of \"%.60s\"", (int)(p->at - p->text) + 1, p->text);
    return ll_fail(p->error, LL_INVALID_ARGUMENT, "networks", place, "got %s; wanted %s", got, wanted);
}

static void skip_space(parser *p)
{
    while (isspace((unsigned char)*p->at)) p->at++;
}

static bool accept(parser *p, char c)
{
    skip_space(p);
    if (*p->at != c) return false;
    p->at++;
    return true;
}

static ll_status parse_name(parser *p, char name[NAME])
{
    size_t length = 0;
    while (isalnum((unsigned char)*p->at) || *p->at == '_') {
        if (length + 1 >= NAME) return syntax(p, "a name of at most 63 letters");
        name[length++] = *p->at++;
    }
    name[length] = 0;
    return length > 0 ? LL_OK : syntax(p, "a name");
}

static const struct {
    const char *name;
    ll_node (*apply)(ll_graph *, ll_node);
} functions[] = {{"sin", ll_graph_sin}, {"cos", ll_graph_cos},   {"exp", ll_graph_exp},
                 {"log", ll_graph_log}, {"sqrt", ll_graph_sqrt}, {"tanh", ll_graph_tanh},
                 {"abs", ll_graph_abs}};

static ll_status parse_named(parser *p, ll_node *node)
{
    char name[NAME], point[NAME] = "";
    LL_TRY(parse_name(p, name));
    skip_space(p);
    if (*p->at == '(') {
        for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
            if (strcmp(name, functions[i].name) != 0) continue;
            p->at++;
            LL_TRY(parse_sum(p, node));
            if (!accept(p, ')')) return syntax(p, "')'");
            *node = functions[i].apply(p->graph, *node);
            return LL_OK;
        }
        return syntax(p, "one of sin cos exp log sqrt tanh abs before '('");
    }
    if (accept(p, '@')) LL_TRY(parse_name(p, point));
    *node = p->lookup(p->context, name, point, p->error);
    if (*node != LL_NO_NODE) return LL_OK;
    LL_TRY(ll_graph_check(p->graph, p->error));
    return LL_INVALID_ARGUMENT; /* the lookup said why */
}

static ll_status parse_atom(parser *p, ll_node *node)
{
    skip_space(p);
    if (accept(p, '(')) {
        LL_TRY(parse_sum(p, node));
        return accept(p, ')') ? LL_OK : syntax(p, "')'");
    }
    if (isdigit((unsigned char)*p->at) || *p->at == '.') {
        char *end;
        double value = strtod(p->at, &end);
        if (end == p->at) return syntax(p, "a number");
        p->at = end;
        *node = ll_graph_full(p->graph, p->dtype, (int64_t[]){LL_SAMPLES}, 1, value);
        return LL_OK;
    }
    if (isalpha((unsigned char)*p->at)) return parse_named(p, node);
    return syntax(p, "a number, a name or '('");
}

/* A whole exponent up to 4 is a product, exact and differentiable at 0. */
static ll_node raised(parser *p, ll_node base, ll_node exponent, const char *exponent_text)
{
    char *end;
    double value = strtod(exponent_text, &end);
    bool literal = end == p->at && value == floor(value) && value >= 1.0 && value <= 4.0;
    if (!literal) return ll_graph_power(p->graph, base, exponent);
    ll_node product = base;
    for (int i = 1; i < (int)value; i++) product = ll_graph_multiply(p->graph, product, base);
    return product;
}

static ll_status parse_unary(parser *p, ll_node *node);

static ll_status parse_power(parser *p, ll_node *node)
{
    LL_TRY(parse_atom(p, node));
    if (!accept(p, '^')) return LL_OK;
    skip_space(p);
    const char *exponent_text = p->at;
    ll_node exponent;
    LL_TRY(parse_unary(p, &exponent));
    *node = raised(p, *node, exponent, exponent_text);
    return LL_OK;
}

static ll_status parse_unary(parser *p, ll_node *node)
{
    if (++p->depth > DEEPEST) return syntax(p, "at most 100 nested parts");
    ll_status status;
    if (accept(p, '-')) {
        status = parse_unary(p, node);
        if (status == LL_OK) *node = ll_graph_negate(p->graph, *node);
    } else {
        accept(p, '+');
        status = parse_power(p, node);
    }
    p->depth--;
    return status;
}

static ll_status parse_product(parser *p, ll_node *node)
{
    LL_TRY(parse_unary(p, node));
    for (;;) {
        ll_node right;
        bool times = accept(p, '*');
        if (!times && !accept(p, '/')) return LL_OK;
        LL_TRY(parse_unary(p, &right));
        *node = times ? ll_graph_multiply(p->graph, *node, right) : ll_graph_divide(p->graph, *node, right);
    }
}

static ll_status parse_sum(parser *p, ll_node *node)
{
    LL_TRY(parse_product(p, node));
    for (;;) {
        ll_node right;
        bool plus = accept(p, '+');
        if (!plus && !accept(p, '-')) return LL_OK;
        LL_TRY(parse_product(p, &right));
        *node = plus ? ll_graph_add(p->graph, *node, right) : ll_graph_subtract(p->graph, *node, right);
    }
}

ll_status ll_expression_parse(const char *text, ll_graph *graph, ll_dtype dtype, expression_lookup lookup,
                              void *context, ll_node *node, ll_error *error)
{
    parser p = {.text = text,
                .at = text,
                .graph = graph,
                .dtype = dtype,
                .lookup = lookup,
                .context = context,
                .error = error};
    ll_node parsed = LL_NO_NODE;
    LL_TRY(parse_sum(&p, &parsed));
    skip_space(&p);
    if (*p.at != 0) return syntax(&p, "an operator or the end");
    LL_TRY(ll_graph_check(graph, error));
    *node = parsed;
    return LL_OK;
}
