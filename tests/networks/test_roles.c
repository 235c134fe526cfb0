/* Roles and output axes of parameters, derived from the ops that read them, against those that the builders of networks
 * declare: every network of the zoo, a UNet with transposed convolutions, a physics-informed network. */
#include "../support_cmocka.h"

#include "losslens/networks.h"
#include "losslens/networks_pinn.h"

#include <string.h>

static void check(const ll_model *model, const char *what)
{
    const ll_model_info *info = ll_model_view(model);
    ll_parameter_role roles[512];
    int axes[512];
    assert_true(info->parameters > 0 && info->parameters <= 512);
    for (int mode = 0; mode < 2; mode++) { /* evaluation, training */
        ll_node outputs[8];
        for (int64_t t = 0; t < info->terms; t++)
            outputs[t] =
                info->term[t].loss[mode] != LL_NO_NODE ? info->term[t].loss[mode] : info->term[t].loss[0];
        CHECK_OK(ll_graph_roles(info->graph, outputs, info->terms, info->parameter_node, info->parameters,
                                roles, axes, error));
        for (int64_t p = 0; p < info->parameters; p++)
            if (roles[p] != info->parameter[p].role || axes[p] != info->parameter[p].output_axis)
                fail_msg("%s, mode %d, %s: derived role %d axis %d, declared %d, %d", what, mode,
                         info->parameter[p].name, (int)roles[p], axes[p], (int)info->parameter[p].role,
                         info->parameter[p].output_axis);
    }
}

static void test_zoo(void **state)
{
    (void)state;
    static const char *const names[] = {"resnet8", "resnet20", "resnet18", "resnet50", "vgg11",
                                        "vit",     "mlp",      "cnn",      "unet"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        ll_network_options options = {
            .network = names[i], .dtype = LL_F32, .input_shape = {3, 32, 32}, .classes = 10};
        if (strcmp(names[i], "unet") == 0) options.loss = "bce";
        ll_model *model = NULL;
        CHECK_OK(ll_network_create(&options, &model, error));
        check(model, names[i]);
        ll_model_destroy(model);
    }
}

static void test_pinn(void **state)
{
    (void)state;
    ll_model *model = NULL;
    ll_pinn_samples samples[LL_PINN_TERMS];
    CHECK_OK(ll_pinn_family_create(&(ll_pinn_family){.beta = 1, .nu = 0.1, .dtype = LL_F64}, &model, samples,
                                   error));
    check(model, "pinn");
    ll_pinn_samples_deinit(samples);
    ll_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_zoo), cmocka_unit_test(test_pinn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
