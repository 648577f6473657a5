/* mlr --icsv --ojson cat [FILE]: a table as JSON, one object a line of the table. Fields have no
 * quotes and no commas; the first line names them. */
#include <stdio.h>
#include <string.h>

#define MAX_FIELDS 64

static int split(char *line, char **fields)
{
    int count = 0;

    line[strcspn(line, "\r\n")] = 0;
    while (line && count < MAX_FIELDS) {
        fields[count++] = line;
        if ((line = strchr(line, ','))) *line++ = 0;
    }
    return count;
}

static int put_string(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"') return 1;
        if (*text == '\\') putchar('\\');
        putchar(*text);
    }
    putchar('"');
    return 0;
}

static int convert(FILE *file)
{
    char header[4096], line[4096], *names[MAX_FIELDS], *fields[MAX_FIELDS];
    int count, number = 1;

    if (!fgets(header, sizeof header, file)) return puts("[\n]") < 0;
    count = split(header, names);
    puts("[");
    for (; fgets(line, sizeof line, file); number++) {
        if (split(line, fields) != count) {
            fprintf(stderr, "mlr: line %d has not %d fields\n", number + 1, count);
            return 1;
        }
        printf(number > 1 ? ",\n{" : "{");
        for (int field = 0; field < count; field++) {
            printf(field ? ", " : "");
            if (put_string(names[field])) return fprintf(stderr, "mlr: quotes are not supported\n");
            printf(": ");
            if (put_string(fields[field])) return fprintf(stderr, "mlr: quotes are not supported\n");
        }
        putchar('}');
    }
    puts(number > 1 ? "\n]" : "]");
    return 0;
}

int main(int count, char **words)
{
    FILE *file = stdin;

    if (count == 2 && !strcmp(words[1], "--version")) return printf("mlr %s\n", VERSION) < 0;
    if (count < 4 || strcmp(words[1], "--icsv") || strcmp(words[2], "--ojson")
        || strcmp(words[3], "cat")) {
        fprintf(stderr, "usage: mlr --icsv --ojson cat [FILE]\n");
        return 1;
    }
    if (count > 4 && !(file = fopen(words[4], "r"))) {
        perror(words[4]);
        return 1;
    }
    return convert(file) ? 1 : 0;
}
