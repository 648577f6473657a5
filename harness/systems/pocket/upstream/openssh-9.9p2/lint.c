/* sshd-lint FILE: whether sshd would accept the configuration; needs no keys and no privileges. */
#include "servconf.h"

#include <stdio.h>

int main(int count, char **words)
{
    struct servconf conf;

    if (count != 2) {
        fprintf(stderr, "usage: sshd-lint FILE\n");
        return 2;
    }
    return read_servconf(words[1], &conf) ? 255 : 0;
}
