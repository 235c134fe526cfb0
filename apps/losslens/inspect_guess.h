/* inspect_guess.h - which network a file of weights belongs to, guessed from names and shapes. */
#ifndef LOSSLENS_APP_INSPECT_GUESS_H
#define LOSSLENS_APP_INSPECT_GUESS_H

#include "losslens/formats.h"

typedef struct ll_guess {
    char family[16];    /* "resnet", "vgg", "vit", "unet", "mlp", "cnn", or "" when nothing fits */
    char sentence[256]; /* for a person */
    char network[600];  /* a description that --config takes, in YAML, or "" */
} ll_guess;

/* Looks at the tensors behind the file's weights prefix. `path` is its name: a plain network and one with
 * shortcut A have the same weights. Never fails: an unknown network is a guess of nothing. */
void ll_guess_network(const ll_tensor_file *file, const char *path, ll_guess *guess);

#endif
