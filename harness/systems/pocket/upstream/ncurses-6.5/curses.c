#include "curses.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *sequence;
} capabilities[] = {
    {"bold", "\033[1m"},
    {"clear", "\033[H\033[2J"},
    {"sgr0", "\033[m"},
};

const char *curses_version(void)
{
    return "ncurses " NCURSES_VERSION;
}

const char *tigetstr(const char *capability)
{
    for (unsigned i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
        if (!strcmp(capabilities[i].name, capability)) return capabilities[i].sequence;
    return 0;
}

int tgetcols(void)
{
    const char *columns = getenv("COLUMNS");

    return columns && atoi(columns) > 0 ? atoi(columns) : 80;
}
