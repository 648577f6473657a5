/* hostctl FILE...: one hosts file from several (hosts(5)), checked and in columns. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static int is_address(const char *text)
{
    unsigned char address[16];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static int is_name(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-._", *text)) return 0;
    return 1;
}

static int put_line(const char *file, int number, char *line)
{
    char *address, *name;

    if (strchr(line, '#')) *strchr(line, '#') = 0;
    if (!(address = strtok(line, " \t\r\n"))) return 0;
    if (!is_address(address)) {
        fprintf(stderr, "%s:%d: not an address: %s\n", file, number, address);
        return 1;
    }
    printf("%-15s", address);
    for (int names = 0; (name = strtok(0, " \t\r\n")) || !names; names++) {
        if (!name || !is_name(name)) {
            fprintf(stderr, "%s:%d: not a host name: %s\n", file, number, name ? name : "(none)");
            return 1;
        }
        printf(" %s", name);
    }
    putchar('\n');
    return 0;
}

int main(int count, char **words)
{
    char line[4096];
    int failed = 0;

    for (int word = 1; word < count; word++) {
        FILE *file = fopen(words[word], "r");
        int number = 0;

        if (!file) {
            perror(words[word]);
            return 1;
        }
        while (fgets(line, sizeof line, file)) failed |= put_line(words[word], ++number, line);
        fclose(file);
    }
    return failed || fflush(stdout);
}
