/* nano [--rcfile FILE] [--version | --settings | FILE...]
 *
 * Shows files; an rcfile's "set OPTION [VALUE]" lines say how. --settings prints those lines. */
#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int line_numbers, tab_size = 8;

static int read_settings(const char *path, int print)
{
    char line[512], option[64], value[64];
    FILE *file = fopen(path, "r");

    if (!file) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        value[0] = 0;
        if (sscanf(line, " set %63s %63s", option, value) < 1) continue;
        if (print) printf("set %s%s%s\n", option, *value ? " " : "", value);
        if (!strcmp(option, "linenumbers")) line_numbers = 1;
        if (!strcmp(option, "tabsize")) tab_size = atoi(value);
    }
    fclose(file);
    return 0;
}

static int show(const char *path)
{
    char line[4096];
    int number = 0;
    FILE *file = fopen(path, "r");

    if (!file) {
        perror(path);
        return 1;
    }
    printf("%s  nano %s  %s%s\n", tigetstr("bold"), VERSION, path, tigetstr("sgr0"));
    while (fgets(line, sizeof line, file)) {
        if (line_numbers) printf("%4d ", ++number);
        for (char *letter = line; *letter; letter++)
            if (*letter == '\t') printf("%*s", tab_size, "");
            else putchar(*letter);
    }
    fclose(file);
    return 0;
}

int main(int count, char **words)
{
    const char *rcfile = "/etc/nanorc";
    int word = 1, failed = 0;

    /* The last one counts, so that a wrapper's choice can be overridden. */
    for (; word + 1 < count && !strcmp(words[word], "--rcfile"); word += 2) rcfile = words[word + 1];
    if (word < count && !strcmp(words[word], "--version"))
        return printf(" GNU nano, version %s\n %s\n", VERSION, curses_version()) < 0;
    if (word < count && !strcmp(words[word], "--settings")) return read_settings(rcfile, 1);
    if (read_settings(rcfile, 0)) return 1;
    for (; word < count; word++) failed |= show(words[word]);
    return failed;
}
