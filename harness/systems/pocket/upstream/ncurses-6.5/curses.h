/* What a program asks a terminal for. */
#ifndef CURSES_H
#define CURSES_H

#define NCURSES_VERSION "6.5"

const char *curses_version(void);
/* The control sequence of a terminfo capability (clear, bold, sgr0), or 0. */
const char *tigetstr(const char *capability);
/* Width of the terminal in characters. */
int tgetcols(void);

#endif
