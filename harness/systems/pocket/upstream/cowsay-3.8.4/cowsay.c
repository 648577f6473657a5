/* cowsay WORD...: a cow that says them. */
#include <stdio.h>
#include <string.h>

static void rule(char mark, int width)
{
    putchar(' ');
    while (width-- > 0) putchar(mark);
    putchar('\n');
}

int main(int count, char **words)
{
    int width = 1;

    for (int word = 1; word < count; word++) width += strlen(words[word]) + 1;
    rule('_', width);
    putchar('<');
    for (int word = 1; word < count; word++) printf(" %s", words[word]);
    puts(" >");
    rule('-', width);
    puts("        \\   ^__^\n"
         "         \\  (oo)\\_______\n"
         "            (__)\\       )\\/\\\n"
         "                ||----w |\n"
         "                ||     ||");
    return 0;
}
