/* shellcheck FILE...: faults of shell scripts that `sh -n` does not see. */
#include <stdio.h>
#include <string.h>

static int complain(const char *path, int line, const char *fault)
{
    fprintf(stderr, "%s:%d: %s\n", path, line, fault);
    return 1;
}

static int check(const char *path)
{
    char line[8192];
    int number = 0, failed = 0, ended = 0;
    FILE *file = fopen(path, "r");

    if (!file) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        size_t length = strlen(line);

        ended = length && line[length - 1] == '\n';
        if (++number == 1 && strncmp(line, "#!/", 3))
            failed |= complain(path, number, "the first line does not name a shell [SC2148]");
        if (strchr(line, '\r'))
            failed |= complain(path, number, "a literal carriage return [SC1017]");
        if (length > 1 && !strncmp(line, "cd ", 3) && !strstr(line, "||") && !strstr(line, "&&"))
            failed |= complain(path, number, "cd may fail: use cd ... || exit [SC2164]");
        if (strstr(line, "`"))
            failed |= complain(path, number, "use $(...) instead of backticks [SC2006]");
    }
    if (!ended) failed |= complain(path, number, "the last line does not end");
    fclose(file);
    return failed;
}

int main(int count, char **words)
{
    int failed = 0;

    if (count == 2 && !strcmp(words[1], "--version"))
        return printf("ShellCheck - shell script analysis tool\nversion: %s\n", VERSION) < 0;
    for (int word = 1; word < count; word++) failed |= check(words[word]);
    return failed;
}
