/* The list of providers, best first: one line per provider adds one. */
#ifndef LL_KERNELS_KERNEL_H
#define LL_KERNELS_KERNEL_H

#include "losslens/kernels.h"

#define LL_PROVIDER_LIST(X) X(native) X(onednn) X(blas) X(portable) X(reference)

#define LL_PROVIDER_DECLARE(name) extern const ll_provider ll_provider_##name;
LL_PROVIDER_LIST(LL_PROVIDER_DECLARE)
#undef LL_PROVIDER_DECLARE

#endif
