/* tput CAPABILITY | -V */
#include "curses.h"

#include <stdio.h>
#include <string.h>

int main(int count, char **words)
{
    const char *sequence;

    if (count == 2 && !strcmp(words[1], "-V")) return puts(curses_version()) < 0;
    if (count == 2 && !strcmp(words[1], "cols")) return printf("%d\n", tgetcols()) < 0;
    if (count != 2 || !(sequence = tigetstr(words[1]))) {
        fprintf(stderr, "usage: tput -V | cols | bold | clear | sgr0\n");
        return 2;
    }
    fputs(sequence, stdout);
    return 0;
}
