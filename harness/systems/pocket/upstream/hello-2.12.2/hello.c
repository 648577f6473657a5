/* The friendly greeting. */
#include <stdio.h>
#include <string.h>

int main(int count, char **words)
{
    const char *greeting = "Hello, world!";

    if (count == 2 && !strcmp(words[1], "--version")) {
        printf("hello (GNU Hello) %s\n", VERSION);
        return 0;
    }
    if (count == 3 && !strcmp(words[1], "--greeting")) greeting = words[2];
    puts(greeting);
    return 0;
}
