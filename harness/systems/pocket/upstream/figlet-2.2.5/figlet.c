/* figlet WORD...: the words, spaced out and underlined. */
#include <ctype.h>
#include <stdio.h>

int main(int count, char **words)
{
    int width = 0;

    for (int word = 1; word < count; word++) {
        for (const char *letter = words[word]; *letter; letter++, width += 2)
            printf("%c ", toupper((unsigned char)*letter));
        printf("  ");
        width += 2;
    }
    putchar('\n');
    while (width-- > 0) putchar('=');
    putchar('\n');
    return 0;
}
