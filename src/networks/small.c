/* The two small networks that everybody starts with: a multi-layer perceptron and a plain CNN. */
#include "builder.h"

#include <stdio.h>
#include <string.h>

enum { MOST_LAYERS = 24 };

/* ---------------------------------------------------------------- MLP */

static const option_row mlp_rows[] = {
    {"hidden", OPTION_LIST, "128,128", NULL, "widths of the hidden layers"},
    {"activation", OPTION_CHOICE, "relu", "relu|gelu|gelu_tanh|tanh|sin|silu|sigmoid|softplus",
     "of the hidden layers"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

static bool mlp_answers(const char *name) { return strcmp(name, "mlp") == 0; }

static ll_node mlp_forward(builder *b, ll_node x)
{
    int64_t widths[MOST_LAYERS], count = ll_option_list(b, "hidden", widths, MOST_LAYERS);
    char name[LL_NAME_BYTES];
    if (ll_rank_of(b, x) > 2) x = ll_graph_reshape(b->graph, x, (int64_t[]){LL_SAMPLES, LL_INFER}, 2);
    for (int64_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "layers.%lld", (long long)i);
        x = ll_builder_activation(b, ll_option_text(b, "activation"),
                                  ll_builder_linear(b, name, x, widths[i], true));
        ll_builder_layer(b, name, x);
    }
    snprintf(name, sizeof name, "layers.%lld", (long long)count);
    return ll_builder_linear(b, name, x, b->options->classes, true);
}

const architecture ll_architecture_mlp = {"mlp", "multi-layer perceptron", mlp_rows, mlp_answers,
                                          mlp_forward};

/* ---------------------------------------------------------------- CNN */

static const option_row cnn_rows[] = {
    {"channels", OPTION_LIST, "16,32,64", NULL, "3x3 convolutions, each followed by 2x2 max pooling"},
    {"hidden", OPTION_LIST, "128", NULL, "widths of the linear layers behind them"},
    {"batch_norm", OPTION_CHOICE, "no", "yes|no", "behind each convolution"},
    {"activation", OPTION_CHOICE, "relu", "relu|gelu|tanh|silu", "of every layer"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

static bool cnn_answers(const char *name) { return strcmp(name, "cnn") == 0; }

static ll_node cnn_forward(builder *b, ll_node x)
{
    int64_t channels[MOST_LAYERS], hidden[MOST_LAYERS];
    int64_t convolutions = ll_option_list(b, "channels", channels, MOST_LAYERS);
    int64_t linears = ll_option_list(b, "hidden", hidden, MOST_LAYERS);
    bool batch_norm = ll_option_is(b, "batch_norm", "yes");
    const char *activation = ll_option_text(b, "activation");
    ll_window half = ll_window_form(2, 2, 2, 0);
    char name[LL_NAME_BYTES];
    for (int64_t i = 0; i < convolutions; i++) {
        snprintf(name, sizeof name, "conv%lld", (long long)i + 1);
        x = ll_builder_conv(
            b, name, x,
            (conv_options){.channels = channels[i], .kernel = 3, .padding = 1, .bias = !batch_norm});
        if (batch_norm) {
            char norm[LL_NAME_BYTES];
            snprintf(norm, sizeof norm, "bn%lld", (long long)i + 1);
            x = ll_builder_batch_norm(b, norm, x);
        }
        x = ll_layer_max_pool(b->graph, ll_builder_activation(b, activation, x), &half);
        ll_builder_layer(b, name, x);
    }
    x = ll_graph_reshape(b->graph, x, (int64_t[]){LL_SAMPLES, LL_INFER}, 2);
    for (int64_t i = 0; i < linears; i++) {
        snprintf(name, sizeof name, "fc%lld", (long long)i + 1);
        x = ll_builder_activation(b, activation, ll_builder_linear(b, name, x, hidden[i], true));
        ll_builder_layer(b, name, x);
    }
    snprintf(name, sizeof name, "fc%lld", (long long)linears + 1);
    return ll_builder_linear(b, name, x, b->options->classes, true);
}

const architecture ll_architecture_cnn = {"cnn", "plain convolutional network", cnn_rows, cnn_answers,
                                          cnn_forward};
